"""JSON as it arrives: whole, cut off, or none at all. What can be read of it is read.

RFC 8259, with what parsers of the world let through: `NaN` and the infinities become null, and are told.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

CUT = "\udfff"
"""Ends a text that was cut inside. JSON cannot hold it but as an escape, and no text that means something ends with it."""

LONGEST_NUMBER = 20  # digits; longer ones cannot be counts, and Python takes quadratic time for them

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]++', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """`value` is None when nothing could be read. `is_broken`: it ended before its end, and `value` holds what was there.

    Of a broken text, a number at the very end is left out, since digits may be missing; a string cut inside ends with `CUT`.
    """

    value: Any = None
    is_broken: bool = False
    problem: str = ""


def parse(text: str) -> Parsed:
    """Never raises."""
    try:
        return Parsed(value=_USUAL.decode(text))
    except _OddConstant:
        problem, decoder = "the JSON holds NaN or an infinity", _LENIENT
    except RecursionError:
        return Parsed(problem="the JSON is nested too deeply")
    except ValueError:
        return _repaired(text)
    try:
        return Parsed(value=decoder.decode(text), problem=problem)
    except (RecursionError, ValueError):
        return _repaired(text)


def written(value: Any) -> str:
    """`value` as compact JSON; an empty text when it cannot be written. Never raises."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError):
        return ""


class _OddConstant(Exception):
    """NaN or an infinity: no JSON, but it can be read past."""


def _refused(_: str) -> None:
    raise _OddConstant


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


_USUAL = json.JSONDecoder(parse_int=_integer, parse_constant=_refused)
_LENIENT = json.JSONDecoder(parse_int=_integer, parse_constant=lambda _: None)


def _repaired(text: str) -> Parsed:
    prefix, ends = _Scan().over(text)
    if prefix:
        try:
            value = _LENIENT.decode(prefix)
        except (RecursionError, ValueError):
            return Parsed(problem="the answer is not well-formed JSON")
        if ends:
            return Parsed(value=value, problem="something follows the JSON")
        return Parsed(value=value, is_broken=True, problem="the JSON breaks off before its end")
    return Parsed(problem="the answer is not well-formed JSON")


@dataclass(slots=True)
class _Scan:
    """Walks over the tokens of a JSON text and keeps the last place at which it could be closed. Linear, without recursion."""

    closers: list[str] = field(default_factory=list)
    at_key: bool = False
    safe: int = 0
    tail: str = ""

    def over(self, text: str) -> tuple[str, bool]:
        """The text up to its last sound place, closed; and whether the outermost value ended by itself."""
        for token in _TOKEN.finditer(text):
            if self._take(token, text) and not self.closers:
                return text[: self.safe], True
        return (text[: self.safe] + self.tail + "".join(reversed(self.closers)) if self.closers else "", False)

    def _take(self, token: re.Match[str], text: str) -> bool:
        """Notes one token; True when a value, or the beginning of one, ended here."""
        first, end = text[token.start()], token.end()
        if first == '"':
            return self._string(token, text)
        if first in "{[":
            self.closers.append("}" if first == "{" else "]")
            self.at_key = first == "{"
        elif first in "}]":
            if not self.closers or self.closers.pop() != first:
                self.closers.clear()
                self.safe = 0
                return True
        elif first in ",:":
            self.at_key = first == "," and self.closers[-1:] == ["}"]
            return False
        elif end == len(text):  # digits may be missing
            return False
        self.safe = end
        return True

    def _string(self, token: re.Match[str], text: str) -> bool:
        if self.at_key:
            return False
        self.safe = token.end()
        if token[1] != '"':
            half = _HALF_ESCAPE.search(text, max(token.start(), token.end() - 5), token.end())
            self.safe = half.start() if half and _is_escape(text, half.start()) else token.end()
            self.tail = CUT + '"'
        return True


def _is_escape(text: str, at: int) -> bool:
    """Whether the backslash at `at` begins an escape, rather than ending one."""
    before = at
    while before > 0 and text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 0
