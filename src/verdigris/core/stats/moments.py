"""Count, sum and sum of squares: they add, and give mean and variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verdigris.core.stats.arrays import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Of finite values. Counts are floats, so that old ones can be made to weigh less."""

    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Floats) -> Moments:
        return cls(n=float(values.size), total=float(np.add.reduce(values)), squares=float(np.dot(values, values)))

    def __add__(self, other: Moments) -> Moments:
        return Moments(n=self.n + other.n, total=self.total + other.total, squares=self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float:
        """The population variance; 0 without values."""
        return max(0.0, self.squares / self.n - (self.total / self.n) ** 2) if self.n else 0.0

    def scaled(self, factor: float) -> Moments:
        """The same mean and variance, weighing `factor` times as much."""
        return Moments(n=self.n * factor, total=self.total * factor, squares=self.squares * factor)

    def dump(self) -> list[float]:
        return [self.n, self.total, self.squares]

    @classmethod
    def load(cls, dumped: Sequence[float]) -> Moments:
        return cls(n=float(dumped[0]), total=float(dumped[1]), squares=float(dumped[2]))
