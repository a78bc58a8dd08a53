"""Quantiles, compared as the rate at which a threshold is exceeded.

A candidate whose 99th percentile is higher exceeds stable's more often than stable does. The threshold is stable's past
quantile; any threshold chosen from the past gives a valid test, a good one gives a powerful test.

Source: the two-sample rate e-values of Turner, Ly & Gruenwald on exceedances; the idea of fixing the quantile and
testing its exceedance is that of Howard & Ramdas, "Sequential estimation of quantiles" (Bernoulli 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.block import Block
from verdigris.core.stats.burst import Burst
from verdigris.core.stats.capital import Capitals
from verdigris.core.stats.comparison import Bet, Boundary, Centre, Unpaired, rows
from verdigris.core.stats.two_sample_mean import stake_below
from verdigris.core.stats.two_sample_rate import ODDS, Counts, boundary_logs, odds_logs

_EQUAL = Boundary()
_A_STALL = 5.0  # seconds that a stall may last
_A_BLOCK = 20  # values; fewer are no more than a moment's, however long they took to come


@dataclass(kw_only=True, slots=True)
class Exceedance(Unpaired):
    """Values of any size: stable's are held against `threshold`, the candidate's against one raised by each bet.

    `worse` and `others` are the places of bets that the candidate is worse, and that it is not. `burst` limits what a moment can prove; None where values of one moment are as good as independent.
    """

    worse: list[int]
    others: list[int]
    threshold: float
    burst: Burst | None

    @classmethod
    def start(
        cls, bets: tuple[Bet, ...], *, threshold: float, rate: float, strength: float = 200.0, bursts: bool = True
    ) -> Exceedance:
        """`rate` is how often stable is expected to exceed `threshold`: 0.01 for a 99th percentile.

        `bursts`: values of one moment may be high together, as latencies are when a machine stalls.
        """
        worse = [i for i, bet in enumerate(bets) if bet.worse]
        return cls(
            bets=bets,
            worse=worse,
            others=[i for i, bet in enumerate(bets) if not bet.worse],
            capitals=Capitals.start(len(bets)),
            threshold=threshold,
            burst=Burst.start((len(worse), ODDS.size)) if bursts else None,
            candidate=Centre.prior(rate, strength, bets=len(bets)),
            stable=Centre.prior(rate, strength),
        )

    def move(self, threshold: float) -> None:
        """Goes on with another threshold. It may only depend on values that are not compared any more."""
        self.threshold = threshold

    def compare(self, block: Block) -> None:
        candidate_n, stable_n = block.candidate.size, block.stable.size
        candidate_bad = self._exceeding(block.candidate)
        stable_bad = float(np.count_nonzero(block.stable > self.threshold))
        factors = exponential(self._logs(candidate_n, stable_n, candidate_bad, stable_bad))
        if self.burst is not None and self.worse:
            worse = rows(self.worse)
            factors[worse] = self.burst.limit(factors[worse], block.at, seconds=_seconds(block))
        self.capitals.step(factors, block.n)
        self.learn(candidate=candidate_bad, candidate_n=candidate_n, stable=stable_bad, stable_n=stable_n)

    def _exceeding(self, candidate: Floats) -> list[float]:
        """How many of the candidate's values exceed the threshold of each bet."""
        raised = [bet.boundary.scale * self.threshold + bet.boundary.shift for bet in self.bets]
        counts = {limit: float(np.count_nonzero(candidate > limit)) for limit in set(raised)}
        return [counts[limit] for limit in raised]

    def _logs(self, candidate_n: int, stable_n: int, candidate_bad: list[float], stable_bad: float) -> Floats:
        (stable,) = self.stable.mean
        logs = np.empty(self.capitals.stakes.shape)
        if self.worse:
            bad = [(candidate_bad[i], stable_bad) for i in self.worse]
            logs[rows(self.worse)] = odds_logs(candidate_n, stable_n, bad, stable)
        if self.others:
            means = self.candidate.mean
            centres = [(candidate_n * means[i] + stable_n * stable) / (candidate_n + stable_n) for i in self.others]
            blocks = [
                Counts(
                    candidate_n=candidate_n, candidate_bad=candidate_bad[i], stable_n=stable_n, stable_bad=stable_bad
                )
                for i in self.others
            ]
            stakes = [stake_below(candidate_n, stable_n, centre, _EQUAL) for centre in centres]
            logs[rows(self.others)] = boundary_logs(blocks, stakes, [_EQUAL] * len(stakes))
        return logs

    def restart(self) -> None:
        Unpaired.restart(self)
        if self.burst is not None:
            self.burst.restart()

    def dump(self) -> dict[str, Any]:
        return {**Unpaired.dump(self), "threshold": self.threshold, "burst": self.burst.dump() if self.burst else None}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        Unpaired.restore(self, dumped)
        self.threshold = float(dumped["threshold"])
        if self.burst is not None:
            self.burst.restore(dumped["burst"])


def _seconds(block: Block) -> int:
    """How many seconds' worth of proof a block may hold: as many stalls as it has room for, and as it has full blocks."""
    return max(1, min(int(block.span / _A_STALL), block.n // _A_BLOCK))
