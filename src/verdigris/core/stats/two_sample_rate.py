"""Two rates of a bad event, compared block by block.

Against "candidate's rate is at most stable's" the bets are odds ratios: how much more likely the event would be on the
candidate. Against a boundary other than equality the bounded-mean bets are used, which for events need only counts.

Source: Turner, Ly & Gruenwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping" (J. Stat. Plan. Inference 2024), their two-sample Bernoulli e-variable for blocks of any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.comparison import Boundary, Centre, Zone
from verdigris.core.stats.two_sample_mean import stakes

ODDS = np.array([1.25, 1.6, 2.2, 3.2, 5.0, 9.0, 20.0, 60.0])
"""The odds ratios bet on: from a quarter more events to a candidate that always fails."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """One block of events: `bad` of `n` for each role; both `n` are at least 1."""

    candidate_n: int
    candidate_bad: float
    stable_n: int
    stable_bad: float

    @classmethod
    def of(cls, candidate: Floats, stable: Floats) -> Counts:
        """Counts arrays of 0 and 1."""
        return cls(
            candidate_n=candidate.size,
            candidate_bad=float(candidate.sum()),
            stable_n=stable.size,
            stable_bad=float(stable.sum()),
        )

    @property
    def n(self) -> int:
        return self.candidate_n + self.stable_n


def odds_factors(block: Counts, stable_rate: float) -> Floats:
    """Factors against "the candidate's rate is at most stable's", one per odds ratio.

    `stable_rate` must come from the past.
    """
    stable_rate = min(max(stable_rate, 1e-5), 0.9)
    odds = stable_rate / (1.0 - stable_rate) * ODDS
    rate = odds / (1.0 + odds)
    pooled = (block.candidate_n * rate + block.stable_n * stable_rate) / block.n
    return exponential(
        block.candidate_bad * np.log(rate / pooled)
        + (block.candidate_n - block.candidate_bad) * np.log((1.0 - rate) / (1.0 - pooled))
        + block.stable_bad * np.log(stable_rate / pooled)
        + (block.stable_n - block.stable_bad) * np.log((1.0 - stable_rate) / (1.0 - pooled))
    )


def boundary_factors(block: Counts, boundary: Boundary, centre: float, *, above: bool) -> Floats:
    """Factors for "the candidate's rate lies above (or below) scale * stable's rate + shift", one per stake.

    `centre`, the mean expected of the block's boundary and candidate values, must come from the past.
    """
    bad, good = boundary.scale + boundary.shift, boundary.shift
    if above:
        centre, on_candidate, on_stable = stakes(block.candidate_n, block.stable_n, centre, 0.0, boundary.high)
        on_stable = -on_stable
    else:
        centre, on_stable, on_candidate = stakes(block.stable_n, block.candidate_n, centre, boundary.low, 1.0)
        on_candidate = -on_candidate
    return exponential(
        block.candidate_bad * np.log1p(on_candidate * (1.0 - centre))
        + (block.candidate_n - block.candidate_bad) * np.log1p(-on_candidate * centre)
        + block.stable_bad * np.log1p(on_stable * (bad - centre))
        + (block.stable_n - block.stable_bad) * np.log1p(on_stable * (good - centre))
    )


@dataclass(kw_only=True, slots=True)
class TwoSampleRate(Zone):
    """Rates of a bad event, held against a tolerance and a margin. Values are 0 or 1."""

    tolerance: Boundary
    margin: Boundary

    @classmethod
    def start(cls, *, tolerance: Boundary, margin: Boundary, prior: float, strength: float = 50.0) -> TwoSampleRate:
        """`prior` is the rate expected of both roles, worth `strength` requests."""
        return cls(
            tolerance=tolerance,
            margin=margin,
            candidate=Centre.prior(prior, strength),
            stable=Centre.prior(prior, strength),
        )

    def compare(self, candidate: Floats, stable: Floats) -> None:
        self.count(Counts.of(candidate, stable))

    def count(self, block: Counts) -> None:
        """Settles one block given as counts."""
        centre = self._centre(block, self.margin)
        self.settle(
            harm=self._harm_factors(block),
            far=boundary_factors(block, self.margin, centre, above=True),
            safe=boundary_factors(block, self.margin, centre, above=False),
            observations=block.n,
        )
        self.learn(
            candidate=block.candidate_bad,
            candidate_n=block.candidate_n,
            stable=block.stable_bad,
            stable_n=block.stable_n,
        )

    def _harm_factors(self, block: Counts) -> Floats:
        if self.tolerance.is_equality:
            return odds_factors(block, self.stable.mean)
        return boundary_factors(block, self.tolerance, self._centre(block, self.tolerance), above=True)

    def _centre(self, block: Counts, boundary: Boundary) -> float:
        expected = boundary.scale * self.stable.mean + boundary.shift
        return (block.candidate_n * self.candidate.mean + block.stable_n * expected) / block.n
