"""Which requests may be sent once more, and which of them are. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import unquote

from verdigris.core.model.sample import Exchange

REPEATABLE = frozenset({"GET", "POST", "PUT", "PATCH", "QUERY"})
"""Methods with an answer to compare that an owner can declare safe to repeat."""

_UNDONE = 4  # times that a path's percent-encoding is undone; one with more of it hides something


class Dropped(StrEnum):
    """Why a request that was drawn for a pair made none."""

    UNSAFE_PATH = "unsafe_path"  # its owner did not declare it safe to repeat
    METHOD = "method"  # nothing to compare, or a connection rather than a request
    NOT_WHOLE = "not_whole"  # stable's own answer broke off
    CUT = "cut"  # a body, or the second answer, is larger than the limit
    BUSY = "busy"  # more were drawn than can be sent at once
    BUDGET = "budget"  # the money, or the number of requests without a price, is used up
    NO_PRICE = "no_price"  # the model's price is not known and `requests` not declared
    NO_TILL = "no_till"  # money could not be set aside: its file cannot be written
    TIMEOUT = "timeout"  # the second answer did not come in time
    FAILED = "failed"  # it did not come at all, or broke off
    OVER = "over"  # the rollout ended meanwhile


def unfit(exchange: Exchange, paths: Sequence[str]) -> Dropped | None:
    """Why this request must not be repeated; None when it may."""
    if not is_under(exchange.route, paths):
        return Dropped.UNSAFE_PATH
    if exchange.method.upper() not in REPEATABLE or "upgrade" in exchange.request_headers:
        return Dropped.METHOD
    if not exchange.is_whole or exchange.status == 0:
        return Dropped.NOT_WHOLE
    return Dropped.CUT if exchange.cut else None


def is_under(route: str, paths: Sequence[str]) -> bool:
    """Whether a path begins, by segment, with one of `paths`. One that climbs (`/a/../b`) lies nowhere, however that is written."""
    if _climbs(route):
        return False
    return any(route == path.rstrip("/") or route.startswith(path.rstrip("/") + "/") for path in paths)


def _climbs(route: str) -> bool:
    """Servers differ in what they undo: `%252e` twice, `..;x` for `..` (RFC 3986, section 3.3), a backslash for `/`. All of it counts."""
    plain = route
    for _ in range(_UNDONE):
        plain, before = unquote(plain), plain
        if plain == before:
            return any(segment.partition(";")[0].strip() == ".." for segment in re.split(r"[/\\]", plain))
    return True


def lot(request: str, drawing: str) -> float:
    """A number in 0..1 that is the same for the same request and drawing, and independent between drawings."""
    digest = hashlib.blake2b(request.encode("utf-8", "surrogatepass"), digest_size=8, key=drawing.encode()[:64])
    return int.from_bytes(digest.digest()) / 2**64
