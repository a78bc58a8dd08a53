"""Reads an answer of any format: recognises it by its members, reads it event by event, and says what it could not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from verdigris.core.model.reading import Format, Reading
from verdigris.core.model.service import Fields
from verdigris.core.reading import anthropic, bedrock, gemini, openai_chat, openai_responses
from verdigris.core.reading.draft import Draft, Reader
from verdigris.core.reading.members import clean, members
from verdigris.core.reading.own_fields import OwnFields
from verdigris.core.reading.paths import model_in
from verdigris.core.reading.taken import Body, take_apart

READERS: dict[Format, Reader] = {
    reader.format: reader
    for reader in (
        openai_responses.READER,
        anthropic.READER,
        gemini.READER,
        bedrock.READER,
        openai_chat.READER,
    )
}
"""In the order in which `auto` asks them; `FIELDS` is what none of them knows."""


def read_answer(
    *,
    body: bytes,
    content_type: str,
    encoding: str = "",
    path: str = "",
    format: Format | Literal["auto"] = "auto",  # noqa: A002 -- the configuration's word
    fields: Fields = Fields(),  # noqa: B008 -- frozen
    is_whole: bool = True,
    cut: bool = False,
) -> Reading:
    """Never raises. `is_whole` and `cut` are as of an Exchange; `path` is the request's, in which some formats name the model."""
    taken = take_apart(body, content_type, encoding)
    reader = READERS.get(_recognised(taken) if format == "auto" else format)
    own = OwnFields(names=fields)
    draft = _drafted(taken, reader, own)
    ended = _has_ended(taken, reader, draft, is_sent=is_whole and not cut)
    text, problem = _said(taken, reader, draft, own)
    reading = Reading(
        format=reader.format if reader is not None else Format.FIELDS,
        text=text,
        model=draft.model or _model_of(path, reader),
        fingerprint=draft.fingerprint,
        finish_reason=draft.finish_reason,
        refusal=draft.refusal if reader is not None else None,
        refusal_kind=draft.refusal_kind,
        tool_calls=draft.calls(),
        cost=own.cost,
        quality=own.quality,
        is_complete=ended and not draft.failed,
        is_stream=taken.is_stream,
        problem=problem,
    )
    if reader is None:
        return reading
    return replace(reading, usage=replace(reader.usage(draft.counts), partial=not ended))


def _recognised(taken: Body) -> Format:
    if taken.kind is not None:
        return taken.kind
    known = (reader.format for one in taken.objects for reader in READERS.values() if reader.knows(one))
    return next(known, Format.FIELDS)


def _drafted(taken: Body, reader: Reader | None, own: OwnFields) -> Draft:
    draft = Draft(sealed=taken.is_done)
    for one in taken.objects:
        for top in one.values() if taken.kind is Format.BEDROCK_CONVERSE else (one,):
            own.note(members(top), any_output=reader is None)
        if reader is not None:
            (reader.event if taken.is_stream else reader.answer)(one, draft)
    if taken.is_broken and not taken.is_stream:
        draft.sealed = draft.ended = False  # members come in any order: the last of them may say more
    if reader is not None and not (draft.errored or draft.failed or any(map(reader.knows, taken.objects))):
        draft.errored = not taken.is_stream
        draft.trouble(f"nothing of {reader.format.value} is in the answer")
    return draft


def _has_ended(taken: Body, reader: Reader | None, draft: Draft, *, is_sent: bool) -> bool:
    """Whether nothing is missing. A format's own last word is enough: clients hang up when they have seen it.

    So is the end of a JSON object. Otherwise the transport must say that all was sent.
    """
    if taken.is_broken:
        return taken.is_stream and draft.sealed
    if not taken.is_stream:
        return (is_sent or bool(taken.objects)) and (reader is None or draft.sealed or draft.errored)
    return draft.sealed or (is_sent and (reader is None or draft.ended))


def _said(taken: Body, reader: Reader | None, draft: Draft, own: OwnFields) -> tuple[str, str]:
    """The text, and the problem there was. The service's own output stands before the provider's."""
    problem = taken.problem or draft.problem or own.problem
    if own.texts:
        return own.text, problem
    if reader is not None:
        return draft.text, problem
    if taken.objects and not problem and own.names.output is not None:
        problem = "no provider's format was recognised, and the field of the output is not there"
    return clean(taken.plain), problem


def _model_of(path: str, reader: Reader | None) -> str | None:
    if reader is None or reader.format not in (Format.BEDROCK_CONVERSE, Format.GEMINI):
        return None
    return model_in(path)
