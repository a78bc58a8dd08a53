"""Two samples of bounded values, compared block by block without pairing them.

With stakes nx * lx = ny * ly the product of all (1 + lx (x - c)) and (1 - ly (y - c)) has expectation at most 1 whenever
the block's mean of x is at most that of y: the geometric mean of the factors is at most their arithmetic mean, in which
c cancels. It holds for any split of the traffic, and drift that moves both roles cancels too.

Source: the betting martingales of Waudby-Smith & Ramdas (JRSS B 2024), with the AM-GM step of Turner, Ly & Gruenwald,
"Generic E-variables for exact sequential k-sample tests" (2024), for bounded values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats, product
from verdigris.core.stats.capital import STAKES
from verdigris.core.stats.comparison import Boundary, Centre, Zone

_GAP = 1e-4  # the centre keeps this distance from the bounds, so that stakes stay finite


def stakes(nx: int, ny: int, centre: float, low: float, high: float) -> tuple[float, Floats, Floats]:
    """Centre and stakes for both samples: nx * first = ny * second, and no factor can become negative.

    `low` bounds x from below and `high` bounds y from above; `centre` must come from the past.
    """
    high = max(high, low + 2 * _GAP)
    centre = min(max(centre, low + _GAP), high - _GAP)
    total = STAKES * min(nx / (centre - low), ny / (high - centre))
    return centre, total / nx, total / ny


def two_sample_factors(x: Floats, y: Floats, *, centre: float, low: float, high: float) -> Floats:
    """Factors against "the mean of x is at most the mean of y", one per stake."""
    centre, on_x, on_y = stakes(x.size, y.size, centre, low, high)
    return product(on_x, x - centre) * product(-on_y, y - centre)


@dataclass(kw_only=True, slots=True)
class TwoSampleMean(Zone):
    """Values in 0..1 of candidate and stable, held against a tolerance and a margin.

    With `capped`, stable's values were cut at 1 and the candidate's may be any size: they are cut where stable's cut
    lies after the boundary, so that a candidate exactly at the boundary has exactly the boundary's mean.
    """

    tolerance: Boundary
    margin: Boundary
    higher_is_better: bool
    capped: bool = False

    @classmethod
    def start(
        cls,
        *,
        tolerance: Boundary,
        margin: Boundary,
        higher_is_better: bool,
        prior: float,
        strength: float = 20.0,
        capped: bool = False,
    ) -> TwoSampleMean:
        """`prior` is the mean expected of both roles, worth `strength` values."""
        return cls(
            tolerance=tolerance,
            margin=margin,
            higher_is_better=higher_is_better,
            capped=capped,
            candidate=Centre.prior(prior, strength),
            stable=Centre.prior(prior, strength),
        )

    def compare(self, candidate: Floats, stable: Floats) -> None:
        self.settle(
            harm=self._factors(candidate, stable, self.tolerance, below=self.higher_is_better),
            far=self._factors(candidate, stable, self.margin, below=self.higher_is_better),
            safe=self._factors(candidate, stable, self.margin, below=not self.higher_is_better),
            observations=candidate.size + stable.size,
        )
        self.learn(
            candidate=float((np.minimum(candidate, self.tolerance.high) if self.capped else candidate).sum()),
            candidate_n=candidate.size,
            stable=float(stable.sum()),
            stable_n=stable.size,
        )

    def _factors(self, candidate: Floats, stable: Floats, boundary: Boundary, *, below: bool) -> Floats:
        """Bets that the candidate's mean lies below (or above) the boundary."""
        top = boundary.high if self.capped else 1.0
        candidate = np.minimum(candidate, top) if self.capped else candidate
        shifted = boundary.scale * stable + boundary.shift
        centre = (
            candidate.size * self.candidate.mean + stable.size * (boundary.scale * self.stable.mean + boundary.shift)
        ) / (candidate.size + stable.size)
        if below:
            return two_sample_factors(shifted, candidate, centre=centre, low=boundary.low, high=top)
        return two_sample_factors(candidate, shifted, centre=centre, low=0.0, high=boundary.high)
