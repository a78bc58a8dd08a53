"""Interim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats


@dataclass(kw_only=True, slots=True)
class Predictor:
    n: float = 0.0

    def predict(self, covariates: Floats) -> Floats:
        return np.zeros(covariates.size)

    def learn(self, covariates: Floats, outcomes: Floats) -> None:
        self.n += outcomes.size

    def dump(self) -> Any:
        return self.n

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.n = dumped
