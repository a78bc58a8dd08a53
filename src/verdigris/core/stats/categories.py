"""Interim."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats

DIFFERENT = 1_000.0


@dataclass(kw_only=True, slots=True)
class Categories:
    candidate: Floats
    stable: Floats
    log: float = 0.0
    highest: float = 0.0

    @classmethod
    def start(cls, k: int, strength: float = 20.0) -> Categories:
        return cls(candidate=np.full(k, strength / k), stable=np.full(k, strength / k))

    @property
    def peak(self) -> float:
        return math.exp(min(self.highest, 300.0))

    def compare(self, candidate: Floats, stable: Floats) -> None:
        n_candidate, n_stable = candidate.sum(), stable.sum()
        pool = self.candidate + self.stable
        on_candidate = (self.candidate + pool) / (self.candidate.sum() + pool.sum())
        on_stable = (self.stable + pool) / (self.stable.sum() + pool.sum())
        alike = (n_candidate * on_candidate + n_stable * on_stable) / (n_candidate + n_stable)
        self.log += float(candidate @ np.log(on_candidate / alike) + stable @ np.log(on_stable / alike))
        self.highest = max(self.highest, self.log)
        self.candidate = self.candidate + candidate
        self.stable = self.stable + stable

    def dump(self) -> dict[str, Any]:
        return {"c": self.candidate.tolist(), "s": self.stable.tolist(), "log": self.log, "highest": self.highest}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.candidate, self.stable = np.array(dumped["c"]), np.array(dumped["s"])
        self.log, self.highest = dumped["log"], dumped["highest"]
