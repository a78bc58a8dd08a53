"""Quantiles, compared as the rate at which a threshold is exceeded.

A candidate whose 99th percentile is higher exceeds stable's more often than stable does. The threshold is stable's past
quantile; any threshold chosen from the past gives a valid test, a good one gives a powerful test.

Source: the two-sample rate e-values of Turner, Ly & Gruenwald on exceedances; the idea of fixing the quantile and
testing its exceedance is that of Howard & Ramdas, "Sequential estimation of quantiles" (Bernoulli 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.comparison import Boundary, Centre, Zone
from verdigris.core.stats.two_sample_rate import Counts, boundary_factors, odds_factors

_EQUAL = Boundary()


@dataclass(kw_only=True, slots=True)
class Exceedance(Zone):
    """Values of any size: stable's are held against `threshold`, the candidate's against the two raised ones."""

    threshold: float
    tolerated: float
    allowed: float

    @classmethod
    def start(
        cls, *, threshold: float, tolerance: Boundary, margin: Boundary, rate: float, strength: float = 200.0
    ) -> Exceedance:
        """`rate` is how often stable is expected to exceed `threshold`: 0.01 for a 99th percentile."""
        return cls(
            threshold=threshold,
            tolerated=tolerance.scale * threshold + tolerance.shift,
            allowed=margin.scale * threshold + margin.shift,
            candidate=Centre.prior(rate, strength),
            stable=Centre.prior(rate, strength),
        )

    def move(self, threshold: float, *, tolerance: Boundary, margin: Boundary) -> None:
        """Goes on with another threshold. It may only depend on values that are not compared any more."""
        self.threshold = threshold
        self.tolerated = tolerance.scale * threshold + tolerance.shift
        self.allowed = margin.scale * threshold + margin.shift

    def compare(self, candidate: Floats, stable: Floats) -> None:
        stable_bad = float(np.count_nonzero(stable > self.threshold))
        tolerance = _counts(candidate, self.tolerated, stable.size, stable_bad)
        margin = _counts(candidate, self.allowed, stable.size, stable_bad)
        centre = (candidate.size * self.candidate.mean + stable.size * self.stable.mean) / margin.n
        self.settle(
            harm=odds_factors(tolerance, self.stable.mean),
            far=odds_factors(margin, self.stable.mean),
            safe=boundary_factors(margin, _EQUAL, centre, above=False),
            observations=margin.n,
        )
        self.learn(
            candidate=margin.candidate_bad,
            candidate_n=margin.candidate_n,
            stable=margin.stable_bad,
            stable_n=margin.stable_n,
        )


def _counts(candidate: Floats, threshold: float, stable_n: int, stable_bad: float) -> Counts:
    return Counts(
        candidate_n=candidate.size,
        candidate_bad=float(np.count_nonzero(candidate > threshold)),
        stable_n=stable_n,
        stable_bad=stable_bad,
    )
