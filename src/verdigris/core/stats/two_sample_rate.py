"""Two rates of a bad event, compared block by block.

Against "candidate's rate is at most stable's" the bets are odds ratios: how much more likely the event would be on the
candidate. Against a boundary other than equality the bounded-mean bets are used, which for events need only counts.

Source: Turner, Ly & Gruenwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping" (J. Stat. Plan. Inference 2024), their two-sample Bernoulli e-variable for blocks of any size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import STAKES, Capitals
from verdigris.core.stats.comparison import Bet, Boundary, Centre, Unpaired, rows
from verdigris.core.stats.two_sample_mean import Stake, stake_above, stake_below

ODDS = np.array([1.25, 1.6, 2.2, 3.2, 5.0, 9.0, 20.0, 60.0])
"""The odds ratios bet on: from a quarter more events to a candidate that always fails."""

_MORE_ODDS = ODDS - 1.0
_TABLE = np.array(
    [ODDS, ODDS, ODDS, np.log(ODDS), np.ones(ODDS.size)]
)  # the first three rows are filled block by block


class Counts(NamedTuple):
    """One block of events: `bad` of `n` for each role; both `n` are at least 1."""

    candidate_n: int
    candidate_bad: float
    stable_n: int
    stable_bad: float

    @property
    def n(self) -> int:
        return self.candidate_n + self.stable_n

    @property
    def each(self) -> tuple[float, float, float, float]:
        """Of the candidate, bad and good; of stable, bad and good."""
        return (
            self.candidate_bad,
            self.candidate_n - self.candidate_bad,
            self.stable_bad,
            self.stable_n - self.stable_bad,
        )


def odds_logs(candidate_n: int, stable_n: int, bad: Sequence[tuple[float, float]], stable_rate: float) -> Floats:
    """The logarithms of the factors of blocks of one size: (blocks, odds ratios).

    `bad` holds the candidate's and stable's events of each block. `stable_rate` must come from the past.

    With r stable's rate, the candidate's is r O / D and its complement (1 - r) / D, where D = 1 - r + r O; so all that
    takes a logarithm is D, the pooled rate and its complement.
    """
    rate = min(max(stable_rate, 1e-5), 0.9)
    n = candidate_n + stable_n
    table = _TABLE.copy()
    np.multiply(_MORE_ODDS, rate, out=table[0])
    table[0] += 1.0
    np.divide(ODDS * (rate * candidate_n / n), table[0], out=table[1])
    table[1] += rate * stable_n / n
    np.subtract(1.0, table[1], out=table[2])
    np.log(table[:3], out=table[:3])
    log_bad, log_good = math.log(rate), math.log1p(-rate)
    counts: Floats = np.array(
        [(-candidate_n, -(x + y), x + y - n, x, (x + y) * log_bad + (n - x - y) * log_good) for x, y in bad]
    )
    logs: Floats = counts @ table
    return logs


def odds_factors(block: Counts, stable_rate: float) -> Floats:
    """Factors against "the candidate's rate is at most stable's", one per odds ratio."""
    bad = [(block.candidate_bad, block.stable_bad)]
    return exponential(odds_logs(block.candidate_n, block.stable_n, bad, stable_rate)[0])


def boundary_logs(blocks: Sequence[Counts], stakes: Sequence[Stake], boundaries: Sequence[Boundary]) -> Floats:
    """The logarithms of the factors of each block at its own boundary: (blocks, stakes)."""
    worth: Floats = np.array(
        [
            (
                on_candidate * (1.0 - centre),
                on_candidate * -centre,
                on_stable * (boundary.scale + boundary.shift - centre),
                on_stable * (boundary.shift - centre),
            )
            for (on_candidate, on_stable, centre), boundary in zip(stakes, boundaries, strict=True)
        ]
    )
    each: Floats = np.array([[block.each] for block in blocks])
    logs: Floats = each @ np.log1p(worth[:, :, None] * STAKES)
    return logs[:, 0]


def boundary_factors(block: Counts, boundary: Boundary, centre: float, *, above: bool) -> Floats:
    """Factors for "the candidate's rate lies above (or below) scale * stable's rate + shift", one per stake.

    `centre`, the mean expected of the block's boundary and candidate values, must come from the past.
    """
    at = (stake_above if above else stake_below)(block.candidate_n, block.stable_n, centre, boundary)
    return exponential(boundary_logs([block], [at], [boundary])[0])


@dataclass(kw_only=True, slots=True)
class TwoSampleRate(Unpaired):
    """Rates of a bad event. Values are 0 or 1. The places of bets that use odds ratios, and of those that do not."""

    by_odds: list[int]
    by_boundary: list[int]

    @classmethod
    def start(cls, bets: tuple[Bet, ...], *, prior: float, strength: float = 50.0) -> TwoSampleRate:
        """`prior` is the rate expected of both roles, worth `strength` requests."""
        by_odds = [i for i, bet in enumerate(bets) if bet.worse and bet.boundary.is_equality]
        return cls(
            bets=bets,
            by_odds=by_odds,
            by_boundary=[i for i in range(len(bets)) if i not in by_odds],
            capitals=Capitals.start(len(bets)),
            candidate=Centre.prior(prior, strength),
            stable=Centre.prior(prior, strength),
        )

    def compare(self, block: Block) -> None:
        self.count(
            Counts(
                candidate_n=block.candidate.size,
                candidate_bad=float(np.count_nonzero(block.candidate)),
                stable_n=block.stable.size,
                stable_bad=float(np.count_nonzero(block.stable)),
            )
        )

    def count(self, block: Counts) -> None:
        """Settles one block given as counts."""
        (candidate,), (stable,) = self.candidate.mean, self.stable.mean
        logs = np.empty(self.capitals.stakes.shape)
        if self.by_odds:
            bad = [(block.candidate_bad, block.stable_bad)]
            logs[rows(self.by_odds)] = odds_logs(block.candidate_n, block.stable_n, bad, stable)
        if self.by_boundary:
            boundaries = [self.bets[i].boundary for i in self.by_boundary]
            stakes = [self._stake(block, self.bets[i], candidate, stable) for i in self.by_boundary]
            logs[rows(self.by_boundary)] = boundary_logs([block] * len(stakes), stakes, boundaries)
        self.capitals.step(exponential(logs), block.n)
        self.learn(
            candidate=[block.candidate_bad],
            candidate_n=block.candidate_n,
            stable=block.stable_bad,
            stable_n=block.stable_n,
        )

    def _stake(self, block: Counts, bet: Bet, candidate: float, stable: float) -> Stake:
        expected = bet.boundary.scale * stable + bet.boundary.shift
        centre = (block.candidate_n * candidate + block.stable_n * expected) / block.n
        return (stake_above if bet.worse else stake_below)(block.candidate_n, block.stable_n, centre, bet.boundary)
