"""Who asked, and what kind of request it was, read from a copy as the access log reads it, so that both name the same. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from verdigris.adapters.kinds import Kinds
from verdigris.adapters.line import (
    INNER,
    LONGEST_HEADER,
    LONGEST_LITERAL,
    LONGEST_PATH,
    UNKNOWN,
    Answer,
    in_answer,
    in_line,
)
from verdigris.core.model.observation import is_failure
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy

_EVENT = b"data:"


def units(sticky: Sticky | None, *, service: str) -> Callable[[Mapping[str, str]], int | None]:
    """From a request's headers to the hash of its sticky key, as in its Observation; None where there is no key."""
    person = hashlib.sha256(service.encode()).digest()[:16]

    def unit(headers: Mapping[str, str]) -> int | None:
        key = "" if sticky is None else _key(headers, sticky)
        if not key or key == UNKNOWN:
            return None
        said = key.encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(said, digest_size=8, person=person).digest())

    return unit


class Strata:
    """Names the kinds of copies. Bounded as Kinds is."""

    __slots__ = ("_kinds", "_strata")

    def __init__(self, strata: tuple[StrataBy, ...]) -> None:
        self._strata = strata
        self._kinds = Kinds(strata) if strata else None

    def of(
        self, *, path: str, asked: Mapping[str, str], answered: Mapping[str, str], answer: bytes, status: int
    ) -> str:
        """The stratum's name; empty where kinds are not told apart. Never raises."""
        if self._kinds is None:
            return ""
        own = [_own(by, path, asked) for by in in_line(self._strata)]
        names = [by.name for by in in_answer(self._strata)]
        unread = [UNKNOWN.encode()] * len(Answer)
        said = [*unread, *(_literals(names, answered, answer) if names else ())]
        return self._kinds.of(own, INNER.encode().join(said), failed=bool(is_failure(status)))


def _key(headers: Mapping[str, str], sticky: Sticky) -> str:
    """Of several cookies of one name the last, as for routing and in the log."""
    if sticky.source == "header":
        return headers.get(sticky.name.lower(), "")
    found = re.match(rf'(?s)(?:.*;)?[ \t]*{re.escape(sticky.name)}="?([^;"]+)', headers.get("cookie", ""))
    return found[1] if found else ""


def _own(by: StrataBy, path: str, headers: Mapping[str, str]) -> bytes:
    said = headers.get(by.name.lower(), UNKNOWN) if by.source == "header" else path.partition("?")[0]
    return said.encode("utf-8", "surrogateescape")[: LONGEST_HEADER if by.source == "header" else LONGEST_PATH]


def _literals(names: Sequence[str], headers: Mapping[str, str], answer: bytes) -> list[bytes]:
    """The members as JSON writes them; of several events the last that has one. Compressed answers are not read."""
    found = [UNKNOWN.encode()] * len(names)
    if headers.get("content-encoding", "identity") != "identity":
        return found
    for said in _objects(headers.get("content-type", "").lower(), answer):
        for position, name in enumerate(names):
            if isinstance(value := said.get(name), str | int | float):  # true and false among them
                found[position] = json.dumps(value).encode()[:LONGEST_LITERAL]
    return found


def _objects(kind: str, answer: bytes) -> Iterator[Mapping[str, object]]:
    lines = answer.splitlines() if kind.startswith("text/event-stream") else [_EVENT + answer]
    for line in lines:
        try:
            said = json.loads(line.removeprefix(_EVENT)) if line.startswith(_EVENT) else None
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            yield said
