"""A Burst: how much one moment may prove.

When a machine stalls, all its requests are slow at once. They are one event, not many, and a test that takes them for
independent would be convinced by a single stall on the candidate's side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats

GROWTH_PER_SECOND = 2.0
"""No stake may grow by more than this factor within one second: a stall is as much evidence as one lucky bet.

The smaller of a factor and of a number known before the block has an expectation of at most the factor's, so the
capital stays a supermartingale. Losses are never limited.
"""

_TINY = 1e-300
_MOST_SECONDS = 60


@dataclass(kw_only=True, slots=True)
class Burst:
    """How much every stake has `grown` in the current `second`."""

    grown: Floats
    second: int | None = None

    @classmethod
    def start(cls, shape: tuple[int, ...]) -> Burst:
        return cls(grown=np.ones(shape))

    def limit(self, factors: Floats, at: float, *, seconds: int = 1) -> Floats:
        """The factors of a block that ended `at` (seconds), cut to what this second still allows.

        A block that spreads over several `seconds` may prove as much as these together.
        """
        second = math.floor(at) if math.isfinite(at) else None
        if second != self.second:
            self.second = second
            self.grown = np.ones(self.grown.shape)
        limited = np.minimum(factors, GROWTH_PER_SECOND ** min(seconds, _MOST_SECONDS) / self.grown)
        self.grown = np.maximum(self.grown * limited, _TINY)
        return limited

    def restart(self) -> None:
        """Forgets what was won in this second."""
        self.grown, self.second = np.ones(self.grown.shape), None

    def dump(self) -> dict[str, Any]:
        return {"grown": self.grown.tolist(), "second": self.second}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.grown = np.array(dumped["grown"], dtype=np.float64).reshape(self.grown.shape)
        self.second = dumped["second"]
