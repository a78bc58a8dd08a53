"""Bets on the mean of bounded differences: each pair gives one difference, its mean is claimed to be at most 0.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", section 4.
"""

from __future__ import annotations

from verdigris.core.stats.arrays import Floats, product
from verdigris.core.stats.capital import STAKES


def mean_factors(differences: Floats, bound: float) -> Floats:
    """Factors against "the mean of `differences` is at most 0", one per stake.

    Every difference must be at least -`bound`; there is no upper bound.
    """
    return product(STAKES / bound, differences)
