"""A Calibration: how far a judge's word agreed with people's labels, and whether that is enough for it to gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

On = Literal["samples", "pairs"]

ENOUGH_LABELS = 200
ENOUGH_KAPPA = 0.6
"""Agreement that is called substantial: Landis & Koch, "The measurement of observer agreement for categorical data" (1977)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Of one `version` of a scorer, made at unix time `at`. `labels` counts those that it gave a word on; `kappa` is Cohen's, None where
    it is not defined. `on`: single answers or pairs, which are calibrated apart.
    """

    scorer: str
    version: str
    on: On
    labels: int
    kappa: float | None
    at: float

    @property
    def is_enough(self) -> bool:
        """Whether the judge's word may gate."""
        return not self.lacks

    @property
    def lacks(self) -> str:
        """What it would need, in a few words; empty when it is enough."""
        if self.labels < ENOUGH_LABELS:
            return f"{self.labels} labels are fewer than {ENOUGH_LABELS}"
        if self.kappa is None:
            return "people gave one label only, so that agreement says nothing"
        return f"kappa {self.kappa:.2f} is below {ENOUGH_KAPPA:g}" if self.kappa < ENOUGH_KAPPA else ""
