"""Times, ages and aligned columns for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from verdigris.spec.units import format_duration, format_percent

__all__ = ["age", "columns", "counted", "format_duration", "format_percent", "number", "pairs", "shortened", "when"]


def when(at: datetime, *, now: datetime | None = None) -> str:
    """Local ISO time with its age: `2026-03-01T14:05:09+01:00 (3m ago)`."""
    return f"{at.astimezone().isoformat(timespec='seconds')} ({age(at, now=now)})"


def age(at: datetime, *, now: datetime | None = None) -> str:
    """`3m ago`, or `in 3m` where clocks differ."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{format_duration(int(seconds))} ago" if seconds > 0 else f"in {format_duration(int(-seconds))}"


def number(count: int) -> str:
    return f"{count:,}"


def counted(count: int, thing: str) -> str:
    """`1 request`, `2,000 requests`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def shortened(text: str, most: int = 120) -> str:
    """At most so many characters on one line; what is cut ends with `…` and is whole in JSON and YAML."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def pairs(rows: Iterable[tuple[str, str | Iterable[str]]]) -> list[str]:
    """A label and its text a line, texts aligned; several texts stand below each other."""
    listed = [(label, [text] if isinstance(text, str) else [*text]) for label, text in rows]
    wide = max((len(label) for label, _ in listed), default=0) + 2
    return [
        f"{label if not index else '':<{wide}}{text}".rstrip()
        for label, texts in listed
        for index, text in enumerate(texts)
    ]


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with a header; the last column is not padded."""
    every = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[index]) for row in every) for index in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every]
