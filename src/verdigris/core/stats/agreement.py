"""Agreement of two raters on the same things: people and a judge. And what a judge's rate says once its errors are known.

Intervals are of 95 % and of a fixed number of labels: they are not for looking at continuously.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats

_Z = 1.959963984540054  # of the normal distribution, 0.975


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """`count` of `n`, with Wilson's interval; `rate` is None of nothing."""

    count: int
    n: int

    @property
    def rate(self) -> float | None:
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Source: Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 1927)."""
        if not self.n:
            return 0.0, 1.0
        rate, square = self.count / self.n, _Z * _Z
        centre = (rate + square / (2 * self.n)) / (1 + square / self.n)
        half = _Z / (1 + square / self.n) * math.sqrt(rate * (1 - rate) / self.n + square / (4 * self.n * self.n))
        return max(0.0, centre - half), min(1.0, centre + half)


def kappa(table: Floats) -> tuple[float, float, float] | None:
    """Cohen's kappa of a (k, k) table of counts, rows one rater and columns the other, with its interval.

    None where chance alone agrees always: nothing, or one category only. Sources: Cohen, "A coefficient of agreement for nominal
    scales" (1960); its variance: Fleiss, Cohen & Everitt, "Large sample standard errors of kappa and weighted kappa" (1969).
    """
    n = float(table.sum())
    if n == 0.0:
        return None
    share = table / n
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    seen, chance = float(np.trace(share)), float(rows @ columns)
    if chance >= 1.0:
        return None
    value = (seen - chance) / (1.0 - chance)
    both = columns[:, None] + rows[None, :]
    agreed = float(np.sum(np.diag(share) * (1.0 - np.diag(both) * (1.0 - value)) ** 2))
    apart = (1.0 - value) ** 2 * float(np.sum((share - np.diag(np.diag(share))) * both**2))
    variance = (agreed + apart - (value - chance * (1.0 - value)) ** 2) / (n * (1.0 - chance) ** 2)
    half = _Z * math.sqrt(max(0.0, variance))
    return value, max(-1.0, value - half), min(1.0, value + half)


def corrected(seen: Share, *, sensitivity: Share, specificity: Share) -> tuple[float, float, float] | None:
    """The true rate behind the rate that an imperfect judge sees, with its interval; None for a judge no better than chance.

    Sources: Rogan & Gladen, "Estimating prevalence from the results of a screening test" (1978); the interval by the delta method.
    """
    if seen.rate is None or sensitivity.rate is None or specificity.rate is None:
        return None
    gain = sensitivity.rate + specificity.rate - 1.0
    if gain <= 0.0:
        return None
    rate = (seen.rate + specificity.rate - 1.0) / gain
    variance = (
        _variance(seen) + rate**2 * _variance(sensitivity) + (1.0 - rate) ** 2 * _variance(specificity)
    ) / gain**2
    half = _Z * math.sqrt(variance)
    return _within(rate), _within(rate - half), _within(rate + half)


def _variance(share: Share) -> float:
    rate = share.count / share.n
    return rate * (1.0 - rate) / share.n


def _within(rate: float) -> float:
    return min(1.0, max(0.0, rate))
