"""Writes tables as text, and between markers into the page that publishes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "error-rates.md"
PICTURE = ROOT / "docs" / "images" / "error-rates.svg"


def table(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, aligned so that it reads as plain text too; the first line is its head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [_line([cell.ljust(width) for cell, width in zip(line, widths, strict=True)]) for line in lines]
    return "\n".join([text[0], _line(["-" * width for width in widths]), *text[1:]])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(sections: Mapping[str, str], page: Path = PAGE, *, rows_only: bool = False) -> None:
    """Replaces what stands between the markers of each section; with `rows_only` just the rows that are named alike.

    Raises: ValueError when the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    for name, content in sections.items():
        begin, end = f"<!-- measured: {name} -->", "<!-- end -->"
        place = re.compile(f"{re.escape(begin)}\n(.*?){re.escape(end)}", re.DOTALL)
        found = place.search(text)
        if found is None:
            raise ValueError(f"{page.name} has no place marked {begin} ... {end}")
        if rows_only:
            content = _merged(found[1].strip(), content)  # noqa: PLW2901 -- what is written in its place
        text = place.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text)  # noqa: B023 -- called at once
    page.write_text(text, encoding="utf-8")


def _merged(old: str, new: str) -> str:
    """The old table with those rows of the new one that begin with the same words."""
    fresh = {cells[0]: cells for cells in _cells(new)}
    return table([fresh.get(cells[0], cells) for cells in _cells(old)])


def _cells(text: str) -> list[list[str]]:
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()]
    return [lines[0], *lines[2:]]
