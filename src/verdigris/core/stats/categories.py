"""Categories: are labels, such as how answers end, distributed alike on both sides?

Each block is bet on with what the past says of both sides, drawn towards what they have in common; the block's own
counts are learned afterwards. With the mixture p0 of both guesses in the proportion of the block's sizes, the product
of (p / p0) over all labels has expectation at most 1 when both sides have one distribution, whatever it is: once more
the geometric mean of the factors is at most their arithmetic mean, in which p0 cancels.

Source: Lindon & Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022), with the two-sample step of
Turner, Ly & Gruenwald (2024) and predictable guesses instead of a Dirichlet mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential

DIFFERENT = 1_000.0
"""From here on it is worth a warning: chance alone brings it about in one comparison of a thousand."""

_STRENGTH = 20.0  # labels of each side that the even start is worth


@dataclass(kw_only=True, slots=True)
class Categories:
    """Counts of each side so far, with an even prior; `log` is the logarithm of the e-value, `highest` its maximum."""

    candidate: Floats
    stable: Floats
    log: float = 0.0
    highest: float = 0.0

    @classmethod
    def start(cls, k: int) -> Categories:
        """Of `k` categories."""
        return cls(candidate=np.full(k, _STRENGTH / k), stable=np.full(k, _STRENGTH / k))

    @property
    def value(self) -> float:
        """The e-value now, against "both sides have the same distribution"."""
        return float(exponential(np.array(self.log)))

    @property
    def peak(self) -> float:
        """The largest e-value so far."""
        return float(exponential(np.array(self.highest)))

    def compare(self, candidate_counts: Floats, stable_counts: Floats) -> None:
        """Settles one block of counts, both (k,), and learns from it. A block with one side alone is only learned."""
        on_candidate, on_stable = float(candidate_counts.sum()), float(stable_counts.sum())
        if on_candidate and on_stable:
            common = self.candidate + self.stable
            guess = (self.candidate + common) / (self.candidate.sum() + common.sum())
            other = (self.stable + common) / (self.stable.sum() + common.sum())
            mixed = (on_candidate * guess + on_stable * other) / (on_candidate + on_stable)
            self.log += float(candidate_counts @ np.log(guess / mixed) + stable_counts @ np.log(other / mixed))
            self.highest = max(self.highest, self.log)
        self.candidate = self.candidate + candidate_counts
        self.stable = self.stable + stable_counts

    def dump(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.tolist(),
            "stable": self.stable.tolist(),
            "log": self.log,
            "highest": self.highest,
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.candidate = np.array(dumped["candidate"], dtype=np.float64)
        self.stable = np.array(dumped["stable"], dtype=np.float64)
        self.log, self.highest = float(dumped["log"]), float(dumped["highest"])
