"""What a log line, or a copy, says of a request's kind, to the name of its stratum.

- With declared values, a name is one of them or OTHER. Of routes the longest counts whose segments begin the path:
  `/api/chat` takes `/api/chat` and `/api/chat/7`, not `/api/chats`.
- Without, it is what was sent: its first 64 printable characters, or MISSING.
- Several names are joined with `/`.

A request that failed has no answer to read a member from. As a kind of their own, a candidate's failures would meet none of
stable's requests and never be compared. So a failed one is counted with the kind of the one before it that did not fail,
whichever side that was on: like a kind drawn by lot, whatever its own side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from verdigris.adapters.line import INNER, UNKNOWN, Answer, in_answer
from verdigris.core.model.strata import OTHER, StrataBy

MISSING = "none"
"""The name where nothing was sent and no values are declared."""

LONGEST = 64
_REMEMBERED = 1_000
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')  # RFC 8259, section 7; without its end

_INNER = INNER.encode()
_UNKNOWN = UNKNOWN.encode()


class Kinds:
    """Names strata. Bounded: of what was sent, at most a thousand different values are remembered."""

    __slots__ = ("_answered", "_known", "_last", "_readers", "_strata")

    def __init__(self, strata: tuple[StrataBy, ...]) -> None:
        self._strata = strata
        self._readers = [_reader(by) for by in strata]
        self._answered = len(in_answer(strata))
        self._known: dict[tuple[bytes, ...], str] = {}
        self._last: Sequence[bytes] = [_UNKNOWN] * self._answered

    def of(self, own: Sequence[bytes], answer: bytes, *, failed: bool = False) -> str:
        """The stratum's name. `own` are the line's fields for kinds, `answer` its ANSWER. Never raises."""
        raw = (*own, *self._from(answer, failed=failed)) if self._answered else tuple(own)
        name = self._known.get(raw)
        if name is None:
            name = self._name(raw)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[raw] = name
        return name

    def _from(self, answer: bytes, *, failed: bool) -> Sequence[bytes]:
        parts: Sequence[bytes] = answer.split(_INNER)[len(Answer) :]
        if len(parts) != self._answered:
            parts = [_UNKNOWN] * self._answered
        if failed:
            return [last if part == _UNKNOWN else part for part, last in zip(parts, self._last, strict=True)]
        self._last = parts
        return parts

    def _name(self, raw: tuple[bytes, ...]) -> str:
        answered = iter(raw[len(raw) - self._answered :])
        own = iter(raw)
        values = (answered if by.source == "field" else own for by in self._strata)
        return "/".join(read(next(value)) for read, value in zip(self._readers, values, strict=True))


def _reader(by: StrataBy) -> Callable[[bytes], str]:
    """From what was sent to a name."""
    decode = _literal if by.source == "field" else _text
    if by.source == "route":
        longest_first = sorted(by.values, key=len, reverse=True)
        return lambda raw: next((path for path in longest_first if _begins(_text(raw), path)), OTHER)
    if by.values:
        declared = frozenset(by.values)
        return lambda raw: name if (name := decode(raw)) in declared else OTHER
    return lambda raw: "".join(filter(str.isprintable, decode(raw)))[:LONGEST].strip() or MISSING


def _begins(path: str, route: str) -> bool:
    """Whether the route's segments are the path's first."""
    return path == route or path.startswith(route if route.endswith("/") else route + "/")


def _text(raw: bytes) -> str:
    """Empty when nothing was sent."""
    return "" if raw == _UNKNOWN else raw.decode(errors="replace")


def _literal(raw: bytes) -> str:
    """The text in a JSON string, of which the end may be cut off; numbers, true and false as they are written."""
    text = _text(raw)
    begun = _STRING.match(text)
    return json.loads(begun[0] + '"') if begun else text
