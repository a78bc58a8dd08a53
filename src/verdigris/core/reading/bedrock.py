"""Amazon Bedrock Converse. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and …_ConverseStream.html.

`inputTokens` leaves out what was read from and written to the cache. An event is an object with one member: its type, and what it says.
The model stands in the path of the request only, except where a prompt router names the one it chose.
"""

from __future__ import annotations

from typing import Any

from verdigris.core.model.reading import Format
from verdigris.core.reading.draft import Draft, Reader, usage_beside_caches
from verdigris.core.reading.members import Members, arguments, members, objects, parts_text, text, word

_COUNTS = {
    "input": ("inputTokens",),
    "output": ("outputTokens",),
    "cache_read": ("cacheReadInputTokens",),
    "cache_write": ("cacheWriteInputTokens",),
}
_REFUSALS = {"guardrail_intervened": "guardrail", "content_filtered": "content_filter", "refusal": "refusal"}
_EVENTS = frozenset({"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"})


def knows(answer: Members) -> bool:
    if isinstance(members(answer.get("output")).get("message"), dict):
        return True
    if "stopReason" in answer and "inputTokens" in members(answer.get("usage")):
        return True
    if len(answer) != 1:
        return False
    ((kind, said),) = answer.items()
    return kind in _EVENTS or kind.endswith("Exception") or (kind == "metadata" and "usage" in members(said))


def read_answer(answer: Members, draft: Draft) -> None:
    if answer.keys() <= {"message", "Message", "__type"}:
        return draft.error()
    message = members(members(answer.get("output")).get("message"))
    for place, block in enumerate(objects(message.get("content"))):
        _block(place, block, draft)
    _stop(answer, draft)
    _metadata(answer, draft)
    draft.sealed = True
    return None


def read_event(event: Members, draft: Draft) -> None:
    for kind, said in event.items():
        match kind:
            case "contentBlockStart":
                _block(_place(members(said)), members(members(said).get("start")), draft)
            case "contentBlockDelta":
                _delta(_place(members(said)), members(members(said).get("delta")), draft)
            case "messageStop":
                _stop(members(said), draft)
            case "metadata":
                _metadata(members(said), draft)
                draft.sealed = draft.ended
            case _:
                if kind.endswith("Exception"):
                    draft.fail()


def _place(event: Members) -> int:
    index = event.get("contentBlockIndex")
    return index if isinstance(index, int) else 0


def _block(place: int, block: Members, draft: Draft) -> None:
    draft.add(text(block.get("text")) or parts_text(members(block.get("citationsContent")).get("content")))
    tool = members(block.get("toolUse"))
    if tool:
        draft.tool(place, name=tool.get("name"), piece=arguments(tool.get("input")))


def _delta(place: int, delta: Members, draft: Draft) -> None:
    draft.add(text(delta.get("text")))
    tool = members(delta.get("toolUse"))
    if tool and place in draft.tools:
        draft.tool(place, piece=text(tool.get("input")))


def _stop(said: Members, draft: Draft) -> None:
    reason = word(said.get("stopReason"))
    draft.finish(reason)
    if reason in _REFUSALS:
        draft.refuse(_REFUSALS[reason])


def _metadata(said: Members, draft: Draft) -> None:
    draft.tally(said.get("usage"), _COUNTS)
    router: Any = members(members(said.get("trace")).get("promptRouter"))
    draft.note_model(router.get("invokedModelId"))


READER = Reader(
    format=Format.BEDROCK_CONVERSE, knows=knows, answer=read_answer, event=read_event, usage=usage_beside_caches
)
