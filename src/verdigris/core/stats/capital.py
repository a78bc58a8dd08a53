"""Capital: the one engine behind every test.

A gambler starts with capital 1 and bets against a hypothesis. If the hypothesis is true, the capital is a
non-negative supermartingale, so it ever reaches 1/alpha with probability at most alpha (Ville). Here the capital is
spread over several constant stakes, and a fifth of it is paid out over time: a weighted Shiryaev-Roberts sum of total
mass 1, so that harm which begins late is found sooner.

Sources: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024);
Shin, Ramdas & Rinaldo, "E-detectors" (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import HUGE, Floats

STAKES: Floats = np.array([0.97 * 0.5**step for step in range(8)], dtype=np.float64)
"""Fractions of the largest admissible stake that a bounded mean is bet on with."""

_INVESTED = 0.8
_PAYOUT_POWER = 0.7

GROWTH_FOR = STAKES.size / _INVESTED
"""How much a single one of the stakes must grow for each unit of capital it alone shall bring."""


@dataclass(kw_only=True, slots=True)
class Capital:
    """What the bets are worth. `bets` holds each stake's capital, `cash` what is not yet paid out.

    `pace` is the number of observations over which the cash begins to be paid out; `seen` counts observations and
    `peak` is the largest `value` so far.
    """

    bets: Floats
    cash: float = 1.0 - _INVESTED
    seen: float = 0.0
    peak: float = 1.0
    pace: float = 500.0

    @classmethod
    def start(cls, stakes: int = STAKES.size, *, pace: float = 500.0) -> Capital:
        """Capital 1, spread evenly over `stakes` bets."""
        return cls(bets=np.full(stakes, _INVESTED / stakes), pace=pace)

    @property
    def value(self) -> float:
        """The e-value now."""
        return float(self.bets.sum()) + self.cash

    @property
    def best(self) -> float:
        """The growth of the luckiest bet since the start, as a factor; its logarithm shows where the evidence heads."""
        return float(self.bets.max()) * self.bets.size / _INVESTED

    def step(self, factors: Floats, observations: float) -> None:
        """Settles one block: `factors` (one per bet) must have conditional expectation at most 1."""
        self.bets *= factors
        np.minimum(self.bets, HUGE, out=self.bets)
        self.seen += observations
        kept = (1.0 - _INVESTED) * (1.0 + self.seen / self.pace) ** -_PAYOUT_POWER
        self.bets += (self.cash - kept) / self.bets.size  # paid out after the block: it bets from the next one on
        self.cash = kept
        self.peak = max(self.peak, self.value)

    def dump(self) -> list[float]:
        return [self.cash, self.seen, self.peak, *self.bets.tolist()]

    def restore(self, dumped: Sequence[float]) -> None:
        self.cash, self.seen, self.peak = (float(number) for number in dumped[:3])
        self.bets = np.array(dumped[3:], dtype=np.float64)
