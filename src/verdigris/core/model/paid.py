"""What a scorer's word can cost, and what it did. Plugs of others may answer with anything. Pure."""

from __future__ import annotations

import sys
from typing import Any

from verdigris.core.model.score import Score, ScoreFailure, Trouble

UNPAID = frozenset({Trouble.THROTTLED, Trouble.REFUSED, Trouble.BUDGET, Trouble.OVERLOADED})
"""Troubles of calls that nobody worked on."""


def most_cost(plug: Any, item: Any) -> float | None:
    """USD that a plug's word on this can cost; None where it cannot say. Never raises."""
    try:
        most = plug.most(item)
    except Exception:  # noqa: BLE001 -- whatever it is, then its price is not known
        return None
    return money(most)


def money(value: Any) -> float | None:
    """USD, None for what is no amount of it."""
    return float(value) if _is_money(value) else None


def told_cost(word: Any) -> float | None:
    """USD that one try cost; None where nobody told, so that it may have been paid all the same. Never raises."""
    if not isinstance(word, Score | ScoreFailure) or not _is_money(word.cost):
        return None
    if (
        isinstance(word, ScoreFailure)
        and word.cost == 0.0
        and word.was_sent is not False
        and word.trouble not in UNPAID
    ):
        return None
    return float(word.cost)


def _is_money(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= sys.float_info.max
