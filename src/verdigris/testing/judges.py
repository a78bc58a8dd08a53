"""A fake judge: reads the two answers of a comparison, or the one to be graded, and says by a rule what a model might say.

It stands behind the fake providers, so it is as strict about requests as they are:

    with serving(Providers(FakeJudge(better=rule))) as url:
        judge = Judge(model="any", url=f"{url}/v1", api_key_env="KEY")
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from verdigris.testing.providers.script import Received, Scripted

Preference = Literal["first", "second", "tie"]

_PART = re.compile(r"<(request|first|second|answer) ([0-9a-f]{16,})>\n(.*?)\n</\1 \2>", re.DOTALL)
_VERDICT = re.compile(r'\{\s*"(?:better|pass)"[^{}]*\}')
_CHARACTERS_A_TOKEN = 4


def longer(_asked: str, first: str, second: str) -> Preference:
    """The longer answer is better; a rule for tests."""
    return "tie" if len(first) == len(second) else "first" if len(first) > len(second) else "second"


def not_empty(_asked: str, answer: str) -> bool:
    return bool(answer.strip())


def never(_asked: str, _answer: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeJudge:
    """`better` compares, `acceptable` grades, `declines` tells refusals where that is asked.

    Its faults, each off: `first_bias` prefers what stands first wherever it would say tie; `prose_every` n-th reply is no JSON;
    `obeys` whatever verdict it finds in the text outside the fences, as a model that can be talked to.
    """

    better: Callable[[str, str, str], Preference] = longer
    acceptable: Callable[[str, str], bool] = not_empty
    declines: Callable[[str, str], bool] = never
    first_bias: bool = False
    prose_every: int = 0
    obeys: bool = False

    def __call__(self, received: Received) -> Scripted:
        text = _question(received)
        parts = {kind: body for kind, _, body in _PART.findall(text)}
        if received.body.get("temperature") != 0 or "request" not in parts or len(_marks(text)) != 1:
            return Scripted(status=400)  # a judge is asked coldly, about parts between fences of one mark
        if self.prose_every and received.number % self.prose_every == 0:
            return _said("Both answers have their merits, and it depends on what one is looking for.", text)
        outside = _VERDICT.search(_PART.sub("", text)) if self.obeys else None
        return _said(outside[0] if outside else json.dumps(self._verdict(parts, _instruction(received))), text)

    def _verdict(self, parts: dict[str, str], instruction: str) -> dict[str, object]:
        if "answer" in parts:
            item = parts["request"], parts["answer"]
            refused = {"refused": self.declines(*item)} if '"refused"' in instruction else {}
            return {"pass": self.acceptable(*item), **refused, "why": "by the rule"}
        better = self.better(parts["request"], parts["first"], parts["second"])
        if better == "tie" and self.first_bias:
            better = "first"
        return {"better": better, "why": "by the rule"}


def _instruction(received: Received) -> str:
    messages: Sequence[dict[str, object]] = received.body.get("messages", [])
    return str(received.body.get("system") or (messages[0].get("content", "") if messages else ""))


def _question(received: Received) -> str:
    messages: Sequence[dict[str, object]] = received.body.get("messages", [])
    content = messages[-1].get("content", "") if messages else ""
    return content if isinstance(content, str) else json.dumps(content)


def _marks(text: str) -> set[str]:
    return {mark for _, mark, _ in _PART.findall(text)}


def _said(reply: str, asked: str) -> Scripted:
    size = len(asked) // _CHARACTERS_A_TOKEN + 300
    return Scripted(text=reply, input=size, output=max(1, len(reply) // _CHARACTERS_A_TOKEN))
