"""Bodies of the played providers without a network: what each would send for a script."""

import json
from dataclasses import dataclass

from verdigris.core.model.reading import Format
from verdigris.testing.providers.app import PROVIDERS, Provider
from verdigris.testing.providers.script import Received, Scripted

ASKED = {
    Format.OPENAI_CHAT: ("/v1/chat/completions", {"model": "gpt-4o-mini", "stream_options": {"include_usage": True}}),
    Format.OPENAI_RESPONSES: ("/v1/responses", {"model": "gpt-5-mini", "input": "hi"}),
    Format.ANTHROPIC: ("/v1/messages", {"model": "claude-sonnet-4-6"}),
    Format.GEMINI: ("/v1beta/models/gemini-2.5-flash:generateContent", {}),
    Format.BEDROCK_CONVERSE: ("/model/anthropic.claude-sonnet-4-6-v1%3A0/converse", {}),
}
FORMATS = tuple(ASKED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What travelled. `ends` are the positions at which the events of a stream end."""

    body: bytes
    content_type: str
    path: str
    ends: tuple[int, ...] = ()


def sent(form: Format, script: Scripted, *, stream: bool) -> Sent:
    path, body = ASKED[form]
    if stream:
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse").replace(
            "/converse", "/converse-stream"
        )
    received = Received(number=1, method="POST", path=path, headers={}, body=body)
    provider: Provider = next(one for one in PROVIDERS if one.takes(received))
    if not stream:
        whole = provider.reply(script, received).body
        return Sent(body=json.dumps(whole, ensure_ascii=False).encode(), content_type="application/json", path=path)
    events = list(provider.events(script, received))
    ends = tuple(sum(map(len, events[: place + 1])) for place in range(len(events)))
    return Sent(body=b"".join(events), content_type=provider.content_type, path=path, ends=ends)
