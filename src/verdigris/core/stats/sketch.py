"""A sketch of positive values: counts in buckets that grow geometrically, so every quantile is known to 1 %.

Source: Masson, Rim & Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees"
(VLDB 2019), with a fixed range instead of collapsing buckets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from verdigris.core.stats.arrays import Floats

ACCURACY = 0.01
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)
_LOW, _HIGH = 1e-9, 1e6
_FIRST = math.ceil(math.log(_LOW) / _LOG_GAMMA)
_BUCKETS = math.ceil(math.log(_HIGH) / _LOG_GAMMA) - _FIRST + 1


def _empty() -> npt.NDArray[np.int64]:
    return np.zeros(_BUCKETS, dtype=np.int64)


@dataclass(kw_only=True, slots=True)
class Sketch:
    """Values in 1e-9..1e6; smaller ones count as 0, larger ones as the largest. About 14 kB, whatever is added."""

    counts: npt.NDArray[np.int64] = field(default_factory=_empty)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    def add(self, values: Floats) -> None:
        """Values must be finite."""
        if values.size:
            logs = np.log(np.minimum(np.maximum(values, _LOW), _HIGH)) / _LOG_GAMMA
            places = np.minimum(np.maximum(np.ceil(logs).astype(np.int64) - _FIRST, 0), _BUCKETS - 1)
            self.counts += np.bincount(places, minlength=_BUCKETS)

    def __add__(self, other: Sketch) -> Sketch:
        return Sketch(counts=self.counts + other.counts)

    def halve(self) -> None:
        """Lets what is known weigh half as much."""
        self.counts //= 2

    def at_rank(self, rank: int) -> float | None:
        """The value of the `rank`-th smallest, from 1; None outside 1..n."""
        if not 1 <= rank <= self.n:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        return 2.0 * _GAMMA ** (place + _FIRST) / (_GAMMA + 1.0) if place else 0.0

    def quantile(self, q: float) -> float | None:
        """The smallest value that at least a share `q` of all do not exceed; None without values."""
        return self.at_rank(max(1, math.ceil(q * self.n)))

    def capped_mean(self, cap: float) -> float | None:
        """The mean of min(value, cap); None without values."""
        n = self.n
        if not n:
            return None
        places = np.arange(_BUCKETS)
        values = 2.0 * np.exp((places + _FIRST) * _LOG_GAMMA) / (_GAMMA + 1.0)
        values[0] = 0.0
        return float(np.minimum(values, cap) @ self.counts) / n

    def dump(self) -> list[list[int]]:
        """Filled buckets only: their places and their counts."""
        places = np.flatnonzero(self.counts)
        return [places.tolist(), self.counts[places].tolist()]

    @classmethod
    def load(cls, dumped: Sequence[Sequence[int]]) -> Sketch:
        sketch = cls()
        sketch.counts[np.array(dumped[0], dtype=np.int64)] = np.array(dumped[1], dtype=np.int64)
        return sketch
