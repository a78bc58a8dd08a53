"""What can be seen in an answer without asking anybody: whether it is empty, broken off, malformed, in another language,
going round in circles, or holds what it should not.

A defect makes an answer unusable whoever reads it. A refusal is none, it is counted as a refusal. Where nothing can be told, as of an
answer that could not be read, nothing is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from verdigris.adapters.scorers.language import language_of
from verdigris.adapters.scorers.refusals import refusal_of
from verdigris.adapters.scorers.repetition import loops
from verdigris.adapters.scorers.words import version_of
from verdigris.core.model.reading import Reading
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score

Check = Literal["empty", "truncated", "json", "language", "length", "loop", "leak", "pii"]
ALL: tuple[Check, ...] = ("empty", "truncated", "json", "language", "length", "loop", "leak", "pii")

REFUSAL = "refusal"
"""Label of a refusal; what follows after a colon is the layer that told."""

_CODE = 1
_CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded", "incomplete"})
_SPAN = 60  # characters of the instruction, word for word
_STEP = 15
_READ = 60_000
_FENCE = re.compile(r"^```[a-z]*\s*|\s*```$")
_PRIVATE = re.compile(r"\[(?:card|iban)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Heuristics:
    """`checks` to be made. `min_length` and `max_length` count characters; `language` (ISO 639-1) is that of all answers, else the
    request's own.
    """

    checks: tuple[Check, ...] = ALL
    min_length: int | None = None
    max_length: int | None = None
    language: str | None = None

    is_free: ClassVar[bool] = True
    in_loop: ClassVar[bool] = False
    finds_defects: ClassVar[bool] = True
    tells_refusals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if min(self.min_length or 0, self.max_length or 0) < 0:
            raise ValueError("min_length and max_length are numbers of characters, from 0 on")
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            raise ValueError("min_length is above max_length, so that every answer would be a defect")
        if self.language is not None and not re.fullmatch("[a-z]{2}", self.language):
            raise ValueError("language is a code of two small letters (ISO 639-1), such as en")

    @property
    def name(self) -> str:
        return "heuristics"

    @property
    def version(self) -> str:
        return version_of(self, code=_CODE)

    async def score(self, sample: Sample) -> Score:
        return self.look(sample)

    def look(self, sample: Sample) -> Score:
        """Its word on one answer; takes about a millisecond."""
        reading = sample.reading
        if sample.failed or sample.status >= 400 or not reading.is_complete or _is_unread(reading):
            return Score(scorer=self.name, version=self.version, label="unread")
        refused, layer = refusal_of(reading)
        spoken = language_of(reading.text)
        traits = {"form": _form(sample, reading)} | ({"language": spoken} if spoken else {})
        if refused:
            label, why = f"{REFUSAL}: {layer}", f"a refusal, told by the {layer}"
            return Score(
                scorer=self.name, version=self.version, passed=True, label=label, explanation=why, traits=traits
            )
        found = list(self._defects(sample, spoken))
        return Score(
            scorer=self.name,
            version=self.version,
            passed=not found,
            label=found[0][0] if found else "",
            explanation="; ".join(why for _, why in found),
            traits=traits,
        )

    def _defects(self, sample: Sample, spoken: str | None) -> Iterator[tuple[str, str]]:
        for check in self.checks:
            if check == "language":
                wanted = self.language or (language_of(sample.input) if spoken else None)
                if spoken and wanted and spoken != wanted:
                    yield check, f"the answer is in {spoken}, the request in {wanted}"
            elif check == "length":
                yield from self._length(sample.reading)
            elif why := _LOOKS[check](sample):
                yield check, why

    def _length(self, reading: Reading) -> Iterator[tuple[str, str]]:
        size = len(reading.text)
        if reading.tool_calls and not reading.text:
            return
        if self.min_length is not None and size < self.min_length:
            yield "length", f"{size} characters, fewer than {self.min_length}"
        if self.max_length is not None and size > self.max_length:
            yield "length", f"{size} characters, more than {self.max_length}"


def _is_unread(reading: Reading) -> bool:
    return bool(reading.problem) and not reading.text and not reading.tool_calls


def _form(sample: Sample, reading: Reading) -> str:
    if reading.tool_calls:
        return "tool call"
    if not reading.text.strip():
        return "empty"
    if sample.wants_json or reading.text.lstrip()[:1] in "{[":
        return "json" if _is_json(reading.text) else "broken json"
    return "text"


def _empty(sample: Sample) -> str:
    reading = sample.reading
    return "nothing was answered" if not reading.text.strip() and not reading.tool_calls else ""


def _truncated(sample: Sample) -> str:
    reason = (sample.reading.finish_reason or "").lower()
    return f"cut off: {reason}" if reason in _CUT_OFF else ""


def _json(sample: Sample) -> str:
    reading = sample.reading
    if not sample.wants_json or reading.tool_calls or not reading.text.strip():
        return ""
    return "" if _is_json(reading.text) else "JSON was asked for, and this is none"


def _is_json(text: str) -> bool:
    try:
        json.loads(_FENCE.sub("", text.strip()))
    except (ValueError, RecursionError):
        return False
    return True


def _loop(sample: Sample) -> str:
    return "the same words again and again" if loops(sample.reading.text) else ""


def _leak(sample: Sample) -> str:
    """A long span of the instruction, word for word, that the user did not write himself."""
    secret, said = _plain(sample.system), _plain(sample.reading.text)
    if len(secret) < _SPAN // 2 or not said:
        return ""
    asked = _plain(sample.input)
    spans = (secret[place : place + _SPAN] for place in range(0, max(1, len(secret) - _SPAN + 1), _STEP))
    return "holds the instruction word for word" if any(s in said and s not in asked for s in spans) else ""


def _plain(text: str) -> str:
    return " ".join(text[:_READ].lower().split())


def _pii(sample: Sample) -> str:
    """Samples are redacted, so a payment card or an account in the answer is a placeholder by now."""
    found = len(_PRIVATE.findall(sample.reading.text)) - len(_PRIVATE.findall(sample.input))
    return "tells a payment card or an account" if found > 0 else ""


_LOOKS: Mapping[str, Callable[[Sample], str]] = {
    "empty": _empty,
    "truncated": _truncated,
    "json": _json,
    "loop": _loop,
    "leak": _leak,
    "pii": _pii,
}
