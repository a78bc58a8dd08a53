"""A body taken apart into the objects in it, whatever it is: JSON, an event stream, a binary one, or plain text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from verdigris.core.model.reading import Format
from verdigris.core.reading import eventstream, gemini
from verdigris.core.reading.bodies import as_text, undone
from verdigris.core.reading.json_text import parse
from verdigris.core.reading.members import Members
from verdigris.core.reading.sse import Event, events

_DONE = "[DONE]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A body taken apart: the objects in it, or else `plain`, its text.

    `is_broken`: not all of it is here. `is_done`: a stream said `[DONE]`. `kind` is what only the content type could tell.
    """

    objects: tuple[Members, ...] = ()
    plain: str = ""
    is_stream: bool = False
    is_broken: bool = False
    is_done: bool = False
    kind: Format | None = None
    problem: str = ""


def take_apart(body: bytes, content_type: str, encoding: str) -> Body:
    kind = content_type.partition(";")[0].strip().lower()
    plain = undone(body, encoding)
    if plain.problem and not plain.data:
        return Body(is_broken=plain.is_cut, problem=plain.problem)
    if kind == "application/vnd.amazon.eventstream":
        taken = _binary(plain.data)
    else:
        text, trouble = as_text(plain.data)
        taken = _sse(text) if _is_sse(kind, text) else _json(text, kind)
        taken = replace(taken, problem=taken.problem or trouble)
    return replace(taken, is_broken=taken.is_broken or plain.is_cut, problem=plain.problem or taken.problem)


def _is_sse(kind: str, text: str) -> bool:
    """By the content type, or where another one was given, by how the body begins."""
    return kind == "text/event-stream" or (kind != "text/plain" and text.startswith(("data:", "event:")))


def _sse(text: str) -> Body:
    found: list[Members] = []
    pieces: list[str] = []
    done, broken, problem = False, False, ""
    for event in events(text):
        if event.data.strip() == _DONE:
            done = True
            continue
        parsed = parse(event.data) if event.data.lstrip().startswith("{") else None
        if parsed is None:
            pieces.append(event.data)
        elif isinstance(parsed.value, dict) and not parsed.is_broken:
            found.append(_named(parsed.value, event))
            problem = problem or parsed.problem
        elif event.is_ended:
            problem = problem or "an event of the stream is not well-formed JSON"
        else:
            broken = True
    plain = "" if found else "".join(pieces)
    return Body(objects=tuple(found), plain=plain, is_stream=True, is_broken=broken, is_done=done, problem=problem)


def _named(value: dict[str, Any], event: Event) -> Members:
    """Some servers name an event only in the stream, not in its data."""
    return value if "type" in value or event.name == "message" else {**value, "type": event.name}


def _json(text: str, kind: str) -> Body:
    """An object, or a list of them: a stream of Gemini's without `alt=sse`. Anything else that is text is what was said."""
    stripped = text.lstrip()
    if (kind.startswith("text/") or not stripped) and not stripped.startswith("{"):
        return Body(plain=text)
    parsed = parse(text)
    if isinstance(parsed.value, list) and any(gemini.knows(one) for one in parsed.value if isinstance(one, dict)):
        found = tuple(one for one in parsed.value if isinstance(one, dict))
        return Body(objects=found, is_stream=True, is_broken=parsed.is_broken, problem=parsed.problem)
    if isinstance(parsed.value, dict):
        return Body(objects=(parsed.value,), plain=text, is_broken=parsed.is_broken, problem=parsed.problem)
    problem = parsed.problem or "the answer is no JSON object"
    return Body(plain=text, is_broken=parsed.is_broken, problem="" if kind.startswith("text/") else problem)


def _binary(data: bytes) -> Body:
    stream = eventstream.messages(data)
    found: list[Members] = []
    problem = stream.problem
    for message in stream.found:
        name = message.headers.get(":event-type") or message.headers.get(":exception-type") or ""
        text, trouble = as_text(message.payload)
        parsed = parse(text) if text else None
        said = parsed.value if parsed is not None and isinstance(parsed.value, dict) else {}
        problem = problem or trouble or (parsed.problem if parsed is not None else "")
        if message.headers.get(":message-type") in ("exception", "error") and not name.endswith("Exception"):
            name = f"{name}Exception"
        found.append({name: said})
    broken = stream.is_cut or bool(stream.problem)
    return Body(objects=tuple(found), is_stream=True, is_broken=broken, kind=Format.BEDROCK_CONVERSE, problem=problem)
