"""The mean of values with a heavy tail, such as cost: a capped mean and the rate at which the cap is exceeded.

Values are cut at a cap taken from stable's past (its 99.5th percentile), which bounds the mean; what hides above the
cap is watched as a rate. Evidence for harm is .7 of the first and .3 of the second; non-inferiority is asked of the
capped mean alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.comparison import Boundary, Evidence
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.two_sample_mean import TwoSampleMean

CAP_QUANTILE = 0.995
_BODY, _TAIL = 0.7, 0.3


@dataclass(kw_only=True, slots=True)
class CappedMean:
    """Values of at least 0 and any size; lower is better. `cap` is in the values' unit."""

    cap: float
    body: TwoSampleMean
    tail: Exceedance

    @classmethod
    def start(cls, *, cap: float, tolerance: Boundary, margin: Boundary, prior: float) -> CappedMean:
        """`prior` is the capped mean expected of both roles; it and the boundaries' shifts are in the values' unit."""
        return cls(
            cap=cap,
            body=TwoSampleMean.start(
                tolerance=Boundary(scale=tolerance.scale, shift=tolerance.shift / cap),
                margin=Boundary(scale=margin.scale, shift=margin.shift / cap),
                higher_is_better=False,
                prior=prior / cap,
                capped=True,
            ),
            tail=Exceedance.start(threshold=cap, tolerance=tolerance, margin=margin, rate=1.0 - CAP_QUANTILE),
        )

    @property
    def evidence(self) -> Evidence:
        body, tail = self.body.evidence, self.tail.evidence
        return Evidence(
            harm=_BODY * body.harm + _TAIL * tail.harm,
            far=_BODY * body.far + _TAIL * tail.far,
            non_inferiority=body.non_inferiority,
            growth=body.growth,
            candidates=body.candidates,
        )

    def compare(self, candidate: Floats, stable: Floats) -> None:
        self.body.compare(candidate / self.cap, np.minimum(stable, self.cap) / self.cap)
        self.tail.compare(candidate, stable)

    def dump(self) -> dict[str, Any]:
        return {"body": self.body.dump(), "tail": self.tail.dump()}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.body.restore(dumped["body"])
        self.tail.restore(dumped["tail"])
