"""Sample ratio: were the units split as configured?

Each unit is drawn for the candidate with the probability in force at that moment. The bets are odds ratios on both
sides of it; the probability may change over time.

Source: Lindon & Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022), here with two categories
and a finite mixture instead of a Dirichlet.
"""

from __future__ import annotations

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential

_STEPS = np.array([0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0])
LOG_ODDS = np.concatenate([-_STEPS, _STEPS])
"""Shifts of the log odds that are bet on."""


def ratio_factors(candidate: int, stable: int, share: float) -> Floats:
    """Factors against "a unit goes to the candidate with probability `share`", 0 < share < 1; one per shift."""
    rate = 1.0 / (1.0 + (1.0 - share) / share * np.exp(-LOG_ODDS))
    return exponential(candidate * np.log(rate / share) + stable * np.log((1.0 - rate) / (1.0 - share)))
