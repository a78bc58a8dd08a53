"""The JSON Schema of verdigris.yaml, for editors. https://json-schema.org/draft/2020-12"""

from __future__ import annotations

from typing import Any

from verdigris.spec.document import Document
from verdigris.spec.strategy import MAY_BE_BLANK
from verdigris.spec.units import (
    DURATION_PATTERN,
    PERCENT_PATTERN,
    SIZE_PATTERN,
    format_duration,
    format_percent,
    format_size,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}


def schema() -> dict[str, Any]:
    """The document's schema. It is a little wider than the checker, which also compares keys with each other."""
    made: dict[str, Any] = as_written(Document.model_json_schema(mode="validation"), "")
    made["properties"]["environments"] |= {"minProperties": 2, "additionalProperties": False}
    return {"$schema": DIALECT, **made, "title": "verdigris.yaml"}


def as_written(node: Any, key: str) -> Any:
    """The schema of what a person writes: keys are left out, not blank, and defaults look as in the file."""
    if isinstance(node, list):
        return [as_written(item, key) for item in node]
    if not isinstance(node, dict):
        return node
    out = {name: as_written(item, name) for name, item in node.items()}
    choices = out.get("anyOf")
    if choices is not None and _NULL in choices and key not in MAY_BE_BLANK:
        left = [choice for choice in choices if choice != _NULL]
        out = {name: item for name, item in out.items() if name != "anyOf"}
        out |= left[0] if len(left) == 1 else {"anyOf": left}
    default = out.get("default")
    patterns = {choice.get("pattern") for choice in (out, *out.get("anyOf", ()))}
    if isinstance(default, int | float) and not isinstance(default, bool):
        out["default"] = _as_text(default, patterns)
    elif default is None or isinstance(default, dict):
        out.pop("default", None)
    return out


def _as_text(default: float, patterns: set[str | None]) -> float | str:
    """A number as it is written where these patterns stand: `0.05` is a plain score, `5%` a rate."""
    if DURATION_PATTERN in patterns:
        return format_duration(default)
    if SIZE_PATTERN in patterns:
        return format_size(int(default))
    return format_percent(default * 100) if patterns == {PERCENT_PATTERN} else default
