"""Capital: the one engine behind every test.

A gambler starts with capital 1 and bets against a hypothesis. If the hypothesis is true, the capital is a
non-negative supermartingale, so it ever reaches 1/alpha with probability at most alpha (Ville). Here the capital is
spread over several constant stakes, and a fifth of it is paid out over time: a weighted Shiryaev-Roberts sum of total
mass 1, so that harm which begins late is found sooner.

Sources: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024);
Shin, Ramdas & Rinaldo, "E-detectors" (2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import HUGE, Floats

STAKES: Floats = np.array([0.97 * 0.5**step for step in range(8)], dtype=np.float64)
"""Fractions of the largest admissible stake that a bounded mean is bet on with."""

PACE = 500.0
"""Observations over which the cash begins to be paid out."""

_INVESTED = 0.8
_PAYOUT_POWER = 0.7

GROWTH_FOR = STAKES.size / _INVESTED
"""How much a single one of the stakes must grow for each unit of capital it alone shall bring."""


def _cash(seen: float, pace: float) -> float:
    """What is not yet paid out of capital 1, after `seen` observations."""
    return float((1.0 - _INVESTED) * (1.0 + seen / pace) ** -_PAYOUT_POWER)


@dataclass(kw_only=True, slots=True)
class Capital:
    """What the bets against one hypothesis are worth. `bets` holds each stake's capital.

    `put_in` is what was there at the start and `seen` counts observations. `value` is the e-value now, `peak` the
    largest so far.
    """

    bets: Floats
    put_in: float = 1.0
    seen: float = 0.0
    peak: float = 1.0
    pace: float = PACE
    value: float = 1.0

    @classmethod
    def start(cls, stakes: int = STAKES.size, *, pace: float = PACE) -> Capital:
        """Capital 1, spread evenly over `stakes` bets."""
        capital = cls(bets=np.full(stakes, _INVESTED / stakes), pace=pace)
        capital._look(capital.cash)
        return capital

    @property
    def cash(self) -> float:
        """What is not yet paid out."""
        return self.put_in * _cash(self.seen, self.pace)

    @property
    def best(self) -> float:
        """The growth of the luckiest bet since the start, as a factor; its logarithm shows where the evidence heads."""
        return float(self.bets.max()) * self.bets.size / _INVESTED

    def step(self, factors: Floats, observations: float) -> None:
        """Settles one block: `factors` (one per bet) must have conditional expectation at most 1."""
        self.bets *= factors
        np.minimum(self.bets, HUGE, out=self.bets)
        before = self.cash
        self.seen += observations
        cash = self.cash
        self.bets += (before - cash) / self.bets.size  # paid out after the block: it bets from the next one on
        self.peak = max(self.peak, self._look(cash))

    def restart(self) -> None:
        """Begins anew with what is left, and with no more than 1.

        It costs no alpha. Whoever throws won capital away only makes the process smaller, and to spread what is left
        over the stakes again is a decision that rests on the past; so it stays a supermartingale that began at 1.
        What was lost stays lost: were it given back, each restart would be another chance to alarm by accident.
        """
        self.put_in = min(self.value, 1.0)
        self.bets = np.full(self.bets.size, self.put_in * _INVESTED / self.bets.size)
        self.seen = 0.0
        self.peak = self._look(self.cash)

    def dump(self) -> list[float]:
        return [self.put_in, self.seen, self.peak, *self.bets.tolist()]

    def restore(self, dumped: Sequence[float]) -> None:
        self.put_in, self.seen, self.peak = (float(number) for number in dumped[:3])
        self.bets = np.array(dumped[3:], dtype=np.float64)
        self._look(self.cash)

    def _look(self, cash: float) -> float:
        self.value = float(np.add.reduce(self.bets)) + cash
        return self.value


@dataclass(kw_only=True, slots=True)
class Capitals:
    """The capital against several hypotheses that are settled together: one `Capital` a row, without its peak.

    Shapes: `stakes` (bets, k), `put_in` (bets, 1); `values` holds the e-value of each row now.
    """

    stakes: Floats
    put_in: Floats
    seen: float = 0.0
    values: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, bets: int, stakes: int = STAKES.size) -> Capitals:
        """Capital 1 against each of `bets` hypotheses, spread evenly over `stakes`."""
        capitals = cls(stakes=np.full((bets, stakes), _INVESTED / stakes), put_in=np.ones((bets, 1)))
        capitals._look(_cash(0.0, PACE))
        return capitals

    def best(self, i: int) -> float:
        """The same as `Capital.best`, of row `i`."""
        luckiest = float(self.stakes[i].max())
        return luckiest * len(self.stakes[i]) / _INVESTED

    def step(self, factors: Floats, observations: float) -> None:
        """Settles one block: `factors` (bets, k) must have conditional expectations of at most 1."""
        self.stakes *= factors
        np.minimum(self.stakes, HUGE, out=self.stakes)
        before = _cash(self.seen, PACE)
        self.seen += observations
        cash = _cash(self.seen, PACE)
        self.stakes += self.put_in * ((before - cash) / self.stakes.shape[1])
        self._look(cash)

    def restart(self) -> None:
        """See `Capital.restart`."""
        bets, stakes = self.stakes.shape
        self.put_in = np.minimum(self.values, 1.0).reshape(bets, 1)
        self.stakes = np.repeat(self.put_in * (_INVESTED / stakes), stakes, axis=1)
        self.seen = 0.0
        self._look(_cash(self.seen, PACE))

    def dump(self) -> dict[str, Any]:
        return {"stakes": self.stakes.tolist(), "put_in": self.put_in.tolist(), "seen": self.seen}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        """Raises: ValueError when it was dumped of other bets."""
        bets, stakes = self.stakes.shape
        if [len(row) for row in dumped["stakes"]] != [stakes] * bets:
            raise ValueError(f"what was dumped is not the capital of {bets} bets with {stakes} stakes each")
        self.stakes = np.array(dumped["stakes"], dtype=np.float64).reshape(bets, stakes)
        self.put_in = np.array(dumped["put_in"], dtype=np.float64).reshape(bets, 1)
        self.seen = float(dumped["seen"])
        self._look(_cash(self.seen, PACE))

    def _look(self, cash: float) -> None:
        self.values = (np.add.reduce(self.stakes, axis=1) + self.put_in[:, 0] * cash).tolist()
