"""A sketch of positive values: counts in buckets that grow geometrically, so every quantile is known to 1 %.

Source: Masson, Rim & Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees"
(VLDB 2019), with a fixed range instead of collapsing buckets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from verdigris.core.stats.arrays import Floats

ACCURACY = 0.01
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)
_LOW, _HIGH = 1e-9, 1e6
_FIRST = math.ceil(math.log(_LOW) / _LOG_GAMMA)
_BUCKETS = math.ceil(math.log(_HIGH) / _LOG_GAMMA) - _FIRST + 1


_LEAST = 2.0**-20  # of one value; what weighs less is forgotten, so that an old stall does not stay for ever


def _empty() -> Floats:
    return np.zeros(_BUCKETS)


@dataclass(kw_only=True, slots=True)
class Sketch:
    """Values in 1e-9..1e6; smaller ones count as 0, larger ones as the largest. About 14 kB, whatever is added.

    Counts are floats, so that halving loses none: in whole numbers a value alone in its bucket would be dropped, and
    those are the tail.
    """

    counts: Floats = field(default_factory=_empty)

    @property
    def n(self) -> int:
        """How many values, by weight; parts of one are left out."""
        return int(np.add.reduce(self.counts))

    def add(self, values: Floats) -> None:
        """Values must be finite."""
        if values.size:
            logs = np.log(np.minimum(np.maximum(values, _LOW), _HIGH))
            logs /= _LOG_GAMMA
            places = np.ceil(logs, out=logs).astype(np.int64)
            places -= _FIRST
            self.counts += np.bincount(places, minlength=_BUCKETS)

    def __add__(self, other: Sketch) -> Sketch:
        return Sketch(counts=self.counts + other.counts)

    def halve(self) -> None:
        """Lets what is known weigh half as much; every quantile stays where it is."""
        self.counts *= 0.5
        self.counts[self.counts < _LEAST] = 0.0

    def at_rank(self, rank: int) -> float | None:
        """The value of the `rank`-th smallest, from 1; None outside 1..n."""
        if not 1 <= rank <= self.n:
            return None
        return self._value(rank)

    def quantile(self, q: float) -> float | None:
        """The smallest value that at least a share `q` of all do not exceed; None without values."""
        total = float(self._ranks()[-1])
        return self._value(max(q * total, _LEAST)) if total else None

    def _value(self, rank: float) -> float:
        ranks = self._ranks()
        place = int(np.searchsorted(ranks, min(rank, ranks[-1])))  # sums in another order may differ in the last bit
        return 2.0 * _GAMMA ** (place + _FIRST) / (_GAMMA + 1.0) if place else 0.0

    def _ranks(self) -> Floats:
        """For each bucket, the weight of all values up to it."""
        return np.cumsum(self.counts)

    def capped_mean(self, cap: float) -> float | None:
        """The mean of min(value, cap); None without values."""
        total = float(self.counts.sum())
        if not total:
            return None
        places = np.arange(_BUCKETS)
        values = 2.0 * np.exp((places + _FIRST) * _LOG_GAMMA) / (_GAMMA + 1.0)
        values[0] = 0.0
        return float(np.minimum(values, cap) @ self.counts) / total

    def dump(self) -> list[list[float]]:
        """Filled buckets only: their places and their counts."""
        places = np.flatnonzero(self.counts)
        return [places.tolist(), self.counts[places].tolist()]

    @classmethod
    def load(cls, dumped: Sequence[Sequence[float]]) -> Sketch:
        """Raises: ValueError for what cannot be counts."""
        sketch, counts = cls(), np.array(dumped[1], dtype=np.float64)
        if not (np.isfinite(counts) & (counts > 0.0)).all():
            raise ValueError("a count of a sketch is no positive number")
        sketch.counts[np.array(dumped[0], dtype=np.int64)] = counts
        return sketch
