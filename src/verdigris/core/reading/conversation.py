"""The turns of a conversation as people read them, from the messages of any format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from verdigris.core.reading.members import Members, arguments, clean, members, objects, text, word

Turn = tuple[str, str]
"""Who spoke, and what was said."""

_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoningContent", "thoughtSignature"})
_DEEPEST = 3  # results of tools hold contents of their own


def said(content: Any, depth: int = 0) -> str:
    """The text of a message's content; of what is no text, its kind in brackets."""
    if isinstance(content, str):
        return text(content)
    if not isinstance(content, list) or depth >= _DEEPEST:
        return ""
    pieces = (_part(part, depth) if isinstance(part, dict) else text(part) for part in content)
    return "\n".join(piece for piece in pieces if piece)


def _part(part: Members, depth: int) -> str:
    kind = part.get("type")
    named = isinstance(kind, str)
    if (named and kind in _THOUGHTS) or part.get("thought") is True:
        return ""
    if (named and kind in _TEXTS) or (not named and "text" in part):
        return text(part.get("text", part.get("refusal")))
    call = members(part.get("toolUse")) or members(part.get("functionCall")) or (part if kind == "tool_use" else {})
    if call:
        return f"[tool {text(call.get('name'))} {arguments(call.get('input', call.get('args')))}]"
    result = members(part.get("toolResult")) or (part if kind == "tool_result" else {})
    if result:
        return said(result.get("content"), depth + 1)
    answered = members(part.get("functionResponse"))
    if answered:
        return arguments(answered.get("response"))
    if not named and "json" in part:
        return arguments(part.get("json"))
    return _placeholder(part)


def _placeholder(part: Members) -> str:
    name = word(part.get("type")) or next((key for key in part if key not in _THOUGHTS), "")
    known = {
        "image_url": "image",
        "input_image": "image",
        "inlineData": "file",
        "fileData": "file",
        "input_file": "file",
    }
    name = known.get(name, name)
    return f"[{name}]" if name and name not in ("cachePoint", "cache_control") and len(name) <= 40 else ""


def turns(messages: Any, *, content: str = "content") -> list[Turn]:
    """Of a list of messages; of one that has none but calls tools, the calls."""
    found = []
    for message in objects(messages):
        spoken = said(message.get(content))
        calls = "\n".join(_call(call) for call in objects(message.get("tool_calls")))
        found.append((word(message.get("role")) or "user", "\n".join(filter(None, (spoken, calls)))))
    return found


def _call(call: Members) -> str:
    asked = members(call.get("function")) or members(call.get("custom"))
    return f"[tool {text(asked.get('name'))} {arguments(asked.get('arguments', asked.get('input')))}]"


def told(spoken: Iterable[Turn], *, systems: tuple[str, ...] = ("system", "developer")) -> str:
    """What the model was instructed to do."""
    return clean("\n\n".join(words for who, words in spoken if who in systems and words))


def asked(spoken: Iterable[Turn], *, systems: tuple[str, ...] = ("system", "developer")) -> str:
    """What it was asked: one question as it is; several turns each with who spoke."""
    rest = [(who, words) for who, words in spoken if who not in systems and words]
    if len(rest) == 1 and rest[0][0] == "user":
        return clean(rest[0][1])
    return clean("\n\n".join(f"{who}: {words}" for who, words in rest))


def names(tools: Any, *path: str) -> tuple[str, ...]:
    """The names of tools, each of which stands under one of `path`, or at the top."""
    found: list[str] = []
    for tool in objects(tools):
        holder: Mapping[str, Any] = next((members(tool[step]) for step in path if step in tool), tool)
        name = word(holder.get("name")) or word(tool.get("type"))
        if name is not None:
            found.append(name)
    return tuple(found)
