"""Strata: kinds of requests that are compared each among their own, and shown each on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_STRATA = 8
"""Kinds told apart; further ones are judged together as OTHER."""

OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class StrataBy:
    """Where a request's kind is read: a request header, a top-level member of the answer's JSON, or its path.

    `name` is the header's or the member's name and empty for routes. With `values` only these are told apart (for
    routes: path prefixes, the longest that fits); everything else is OTHER. Without, the first ones seen are.
    """

    source: Literal["header", "field", "route"]
    name: str = ""
    values: tuple[str, ...] = ()
