"""Takes out of texts what must not be kept, and names in its place what it was: `[email]`.

A text that is JSON stays JSON: each string and number of it is looked at by itself, strings unescaped. What stands in a string
may be JSON again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from verdigris.core.model.quality import Redaction
from verdigris.core.reading.identifiers import KINDS, Span

_SCALAR = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d[\d.eE+-]*+', re.DOTALL)
_SUSPECT = re.compile(r"[@\uff20]|\d\D{0,5}\d")  # every built-in kind has one of these
_DEEPEST = 3


class Redactor:
    """Redacts as declared; one may be used for all texts.

    Raises: ValueError for a kind that is not known and an own pattern that is no regular expression, naming it.
    """

    def __init__(self, redaction: Redaction) -> None:
        unknown = sorted(set(redaction.kinds) - KINDS.keys())
        if unknown:
            raise ValueError(f"redaction cannot find {', '.join(unknown)}; it finds {', '.join(KINDS)}")
        self._kinds = tuple(kind for kind in KINDS if kind in redaction.kinds)
        self._own = tuple((name, _compiled(name, pattern)) for name, pattern in redaction.patterns.items())

    def redact(self, text: str) -> tuple[str, int]:
        """The text as it may be kept, and how many matches were taken out of it. Own patterns come before the built-in kinds."""
        return self._any(text, 0)

    def _any(self, text: str, depth: int) -> tuple[str, int]:
        if not self._own and not _SUSPECT.search(text):
            return text, 0
        if depth < _DEEPEST and _is_json(text):
            return self._json(text, depth)
        return self._plain(text)

    def _plain(self, text: str) -> tuple[str, int]:
        total = 0
        for name, pattern in self._own:
            text, found = _replaced(text, name, (match.span() for match in pattern.finditer(text)))
            total += found
        for kind in self._kinds:
            text, found = _replaced(text, kind, KINDS[kind](text))
            total += found
        return text, total

    def _json(self, text: str, depth: int) -> tuple[str, int]:
        total = 0

        def scalar(match: re.Match[str]) -> str:
            nonlocal total
            written = match[0]
            inner, found = self._any(json.loads(written, strict=False) if written[0] == '"' else written, depth + 1)
            total += found
            return _quoted(inner) if found else written

        return _SCALAR.sub(scalar, text), total


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"redaction pattern {name!r} is no regular expression: {error}") from None
    if compiled.fullmatch(""):
        raise ValueError(f"redaction pattern {name!r} matches the empty text; it would be found everywhere")
    return compiled


def _replaced(text: str, name: str, spans: Iterator[Span]) -> tuple[str, int]:
    pieces: list[str] = []
    at = found = 0
    for begin, end in spans:
        if end > begin:
            pieces += (text[at:begin], f"[{name}]")
            at, found = end, found + 1
    return ("".join((*pieces, text[at:])), found) if found else (text, 0)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return False
    return True


def _quoted(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
