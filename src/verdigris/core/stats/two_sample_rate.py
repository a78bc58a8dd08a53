"""Two rates of a bad event, compared block by block.

Against "candidate's rate is at most stable's" the bets are odds ratios: how much more likely the event would be on the
candidate. Against a boundary other than equality the bounded-mean bets are used, which for events need only counts.

Source: Turner, Ly & Gruenwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping" (J. Stat. Plan. Inference 2024), their two-sample Bernoulli e-variable for blocks of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import STAKES, Capitals
from verdigris.core.stats.comparison import Bet, Boundary, Centre, Unpaired
from verdigris.core.stats.two_sample_mean import Stake, stake_above, stake_below

ODDS = np.array([1.25, 1.6, 2.2, 3.2, 5.0, 9.0, 20.0, 60.0])
"""The odds ratios bet on: from a quarter more events to a candidate that always fails."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """One block of events: `bad` of `n` for each role; both `n` are at least 1."""

    candidate_n: int
    candidate_bad: float
    stable_n: int
    stable_bad: float

    @property
    def n(self) -> int:
        return self.candidate_n + self.stable_n

    @property
    def each(self) -> list[float]:
        """Of the candidate, bad and good; of stable, bad and good."""
        return [
            self.candidate_bad,
            self.candidate_n - self.candidate_bad,
            self.stable_bad,
            self.stable_n - self.stable_bad,
        ]


def odds_logs(candidate_n: int, stable_n: int, stable_rate: float) -> Floats:
    """What each event of `Counts.each` adds to the logarithm of the factors: (4, odds ratios).

    `stable_rate` must come from the past.
    """
    stable_rate = min(max(stable_rate, 1e-5), 0.9)
    odds = stable_rate / (1.0 - stable_rate) * ODDS
    rate = odds / (1.0 + odds)
    pooled = (candidate_n * rate + stable_n * stable_rate) / (candidate_n + stable_n)
    others = 1.0 - pooled
    ratios = np.empty((4, ODDS.size))
    np.divide(rate, pooled, out=ratios[0])
    np.divide(1.0 - rate, others, out=ratios[1])
    np.divide(stable_rate, pooled, out=ratios[2])
    np.divide(1.0 - stable_rate, others, out=ratios[3])
    return np.log(ratios)


def odds_factors(block: Counts, stable_rate: float) -> Floats:
    """Factors against "the candidate's rate is at most stable's", one per odds ratio."""
    return exponential(np.array(block.each) @ odds_logs(block.candidate_n, block.stable_n, stable_rate))


def boundary_logs(stakes: Sequence[Stake], boundaries: Sequence[Boundary]) -> Floats:
    """What each event of `Counts.each` adds to the logarithm of the factors: (4, bets, stakes)."""
    worth = [
        (
            on_candidate * (1.0 - centre),
            on_candidate * -centre,
            on_stable * (boundary.scale + boundary.shift - centre),
            on_stable * (boundary.shift - centre),
        )
        for (on_candidate, on_stable, centre), boundary in zip(stakes, boundaries, strict=True)
    ]
    each: Floats = np.array(worth).T
    return np.log1p(each[:, :, None] * STAKES)


def boundary_factors(block: Counts, boundary: Boundary, centre: float, *, above: bool) -> Floats:
    """Factors for "the candidate's rate lies above (or below) scale * stable's rate + shift", one per stake.

    `centre`, the mean expected of the block's boundary and candidate values, must come from the past.
    """
    at = (stake_above if above else stake_below)(block.candidate_n, block.stable_n, centre, boundary)
    return exponential(np.array(block.each) @ boundary_logs([at], [boundary])[:, 0])


@dataclass(kw_only=True, slots=True)
class TwoSampleRate(Unpaired):
    """Rates of a bad event. Values are 0 or 1."""

    @classmethod
    def start(cls, bets: tuple[Bet, ...], *, prior: float, strength: float = 50.0) -> TwoSampleRate:
        """`prior` is the rate expected of both roles, worth `strength` requests."""
        return cls(
            bets=bets,
            capitals=Capitals.start(len(bets)),
            candidate=Centre.prior(prior, strength),
            stable=Centre.prior(prior, strength),
        )

    def compare(self, block: Block) -> None:
        self.count(
            Counts(
                candidate_n=block.candidate.size,
                candidate_bad=float(block.candidate.sum()),
                stable_n=block.stable.size,
                stable_bad=float(block.stable.sum()),
            )
        )

    def count(self, block: Counts) -> None:
        """Settles one block given as counts."""
        (candidate,), (stable,) = self.candidate.mean, self.stable.mean
        logs = np.empty(self.capitals.stakes.shape)
        each = np.array(block.each)
        by_odds = [i for i, bet in enumerate(self.bets) if bet.worse and bet.boundary.is_equality]
        by_boundary = [i for i in range(len(self.bets)) if i not in by_odds]
        if by_odds:
            logs[by_odds] = each @ odds_logs(block.candidate_n, block.stable_n, stable)
        if by_boundary:
            boundaries = [self.bets[i].boundary for i in by_boundary]
            stakes = [self._stake(block, self.bets[i], candidate, stable) for i in by_boundary]
            logs[by_boundary] = np.tensordot(each, boundary_logs(stakes, boundaries), axes=1)
        self.capitals.step(exponential(logs), block.n)
        self.learn(
            candidate=block.candidate_bad,
            candidate_n=block.candidate_n,
            stable=block.stable_bad,
            stable_n=block.stable_n,
        )

    def _stake(self, block: Counts, bet: Bet, candidate: float, stable: float) -> Stake:
        expected = bet.boundary.scale * stable + bet.boundary.shift
        centre = (block.candidate_n * candidate + block.stable_n * expected) / block.n
        return (stake_above if bet.worse else stake_below)(block.candidate_n, block.stable_n, centre, bet.boundary)
