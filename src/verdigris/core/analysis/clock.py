"""A Clock read from observations: what several of them agree it must be by now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from verdigris.core.stats.arrays import Floats

_AGREE = 3


@dataclass(kw_only=True, slots=True)
class Clock:
    """The time that so many observations have reached. One sender whose clock is wrong does not move it.

    `latest` holds the largest times, rising.
    """

    latest: list[float] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Minus infinity before there are enough of them."""
        return self.latest[0] if len(self.latest) == _AGREE else -math.inf

    def read(self, times: Floats) -> None:
        """Times in seconds, rising."""
        self.latest = sorted([*self.latest, *np.asarray(times[-_AGREE:]).tolist()])[-_AGREE:]

    def dump(self) -> list[float]:
        return self.latest

    @classmethod
    def load(cls, dumped: Sequence[float]) -> Clock:
        return cls(latest=[float(at) for at in dumped])
