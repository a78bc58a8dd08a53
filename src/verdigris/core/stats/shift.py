"""Interim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.paired_mean import mean_factors


@dataclass(kw_only=True, slots=True)
class Shift:
    reference: float
    band: float
    up: Capital = field(default_factory=Capital.start)
    down: Capital = field(default_factory=Capital.start)

    @classmethod
    def start(cls, *, reference: float, band: float) -> Shift:
        return cls(reference=reference, band=band)

    @property
    def direction(self) -> int:
        return 1 if self.up.peak >= 1000.0 else -1 if self.down.peak >= 1000.0 else 0

    def fold(self, values: Floats) -> None:
        high, low = self.reference + self.band, self.reference - self.band
        if high < 1.0:
            self.up.step(mean_factors(values - high, max(high, 1e-3)), values.size)
        if low > 0.0:
            self.down.step(mean_factors(low - values, max(1.0 - low, 1e-3)), values.size)

    def dump(self) -> list[Any]:
        return [self.reference, self.band, self.up.dump(), self.down.dump()]

    def restore(self, dumped: list[Any]) -> None:
        self.reference, self.band = dumped[:2]
        self.up.restore(dumped[2])
        self.down.restore(dumped[3])
