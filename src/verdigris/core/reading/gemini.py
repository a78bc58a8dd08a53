"""Gemini `generateContent`, of the Gemini API and of Vertex AI. https://ai.google.dev/api/generate-content

Each event of a stream is a whole response with the next parts. `candidatesTokenCount` leaves out the thoughts, `promptTokenCount`
what tools gave back to the model; `totalTokenCount` is the sum of all four, and JSON made from protocol buffers leaves out zeros.
"""

from __future__ import annotations

from collections.abc import Mapping

from verdigris.core.model.reading import Format, Usage
from verdigris.core.reading.draft import Draft, Reader
from verdigris.core.reading.members import Members, arguments, members, objects, text, word

_COUNTS = {
    "prompt": ("promptTokenCount",),
    "candidates": ("candidatesTokenCount",),
    "thoughts": ("thoughtsTokenCount",),
    "tools": ("toolUsePromptTokenCount",),
    "cached": ("cachedContentTokenCount",),
    "total": ("totalTokenCount",),
}
_WITHHELD = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "MODEL_ARMOR",
    }
)


def knows(answer: Members) -> bool:
    return (
        any({"content", "finishReason"} & one.keys() for one in objects(answer.get("candidates")))
        or isinstance(answer.get("usageMetadata"), dict)
        or isinstance(answer.get("promptFeedback"), dict)
        or (len(answer) == 1 and isinstance(members(answer.get("error")).get("status"), str))
    )


def read_answer(answer: Members, draft: Draft) -> None:
    if answer.get("error") is not None:
        return draft.error()
    read_event(answer, draft)
    draft.sealed = True
    return None


def read_event(answer: Members, draft: Draft) -> None:
    if answer.get("error") is not None:
        return draft.fail()
    draft.note_model(answer.get("modelVersion"))
    draft.tally(answer.get("usageMetadata"), _COUNTS)
    blocked = word(members(answer.get("promptFeedback")).get("blockReason"))
    if blocked and blocked != "BLOCK_REASON_UNSPECIFIED":
        draft.refuse(blocked.lower())
        draft.finish(blocked)
    candidates = objects(answer.get("candidates"))
    _candidate(next((one for one in candidates if one.get("index", 0) in (0, None)), {}), draft)
    return None


def _candidate(candidate: Members, draft: Draft) -> None:
    for part in objects(members(candidate.get("content")).get("parts")):
        if part.get("thought") is not True:
            draft.add(text(part.get("text")))
        call = members(part.get("functionCall"))
        if call:
            _call(call, draft)
    reason = word(candidate.get("finishReason"))
    if reason == "FINISH_REASON_UNSPECIFIED":
        return
    draft.finish(reason)
    if reason in _WITHHELD:
        draft.refuse(reason.lower())


def _call(call: Members, draft: Draft) -> None:
    """A call comes whole, or its name first and then, without it, its arguments piece by piece."""
    if word(call.get("name")) is not None:
        comes_later = call.get("willContinue") is True or "partialArgs" in call
        given = call.get("args", None if comes_later else {})
        draft.tool(len(draft.tools), name=call.get("name"), piece=arguments(given))
    for piece in objects(call.get("partialArgs")):
        draft.tool_member(len(draft.tools) - 1, piece)


def usage(counts: Mapping[str, int]) -> Usage:
    return Usage(
        input=_sum(counts, "prompt", "tools"),
        output=_output(counts),
        cache_read=counts.get("cached"),
        reasoning=counts.get("thoughts"),
    )


def _sum(counts: Mapping[str, int], *names: str) -> int | None:
    known = [counts[name] for name in names if name in counts]
    return sum(known) if known else None


def _output(counts: Mapping[str, int]) -> int | None:
    """Where neither part of it is there, the total tells: a zero may have been left out."""
    known = _sum(counts, "candidates", "thoughts")
    if known is not None or not {"prompt", "total"} <= counts.keys():
        return known
    rest = counts["total"] - counts["prompt"] - counts.get("tools", 0)
    return rest if rest >= 0 else None


READER = Reader(format=Format.GEMINI, knows=knows, answer=read_answer, event=read_event, usage=usage)
