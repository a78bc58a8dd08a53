"""Two samples of bounded values, compared block by block without pairing them.

With stakes nx * lx = ny * ly the product of all (1 + lx (x - c)) and (1 - ly (y - c)) has expectation at most 1 whenever
the block's mean of x is at most that of y: the geometric mean of the factors is at most their arithmetic mean, in which
c cancels. It holds for any split of the traffic, and drift that moves both roles cancels too.

Source: the betting martingales of Waudby-Smith & Ramdas (JRSS B 2024), with the AM-GM step of Turner, Ly & Gruenwald,
"Generic E-variables for exact sequential k-sample tests" (2024), for bounded values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import Capitals
from verdigris.core.stats.comparison import Bet, Boundary, Centre, Unpaired
from verdigris.core.stats.products import factors

REACH = 0.15
"""The furthest that an adjustment moves a value. It widens the range of adjusted values, which lowers the stakes: with
more reach a weak covariate would cost more than it gives."""

_GAP = 1e-4  # the centre keeps this distance from the bounds, so that stakes stay finite


class Stake(NamedTuple):
    """What is staked, as multiples of STAKES, on the distance of the candidate's and of stable's values to `centre`."""

    candidate: float
    stable: float
    centre: float


def stake(nx: int, ny: int, centre: float, low: float, high: float) -> tuple[float, float]:
    """The largest total of stakes on x and against y with which no factor can become negative, and the centre used.

    `low` bounds x from below and `high` bounds y from above; `centre` must come from the past.
    """
    high = max(high, low + 2 * _GAP)
    centre = min(max(centre, low + _GAP), high - _GAP)
    return min(nx / (centre - low), ny / (high - centre)), centre


def stake_above(candidate_n: int, stable_n: int, centre: float, boundary: Boundary, reach: float = 0.0) -> Stake:
    """Bets that the candidate's mean, of values of at least 0, lies above the boundary's."""
    total, centre = stake(candidate_n, stable_n, centre, -reach, boundary.high + reach)
    return Stake(total / candidate_n, -total / stable_n, centre)


def stake_below(
    candidate_n: int, stable_n: int, centre: float, boundary: Boundary, reach: float = 0.0, *, top: float = 1.0
) -> Stake:
    """Bets that the candidate's mean, of values of at most `top`, lies below the boundary's."""
    total, centre = stake(stable_n, candidate_n, centre, boundary.low - reach, top + reach)
    return Stake(-total / candidate_n, total / stable_n, centre)


def two_sample_factors(stakes: Iterable[Stake], candidate: Floats, moved: Floats) -> Floats:
    """The factors of one block, (bets, k), for the stakes of each bet.

    `candidate` holds the values (n,), or each bet's own (bets, n), and `moved` stable's, moved to each bet's boundary.
    It is overwritten.
    """
    each: Floats = np.array([*stakes])
    on_candidate, on_stable, centre = each[:, :1], each[:, 1:2], each[:, 2:]
    candidate_n = candidate.shape[-1]
    distances = np.empty((len(each), candidate_n + moved.shape[-1]))
    np.multiply(candidate - centre, on_candidate, out=distances[:, :candidate_n])
    moved -= centre
    np.multiply(moved, on_stable, out=distances[:, candidate_n:])
    return factors(distances)


@dataclass(kw_only=True, slots=True)
class TwoSampleMean(Unpaired):
    """Values in 0..1 of candidate and stable.

    With `capped`, stable's values were cut at 1 and the candidate's may be any size: they are cut where stable's cut
    lies after the boundary, so that a candidate exactly at the boundary has exactly the boundary's mean.

    Blocks may bring offsets (`Block.candidate_offset`): what was predicted of each value, at most REACH. Where requests
    are assigned at random the predictions of both roles have one distribution, so what they take out is the same on
    average, however good or bad they are, and the boundary stays where it is.
    """

    higher_is_better: bool
    capped: bool

    @classmethod
    def start(
        cls,
        bets: tuple[Bet, ...],
        *,
        higher_is_better: bool,
        prior: float,
        strength: float = 20.0,
        capped: bool = False,
    ) -> TwoSampleMean:
        """`prior` is the mean expected of both roles, worth `strength` values."""
        return cls(
            bets=bets,
            capitals=Capitals.start(len(bets)),
            higher_is_better=higher_is_better,
            capped=capped,
            candidate=Centre.prior(prior, strength, bets=len(bets)),
            stable=Centre.prior(prior, strength),
        )

    def compare(self, block: Block) -> None:
        candidate = self._cut(block.candidate)
        adjusted, moved, reach = candidate, self._moved(block.stable), 0.0
        if block.candidate_offset is not None and block.stable_offset is not None:
            adjusted, moved = candidate - _within(block.candidate_offset), moved - _within(block.stable_offset)
            reach = REACH
        self.capitals.step(two_sample_factors(self._stakes(block, reach), adjusted, moved), block.n)
        self.learn(
            candidate=self._sums(candidate),
            candidate_n=block.candidate.size,
            stable=float(np.add.reduce(block.stable)),
            stable_n=block.stable.size,
        )

    def _cut(self, candidate: Floats) -> Floats:
        if not self.capped:
            return candidate
        tops: Floats = np.array([[bet.boundary.cap] for bet in self.bets])
        return np.minimum(candidate, tops)

    def _sums(self, candidate: Floats) -> list[float]:
        """For each bet."""
        if not self.capped:
            return [float(np.add.reduce(candidate))] * len(self.bets)
        sums: list[float] = np.add.reduce(candidate, axis=1).tolist()
        return sums

    def _moved(self, stable: Floats) -> Floats:
        scales: Floats = np.array([[bet.boundary.scale] for bet in self.bets])
        shifts: Floats = np.array([[bet.boundary.shift] for bet in self.bets])
        moved = scales * stable
        moved += shifts
        return moved

    def _stakes(self, block: Block, reach: float) -> Iterable[Stake]:
        candidate_n, stable_n = block.candidate.size, block.stable.size
        (stable,) = self.stable.mean
        for bet, candidate in zip(self.bets, self.candidate.mean, strict=True):
            boundary = bet.boundary
            expected = boundary.scale * stable + boundary.shift
            centre = (candidate_n * candidate + stable_n * expected) / (candidate_n + stable_n)
            if bet.worse is self.higher_is_better:
                top = boundary.cap if self.capped else 1.0
                yield stake_below(candidate_n, stable_n, centre, boundary, reach, top=top)
            else:
                yield stake_above(candidate_n, stable_n, centre, boundary, reach)


def _within(offset: Floats) -> Floats:
    return np.minimum(np.maximum(offset, -REACH), REACH)
