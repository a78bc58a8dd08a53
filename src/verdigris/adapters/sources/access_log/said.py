"""What the ANSWER field of an access log line says: tokens as totals, whatever the provider counts, and the rest as it stands.

- Anthropic and Bedrock leave the tokens of caches out of the input; here they are in it. Gemini leaves thoughts out of the output and
  what its tools brought out of the input; here they are in.
- An answer that broke off before it told why it ended has told no whole count: its tokens are not known.
"""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from verdigris.adapters.line import INNER, LETTERS, UNKNOWN, Answer
from verdigris.adapters.sources.access_log.words import Words
from verdigris.core.model.reading import Format
from verdigris.core.reading.members import MOST_TOKENS

WITHHELD = frozenset(
    {
        "content_filter",
        "refusal",
        "guardrail_intervened",
        "content_filtered",
        *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    }
)
"""The providers' reasons of an end that are refusals."""

_INNER = INNER.encode()
_UNKNOWN = UNKNOWN.encode()
_FORMATS = {letter.encode(): known for letter, known in LETTERS.items()}
_WITHOUT_CACHES = frozenset({Format.ANTHROPIC, Format.BEDROCK_CONVERSE})


class Said(NamedTuple):
    """As in Observation. `None` means unknown, never zero."""

    input: int | None = None
    output: int | None = None
    cost: float | None = None
    quality: float | None = None
    finish: str | None = None
    model: str | None = None
    refused: bool | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    fingerprint: str | None = None


NOTHING = Said()


def said(raw: bytes, words: Words, parts: int, *, broke_off: bool) -> Said:
    """`parts` is how many the field has with the kinds of requests behind. Never raises."""
    found = raw.split(_INNER)
    if len(found) != parts:
        return NOTHING
    finish = _word(found[Answer.FINISH_REASON], words)
    cost, quality = _number(found[Answer.COST]), _number(found[Answer.QUALITY])
    model, refused = _word(found[Answer.MODEL], words), _refused(found[Answer.REFUSAL] != _UNKNOWN, finish)
    fingerprint = _word(found[Answer.FINGERPRINT], words)
    if broke_off and finish is None:
        return Said(cost=cost, quality=quality, model=model, refused=refused, fingerprint=fingerprint)
    read, written, thought = (
        _count(found[place]) for place in (Answer.CACHE_READ, Answer.CACHE_WRITE, Answer.REASONING)
    )
    asked, answered = _count(found[Answer.INPUT_TOKENS]), _count(found[Answer.OUTPUT_TOKENS])
    kind = _FORMATS.get(found[Answer.FORMAT])
    if kind in _WITHOUT_CACHES:
        asked = _sum(asked, read, written)
    elif kind is Format.GEMINI:
        asked, written, answered = _sum(asked, written), None, _sum(answered, thought)
    return Said(
        input=asked,
        output=answered,
        cost=cost,
        quality=quality,
        finish=finish,
        model=model,
        refused=refused,
        cache_read=read,
        cache_write=written,
        reasoning=thought,
        fingerprint=fingerprint,
    )


def _sum(first: int | None, *others: int | None) -> int | None:
    """Not known where the first is not; the others add what they are known to."""
    return None if first is None else first + sum(part for part in others if part is not None)


def _refused(refusal_text: bool, finish: str | None) -> bool | None:  # noqa: FBT001 -- called once, just above
    """None when the answer gives no word on it."""
    if refusal_text or finish in WITHHELD:
        return True
    return None if finish is None else False


def _word(raw: bytes, words: Words) -> str | None:
    return words[raw] if raw != _UNKNOWN and raw else None


def _count(raw: bytes) -> int | None:
    value = _number(raw)
    return int(value) if value is not None and 0 <= value <= MOST_TOKENS else None


def _number(raw: bytes) -> float | None:
    if raw == _UNKNOWN:
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if isfinite(value) else None
