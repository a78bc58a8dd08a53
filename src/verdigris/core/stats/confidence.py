"""Intervals that may be looked at continuously, for display beside an estimate. Verdicts do not rest on them.

At any moment, and at all moments together, the true value lies inside with probability of about 1 - alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from verdigris.core.stats.moments import Moments

_PRIOR = 0.5  # Jeffreys
_FEW = 20
_HORIZON = 500.0  # the width is tightest near this many values


def mean_interval(moments: Moments, *, alpha: float = 0.05) -> tuple[float, float] | None:
    """An interval for a mean; None with fewer than 20 values.

    Asymptotic: exact only as values grow many. Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform
    central limit theory and asymptotic confidence sequences" (Annals of Statistics 2024), theorem 2.2.
    """
    if moments.n < _FEW or moments.mean is None:
        return None
    rho = math.sqrt((-2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha) + 1.0)) / _HORIZON)
    scaled = moments.n * rho * rho
    width = 2.0 * (scaled + 1.0) / (moments.n**2 * rho * rho) * math.log(math.sqrt(scaled + 1.0) / alpha)
    half = math.sqrt(moments.variance * width)
    return moments.mean - half, moments.mean + half


def rate_interval(n: int, bad: float, *, alpha: float = 0.05) -> tuple[float, float]:
    """An interval for a rate, exact for independent events of one rate.

    It holds every rate that the beta-binomial mixture does not outbid by 1/alpha. Source: Robbins, "Statistical
    methods related to the law of the iterated logarithm" (1970), with a Beta(1/2, 1/2) mixture.
    """
    if n == 0:
        return 0.0, 1.0
    centre = bad / n

    def inside(rate: float) -> bool:
        return _log_mixture_ratio(n, bad, rate) < math.log(1.0 / alpha)

    return _edge(inside, centre, 0.0), _edge(inside, centre, 1.0)


def quantile_ranks(n: int, q: float, *, alpha: float = 0.05) -> tuple[int, int]:
    """Ranks (from 1) between whose values the `q`-quantile lies; below 1 or above n means without bound.

    The number of values not above the true quantile is a count with rate q: ranks whose count would be outbid by
    1/alpha are left out. Source: Howard & Ramdas, "Sequential estimation of quantiles" (Bernoulli 2022), with the
    same mixture as `rate_interval`.
    """
    centre = round(q * n)

    def inside(count: float) -> bool:
        return _log_mixture_ratio(n, round(count), q) < math.log(1.0 / alpha)

    low, high = round(_edge(inside, centre, 0.0)), round(_edge(inside, centre, float(n)))
    return low, high + 1


def _log_mixture_ratio(n: int, bad: float, rate: float) -> float:
    mixture = _log_beta(bad + _PRIOR, n - bad + _PRIOR) - _log_beta(_PRIOR, _PRIOR)
    return mixture - _times_log(bad, rate) - _times_log(n - bad, 1.0 - rate)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _times_log(count: float, rate: float) -> float:
    if count == 0:
        return 0.0
    return count * math.log(rate) if rate > 0 else -math.inf


def _edge(inside: Callable[[float], bool], start: float, end: float) -> float:
    """The last place on the way from `start`, which is inside, to `end` that is still inside, by bisection."""
    if inside(end):
        return end
    good, bad = start, end
    for _ in range(50):
        middle = (good + bad) / 2.0
        good, bad = (middle, bad) if inside(middle) else (good, middle)
    return good
