"""Both roles' sums and quantiles after every request of a stream, for the rules that compare them."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """One role's count, sum and sum of squares after each request of the stream."""

    n: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of(cls, values: Floats, own: np.ndarray) -> Sums:
        """`values` of all requests, NaN where missing; `own` marks the role's."""
        there = own & ~np.isnan(values)
        kept = np.where(there, values, 0.0)
        return cls(n=np.cumsum(there, dtype=np.float64), total=np.cumsum(kept), squares=np.cumsum(kept * kept))

    @property
    def mean(self) -> Floats:
        return self.total / np.maximum(self.n, 1.0)

    @property
    def variance(self) -> Floats:
        """The sample variance; 0 for fewer than two values."""
        spread = self.squares - self.total * self.mean
        return np.maximum(spread, 0.0) / np.maximum(self.n - 1.0, 1.0)


class Quantile:
    """A running quantile, exact: the smallest value with at least that part of all values at or below it."""

    def __init__(self, part: float) -> None:
        self._part = part
        self._below: list[float] = []  # a heap of negated values
        self._above: list[float] = []

    def add(self, value: float) -> float:
        """Takes a value in and returns the quantile of all so far."""
        heapq.heappush(self._above, -heapq.heappushpop(self._below, -value))
        rank = max(1, math.ceil(self._part * (len(self._below) + len(self._above))))
        while len(self._below) < rank:
            heapq.heappush(self._below, -heapq.heappop(self._above))
        while len(self._below) > rank:
            heapq.heappush(self._above, -heapq.heappop(self._below))
        return -self._below[0]


def quantiles(values: Floats, own: np.ndarray, part: float, upto: int) -> Floats:
    """The role's running quantile after each of the first `upto` requests; NaN before its first value."""
    running, latest = Quantile(part), math.nan
    found = np.empty(upto)
    for place, (value, mine) in enumerate(zip(values[:upto].tolist(), own[:upto].tolist(), strict=True)):
        if mine and value == value:  # noqa: PLR0124 -- False for NaN, and far quicker than asking for it
            latest = running.add(value)
        found[place] = latest
    return found
