"""Anthropic Messages. https://docs.anthropic.com/en/api/messages and …/build-with-claude/streaming.

`input_tokens` leaves out what was read from and written to the cache. The usage of `message_delta` is cumulative: it replaces.
"""

from __future__ import annotations

from verdigris.core.model.reading import Format
from verdigris.core.reading.draft import Draft, Reader, usage_beside_caches
from verdigris.core.reading.members import Members, arguments, members, objects, text, word

_COUNTS = {
    "input": ("input_tokens",),
    "output": ("output_tokens",),
    "cache_read": ("cache_read_input_tokens",),
    "cache_write": ("cache_creation_input_tokens",),
    "reasoning": ("output_tokens_details", "thinking_tokens"),
}
_EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)
_TOOLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


def knows(answer: Members) -> bool:
    kind = answer.get("type")
    if kind == "message":
        return isinstance(answer.get("content"), list) and not {"role", "stop_reason"}.isdisjoint(answer)
    if kind == "error":
        return isinstance(answer.get("error"), dict)
    return isinstance(kind, str) and kind in _EVENTS


def read_answer(answer: Members, draft: Draft) -> None:
    if answer.get("type") == "error":
        return draft.error()
    _begin(answer, draft)
    for place, block in enumerate(objects(answer.get("content"))):
        _block(place, block, draft)
    _end(answer, draft)
    draft.sealed = True
    return None


def read_event(event: Members, draft: Draft) -> None:
    match event.get("type"):
        case "message_start":
            _begin(members(event.get("message")), draft)
        case "content_block_start":
            _block(_place(event), members(event.get("content_block")), draft, whole=False)
        case "content_block_delta":
            _delta(_place(event), members(event.get("delta")), draft)
        case "message_delta":
            draft.tally(event.get("usage"), _COUNTS)
            _end(members(event.get("delta")), draft)
        case "message_stop":
            draft.sealed = True
        case "error":
            draft.fail()
        case _:
            pass


def _begin(message: Members, draft: Draft) -> None:
    draft.note_model(message.get("model"))
    draft.tally(message.get("usage"), _COUNTS)


def _place(event: Members) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _block(place: int, block: Members, draft: Draft, *, whole: bool = True) -> None:
    """A stream begins a tool's block with an empty input, which is no piece of its arguments."""
    kind = block.get("type")
    if kind == "text":
        draft.add(text(block.get("text")))
    elif isinstance(kind, str) and kind in _TOOLS:
        given = block.get("input")
        draft.tool(place, name=block.get("name"), piece=arguments(given) if whole or given else "")


def _delta(place: int, delta: Members, draft: Draft) -> None:
    if delta.get("type") == "text_delta":
        draft.add(text(delta.get("text")))
    elif delta.get("type") == "input_json_delta" and place in draft.tools:
        draft.tool(place, piece=text(delta.get("partial_json")))


def _end(said: Members, draft: Draft) -> None:
    draft.finish(said.get("stop_reason"))
    if said.get("stop_reason") == "refusal":
        draft.refuse(word(members(said.get("stop_details")).get("category")) or "refusal")


READER = Reader(format=Format.ANTHROPIC, knows=knows, answer=read_answer, event=read_event, usage=usage_beside_caches)
