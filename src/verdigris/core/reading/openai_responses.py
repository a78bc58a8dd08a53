"""OpenAI Responses. https://platform.openai.com/docs/api-reference/responses and …/responses-streaming.

The finish reason is `incomplete_details.reason` where there is one, else `status`. A stream ends with `response.completed`,
`response.incomplete` or `response.failed`, which hold the whole response once more: it replaces what the pieces gave.
"""

from __future__ import annotations

from verdigris.core.model.reading import Format
from verdigris.core.reading.draft import Draft, Reader, plain_usage
from verdigris.core.reading.members import Members, arguments, members, objects, text, word

_COUNTS = {
    "input": ("input_tokens",),
    "output": ("output_tokens",),
    "cache_read": ("input_tokens_details", "cached_tokens"),
    "cache_write": ("input_tokens_details", "cache_write_tokens"),
    "reasoning": ("output_tokens_details", "reasoning_tokens"),
}
_TOOLS = frozenset({"function_call", "custom_tool_call", "mcp_call"})
_PIECES_OF_TOOLS = frozenset(
    {"response.function_call_arguments", "response.custom_tool_call_input", "response.mcp_call_arguments"}
)
_UNDER_WAY = frozenset({"queued", "in_progress"})
_BROKEN_OFF = frozenset({"failed", "cancelled"})
_POLICIES = (
    "content_filter",
    "policy",
)  # in the codes of errors: content_filter, bio_policy, misalignment_policy_violation …


def knows(answer: Members) -> bool:
    kind = answer.get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        return True
    if answer.get("object") == "response":
        return True
    return any({"type", "id", "content"} <= item.keys() for item in objects(answer.get("output")))


def read_answer(answer: Members, draft: Draft) -> None:
    _note(answer, draft)
    for place, item in enumerate(objects(answer.get("output"))):
        _item(place, item, draft)
    _close(answer, draft)


def read_event(event: Members, draft: Draft) -> None:
    kind = event.get("type")
    if not isinstance(kind, str):
        return
    place = _place(event)
    match kind:
        case "response.created" | "response.in_progress" | "response.queued":
            _note(members(event.get("response")), draft)
        case "response.completed" | "response.incomplete" | "response.failed":
            _last(members(event.get("response")), draft, status=kind.removeprefix("response."))
        case "response.output_text.delta":
            draft.add(text(event.get("delta")))
        case "response.refusal.delta":
            draft.refuse("refusal", text(event.get("delta")))
        case "response.output_item.added" | "response.output_item.done":
            item = members(event.get("item"))
            if word(item.get("type")) in _TOOLS:
                _tool(place, item, draft)
        case "error":
            draft.fail()
        case _:
            _piece(kind, event, draft)


def _place(event: Members) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else 0


def _piece(kind: str, event: Members, draft: Draft) -> None:
    what, _, step = kind.rpartition(".")
    place = _place(event)
    if what not in _PIECES_OF_TOOLS or place not in draft.tools:
        return
    if step == "delta":
        draft.tool(place, piece=text(event.get("delta")))
    elif step == "done":
        whole = event.get("arguments", event.get("input"))
        if isinstance(whole, str):
            draft.tool(place, whole=text(whole))


def _last(answer: Members, draft: Draft, *, status: str) -> None:
    """The whole response stands in its last event; where a server leaves its output out, the pieces stay."""
    if any(item.get("type") == "message" for item in objects(answer.get("output"))):
        draft.texts.clear()
        draft.refusal_texts.clear()
    read_answer({"status": status, **answer}, draft)
    draft.sealed = True


def _note(answer: Members, draft: Draft) -> None:
    draft.note_model(answer.get("model"))
    draft.tally(answer.get("usage"), _COUNTS)


def _close(answer: Members, draft: Draft) -> None:
    status = word(answer.get("status"))
    reason = word(members(answer.get("incomplete_details")).get("reason"))
    draft.sealed = status not in _UNDER_WAY
    if draft.sealed:
        draft.finish(reason or status)
    if reason == "content_filter":
        draft.refuse("content_filter")
    code = word(members(answer.get("error")).get("code"))
    if code and any(part in code for part in _POLICIES):
        draft.refuse(code)
    if status in _BROKEN_OFF or answer.get("error") is not None:
        draft.fail()


def _item(place: int, item: Members, draft: Draft) -> None:
    if word(item.get("type")) in _TOOLS:
        return _tool(place, item, draft)
    if item.get("type") != "message":
        return None
    for part in objects(item.get("content")):
        if part.get("type") == "output_text":
            draft.add(text(part.get("text")))
        elif part.get("type") == "refusal":
            draft.refuse("refusal", text(part.get("refusal")))
    return None


def _tool(place: int, item: Members, draft: Draft) -> None:
    """An item comes twice in a stream, its arguments empty at first; what is there in full replaces the pieces."""
    given = arguments(item.get("arguments", item.get("input")))
    draft.tool(place, name=item.get("name"), whole=given or None)


READER = Reader(format=Format.OPENAI_RESPONSES, knows=knows, answer=read_answer, event=read_event, usage=plain_usage)
