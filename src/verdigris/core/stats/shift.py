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
from verdigris.core.stats.capital import Capitals
from verdigris.core.stats.products import factors

MOVED = 2_000.0
"""Evidence from which a move is told: in both directions together chance alone brings it about once in a thousand."""

_LEAST = 1e-6  # of what a mean may lie away from a bound, so that stakes stay finite


def _two() -> Capitals:
    return Capitals.start(2)


@dataclass(kw_only=True, slots=True)
class Shift:
    """Values in 0..1, whose mean was `reference`; moves within `band` are nothing.

    `direction` is 1 once the mean is known to have risen, -1 once it is known to have fallen, and 0 until then.
    `capitals` speak against a mean that lies no higher, and no lower.
    """

    reference: float
    band: float
    direction: int = 0
    capitals: Capitals = field(default_factory=_two)

    @classmethod
    def start(cls, *, reference: float, band: float) -> Shift:
        return cls(reference=reference, band=band)

    @property
    def up(self) -> float:
        """The e-value for a rise."""
        return self.capitals.values[0]

    @property
    def down(self) -> float:
        """The e-value for a fall."""
        return self.capitals.values[1]

    def fold(self, values: Floats) -> None:
        """Settles new values."""
        values = np.minimum(np.maximum(values, 0.0), 1.0)
        top, bottom = self.reference + self.band, self.reference - self.band
        distances = np.empty((2, values.size))
        np.multiply(values - top, 1.0 / max(top, _LEAST), out=distances[0])
        np.multiply(bottom - values, 1.0 / max(1.0 - bottom, _LEAST), out=distances[1])
        self.capitals.step(factors(distances), values.size)
        if not self.direction:
            up, down = self.up, self.down
            if max(up, down) >= MOVED:
                self.direction = 1 if up >= down else -1

    def dump(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "band": self.band,
            "direction": self.direction,
            "capitals": self.capitals.dump(),
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.reference, self.band = float(dumped["reference"]), float(dumped["band"])
        self.direction = int(dumped["direction"])
        self.capitals.restore(dumped["capitals"])
