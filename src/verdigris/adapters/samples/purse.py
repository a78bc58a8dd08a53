"""The arithmetic of a Till: what a purse holds, whether more fits, and on which day it counts. Pure.

Money is counted in whole billionths of a USD, so that sums are exact: amounts are rounded up and budgets down, never the
other way round. A price of one cent for a million tokens is ten of them a token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from verdigris.core.model.quality import Budget

UNITS = 10**9
"""Units of a USD."""

MOST = 10**9
"""USD beyond which no amount fits: larger ones are mistakes, and would not fit into the file's integers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What is spent or reserved, in units: of the rollout and of the day; `requests` counts the rollout's calls of unknown price."""

    rollout: int = 0
    day: int = 0
    requests: int = 0


def units_of(amount: float) -> int:
    """USD as units, rounded up. Raises: ValueError for what is no amount of money."""
    if not (math.isfinite(amount) and amount >= 0.0):
        raise ValueError(f"an amount of money is a number from 0 on, not {amount}")
    return _whole(min(amount, 2.0 * MOST), ROUND_CEILING)


def usd(units: int) -> float:
    return units / UNITS


def settled(spent: float | None, reserved: int) -> int:
    """What a call is booked with, in units: all that was reserved where `spent` is unknown or makes no sense."""
    if spent is None or not (math.isfinite(spent) and spent >= 0.0):
        return reserved
    return units_of(min(spent, float(MOST)))


def fits(amount: int | None, held: Held, budget: Budget) -> bool:
    """Whether a call of `amount` units may be made; of one with an unknown price only whether another is allowed.

    One of unknown price needs money that is not all spent yet: what it costs is known afterwards.
    """
    if amount is None:
        return budget.requests is not None and held.requests < budget.requests and _leaves(1, held, budget)
    return amount <= MOST * UNITS and _leaves(amount, held, budget)


def _leaves(amount: int, held: Held, budget: Budget) -> bool:
    return not any(
        limit is not None and spent + amount > _limit(limit)
        for limit, spent in ((budget.per_rollout, held.rollout), (budget.per_day, held.day))
    )


def _limit(limit: float) -> int:
    """USD as units, rounded down; nothing where it is no number."""
    if math.isnan(limit) or limit <= 0.0:
        return 0
    return _whole(min(limit, 8.0 * MOST), ROUND_FLOOR)


def _whole(amount: float, rounding: str) -> int:
    # What a person wrote as 0.07 is meant to be 7 cents, not the double beside it.
    return int((Decimal(repr(float(amount))) * UNITS).to_integral_value(rounding=rounding))


def day_of(at: float) -> str:
    """The UTC day of unix time `at`: `2026-03-01`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
