"""The exact interval of a proportion."""

from __future__ import annotations

import math
from collections.abc import Callable


def clopper_pearson(found: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of the exact interval for a proportion of which `found` in `runs` were seen.

    Source: Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934).
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if found == 0 else _root(lambda p: _at_most(found - 1, runs, p) - (1.0 - tail))
    high = 1.0 if found == runs else _root(lambda p: _at_most(found, runs, p) - tail)
    return low, high


def _at_most(found: int, runs: int, p: float) -> float:
    """The chance of at most `found` in `runs`."""
    if p <= 0.0:
        return 1.0
    if p >= 1.0:
        return float(found >= runs)
    whole = math.lgamma(runs + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * math.log(p) + (runs - k) * math.log1p(-p))
        for k in range(found + 1)
    )


def _root(falling: Callable[[float], float]) -> float:
    """Where a falling function of 0..1 crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return (low + high) / 2.0
