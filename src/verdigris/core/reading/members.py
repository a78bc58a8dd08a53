"""Members of JSON of which nothing is certain: each getter gives the value if it has the right type, else nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from verdigris.core.reading.json_text import CUT, written

Members = Mapping[str, Any]

LONGEST_WORD = 200  # characters of a model's name or a reason; longer ones are none
MOST_TOKENS = 10**12


def members(value: Any) -> Members:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> Sequence[Members]:
    """The objects in a list; what is none is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The text, also one that was cut inside; an empty one for anything else."""
    return value.removesuffix(CUT) if isinstance(value, str) else ""


def word(value: Any) -> str | None:
    """A short text that is there in full: a name, a reason. None for anything else, an empty one included."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_WORD or value.endswith(CUT):
        return None
    return clean(value)


def number(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def count(value: Any) -> int | None:
    """A whole number of tokens, from 0. None for anything else, also for one that no answer can have."""
    known = number(value)
    if known is None or not 0 <= known <= MOST_TOKENS or known != int(known):
        return None
    return int(known)


def arguments(value: Any) -> str:
    """A tool's arguments as JSON: as the model wrote them, or written from the value."""
    if isinstance(value, str):
        return text(value)
    return "" if value is None else written(value).replace(CUT, "")


def clean(value: str) -> str:
    """Text that can be stored: halves of surrogate pairs are put together where both are there, else replaced."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def parts_text(content: Any) -> str:
    """The text of a content that is a text, or a list of parts of which some have a `text`. Thoughts are left out."""
    if not isinstance(content, list):
        return text(content)
    return "".join(
        text(part.get("text")) for part in objects(content) if part.get("type") not in ("thinking", "reasoning")
    )
