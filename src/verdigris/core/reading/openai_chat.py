"""OpenAI Chat Completions, and the many servers that speak it.

https://platform.openai.com/docs/api-reference/chat. Servers differ in where a stream's usage stands: in a last chunk without
choices (OpenAI), in every chunk (vLLM), inside the choice (Moonshot), under `x_groq` (Groq). `cached_tokens` (Moonshot)
and `prompt_cache_hit_tokens` (DeepSeek) are other names for the cache.
"""

from __future__ import annotations

from typing import Any

from verdigris.core.model.reading import Format
from verdigris.core.reading.draft import Draft, Reader, plain_usage
from verdigris.core.reading.members import Members, arguments, members, objects, parts_text, text, word

_COUNTS = {
    "input": ("prompt_tokens",),
    "output": ("completion_tokens",),
    "cache_read": ("prompt_tokens_details", "cached_tokens"),
    "cache_write": ("prompt_tokens_details", "cache_write_tokens"),
    "reasoning": ("completion_tokens_details", "reasoning_tokens"),
}
_OTHER_NAMES = ({"cache_read": ("cached_tokens",)}, {"cache_read": ("prompt_cache_hit_tokens",)})
_FILTERS = frozenset({"content_filter", "content_policy_violation"})


def knows(answer: Members) -> bool:
    """Also an answer of the service's own that passes the provider's usage on."""
    kind = answer.get("object")
    if isinstance(kind, str) and kind.startswith("chat.completion"):
        return True
    choices = answer.get("choices")
    if not isinstance(choices, list):
        if len(answer) == 1 and "message" in members(answer.get("error")):
            return True
        return not {"prompt_tokens", "completion_tokens"}.isdisjoint(members(answer.get("usage")))
    return not choices or any(
        {"message", "delta", "text", "finish_reason"} & choice.keys() for choice in objects(choices)
    )


def read_answer(answer: Members, draft: Draft) -> None:
    if answer.get("error") is not None:
        _filtered(answer["error"], draft)
        return draft.error()
    _note(answer, draft, said="message")
    draft.sealed = True
    return None


def read_event(chunk: Members, draft: Draft) -> None:
    """One chunk. `[DONE]`, which is no JSON, is seen by whoever reads the stream."""
    if chunk.get("error") is not None:
        _filtered(chunk["error"], draft)
        return draft.fail()
    _note(chunk, draft, said="delta")
    return None


def _note(answer: Members, draft: Draft, *, said: str) -> None:
    draft.note_model(answer.get("model"))
    draft.note_fingerprint(answer.get("system_fingerprint"))
    choice = _first(answer.get("choices"), draft)
    for usage in (answer.get("usage"), choice.get("usage"), members(answer.get("x_groq")).get("usage")):
        _tally(usage, draft)
    message = members(choice.get(said))
    draft.add(parts_text(message.get("content")) or text(choice.get("text")))
    refusal = text(message.get("refusal"))
    if refusal:
        draft.refuse("refusal", refusal)
    _tools(message, draft)
    draft.finish(choice.get("finish_reason"))
    if word(choice.get("finish_reason")) in _FILTERS:
        draft.refuse("content_filter")


def _first(choices: Any, draft: Draft) -> Members:
    """The choice the reading is of: number 0, or the only one that came without a number."""
    if choices is not None and not isinstance(choices, list):
        draft.trouble("the choices are no list")
    return next((choice for choice in objects(choices) if choice.get("index", 0) in (0, None)), {})


def _tally(usage: Any, draft: Draft) -> None:
    if isinstance(usage, dict):
        for names in _OTHER_NAMES:
            draft.tally(usage, names)
    draft.tally(usage, _COUNTS)


def _tools(message: Members, draft: Draft) -> None:
    for place, call in enumerate(objects(message.get("tool_calls"))):
        asked = members(call.get("function")) or members(call.get("custom"))
        piece = arguments(asked.get("arguments", asked.get("input")))
        index = call.get("index")
        draft.tool(("tool", index if isinstance(index, int) else place), name=asked.get("name"), piece=piece)
    old = members(message.get("function_call"))
    if old:
        draft.tool("function_call", name=old.get("name"), piece=arguments(old.get("arguments")))


def _filtered(error: Any, draft: Draft) -> None:
    """Azure answers a prompt its filter stopped with an error whose code says so."""
    if word(members(error).get("code")) in _FILTERS:
        draft.refuse("content_filter")


READER = Reader(format=Format.OPENAI_CHAT, knows=knows, answer=read_answer, event=read_event, usage=plain_usage)
