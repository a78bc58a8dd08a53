"""Markdown pages as values: their links, anchors, sections and tables."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)

Table = list[list[str]]


def name(page: Path) -> str:
    """Its path in the project."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Targets of links and images, but for those of other sites."""
    return [link for link in _LINK.findall(_CODE.sub("", prose(page))) if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """What a link to a heading may say, as the usual renderers make it."""
    made: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        number, plain = 0, slug
        while slug in made:
            number += 1
            slug = f"{plain}-{number}"
        made.add(slug)
    return made


def inline_code(page: Path) -> list[str]:
    return [code.strip("`") for code in _CODE.findall(prose(page))]


def sections(page: Path) -> dict[str, str]:
    """The text below each heading, up to the next one of any level; headings without their backticks."""
    text = prose(page)
    marks = [*_HEADING.finditer(text), None]
    return {
        mark[1].replace("`", ""): text[mark.end() : after.start() if after else len(text)]
        for mark, after in pairwise(marks)
        if mark is not None
    }


def tables(text: str) -> Iterator[Table]:
    """Rows of cells; the first row is the header."""
    for block in re.split(r"\n\s*\n", text):
        rows = [[cell.strip() for cell in row.split("|")] for row in _ROW.findall(block)]
        if len(rows) > 1:
            yield [rows[0], *rows[2:]]


def rows(page: Path, header: str, *, section: str | None = None) -> dict[str, list[str]]:
    """The rows of all tables whose first column is called `header`, by the code in that column."""
    text = prose(page) if section is None else sections(page)[section]
    return {
        code: row[1:]
        for table in tables(text)
        if table[0][0] == header
        for row in table[1:]
        for code in re.findall(r"`([^`]+)`", row[0])
    }
