"""A Shift: does one side's mean leave the band in which its past has it?

Two bets on bounded values, one in each direction, whose capital is partly paid out over time, so that a move which
comes late is found too. For telling people only: no verdict rests on it.

Sources: Waudby-Smith & Ramdas (JRSS B 2024) for the bets; Shin, Ramdas & Rinaldo, "E-detectors" (2023), for changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.one_sample import ceiling_factors, floor_factors

MOVED = 2_000.0
"""Evidence from which a move is told: in both directions together chance alone brings it about once in a thousand."""


@dataclass(kw_only=True, slots=True)
class Shift:
    """Values in 0..1, whose mean was `reference`; moves within `band` are nothing.

    `direction` is 1 once the mean is known to have risen, -1 once it is known to have fallen, and 0 until then.
    """

    reference: float
    band: float
    direction: int = 0
    up: Capital = field(default_factory=Capital.start)
    down: Capital = field(default_factory=Capital.start)

    @classmethod
    def start(cls, *, reference: float, band: float) -> Shift:
        return cls(reference=reference, band=band)

    def fold(self, values: Floats) -> None:
        """Settles new values."""
        values = np.minimum(np.maximum(values, 0.0), 1.0)
        self.up.step(ceiling_factors(values, self.reference + self.band), values.size)
        self.down.step(floor_factors(values, self.reference - self.band), values.size)
        if not self.direction and max(self.up.value, self.down.value) >= MOVED:
            self.direction = 1 if self.up.value >= self.down.value else -1

    def dump(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "band": self.band,
            "direction": self.direction,
            "up": self.up.dump(),
            "down": self.down.dump(),
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.reference, self.band = float(dumped["reference"]), float(dumped["band"])
        self.direction = int(dumped["direction"])
        self.up.restore(dumped["up"])
        self.down.restore(dumped["down"])
