"""One role against a fixed limit: a rate that must stay below it, a mean that must stay on its side of it.

Sources: likelihood ratios of Bernoulli trials (Wald; Robbins) for rates, bets on bounded means (Waudby-Smith & Ramdas)
for means. Both hold when each value's expectation, given the past, keeps the limit.
"""

from __future__ import annotations

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.paired_mean import mean_factors
from verdigris.core.stats.two_sample_rate import ODDS


def rate_limit_factors(n: int, bad: float, limit: float) -> Floats:
    """Factors against "the rate is at most `limit`", for `bad` events in `n`; one per odds ratio."""
    limit = min(max(limit, 1e-6), 1.0 - 1e-6)
    odds = limit / (1.0 - limit) * ODDS
    rate = odds / (1.0 + odds)
    return exponential(bad * np.log(rate / limit) + (n - bad) * np.log((1.0 - rate) / (1.0 - limit)))


def floor_factors(values: Floats, floor: float) -> Floats:
    """Factors against "the mean is at least `floor`", for values of at most 1; one per stake."""
    return mean_factors(floor - values, max(1.0 - floor, 1e-6))


def ceiling_factors(values: Floats, ceiling: float) -> Floats:
    """Factors against "the mean is at most `ceiling`", for values of at least 0 and any size; one per stake."""
    return mean_factors(values - ceiling, max(ceiling, 1e-9))
