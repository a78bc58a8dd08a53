"""A Predictor: what a request alone tells of its outcome, learned from the past.

Part of what makes scores differ is the requests themselves: long prompts are answered worse than short ones. Taking a
prediction out of both sides' values leaves less noise, and the difference between the sides is seen sooner. How good
the prediction is decides only how much is gained.

Source: Deng, Xu, Kohavi & Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data" (WSDM 2013), with a covariate that is known when the request comes in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.two_sample_mean import REACH

ENOUGH = 100
"""Outcomes that are learned from before anything is predicted."""

_REMEMBERED = 10_000.0  # outcomes; beyond it what is known weighs half as much, so that the line can follow a drift
_ALIKE = 1e-9  # variance of covariates below which they tell nothing


@dataclass(kw_only=True, slots=True)
class Predictor:
    """A straight line of the outcome over log(1 + covariate).

    It is taught stable's outcomes alone: what it says is then what stable would have given, and does not change with
    the candidate's share of the traffic. `along` and `beside` are centred sums, of squares and of products.
    """

    n: float = 0.0
    covariate: float = 0.0
    outcome: float = 0.0
    along: float = 0.0
    beside: float = 0.0

    def predict(self, covariates: Floats) -> Floats | None:
        """How far above the mean each outcome should lie, at most REACH; 0 where a covariate is missing.

        None until enough outcomes were learned. Covariates (n,) are at least 0, NaN where unknown.
        """
        if self.n < ENOUGH:
            return None
        slope = self.beside / self.along if self.along > _ALIKE * self.n else 0.0
        slope = slope if math.isfinite(slope) else 0.0
        known = _known(covariates)
        logs = np.log1p(np.where(known, covariates, 0.0))
        offsets: Floats = np.where(known, slope * (logs - self.covariate), 0.0)
        return np.minimum(np.maximum(offsets, -REACH), REACH)

    def learn(self, covariates: Floats, outcomes: Floats) -> None:
        """Takes in what came of requests, both (n,). Call it after they were compared."""
        known = _known(covariates) & np.isfinite(outcomes)
        logs, outcomes = np.log1p(covariates[known]), outcomes[known]
        if not logs.size:
            return
        logs_mean, mean = float(logs.mean()), float(outcomes.mean())
        apart, beyond = logs - logs_mean, outcomes - mean
        n = self.n + logs.size
        step, rise = logs_mean - self.covariate, mean - self.outcome
        weight = self.n * logs.size / n
        self.along += float(apart @ apart) + weight * step * step
        self.beside += float(apart @ beyond) + weight * step * rise
        self.covariate += step * logs.size / n
        self.outcome += rise * logs.size / n
        self.n = n
        if self.n > _REMEMBERED:
            self.n, self.along, self.beside = self.n / 2.0, self.along / 2.0, self.beside / 2.0

    def dump(self) -> list[float]:
        return [self.n, self.covariate, self.outcome, self.along, self.beside]

    def restore(self, dumped: Sequence[float]) -> None:
        self.n, self.covariate, self.outcome, self.along, self.beside = (float(number) for number in dumped)


def _known(covariates: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.isfinite(covariates) & (covariates >= 0.0)
