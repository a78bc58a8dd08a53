"""The simple rule many teams use: the candidate's mean below 90 % of the baseline, once 50 samples are there."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST = 50
SHARE = 0.9
MOST = 2_000
"""Samples after which it is no longer waited for."""


@dataclass(kw_only=True, slots=True)
class Mean:
    """A running mean."""

    n: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        self.total += value

    @property
    def value(self) -> float:
        return self.total / self.n


@dataclass(kw_only=True, slots=True)
class Threshold:
    """Looks at the candidate's scores after each one from the fiftieth on. `found_after` is how many it had seen when it said stop.

    It is given the true worth of each answer, which no judge knows so well.
    Its baseline is the mean of stable's scores before the rollout.
    """

    baseline: float
    candidate: Mean = field(default_factory=Mean)
    found_after: int | None = None

    @property
    def is_over(self) -> bool:
        return self.found_after is not None or self.candidate.n >= MOST

    def look(self, score: float) -> None:
        if self.is_over:
            return
        self.candidate.add(score)
        if self.candidate.n >= LEAST and self.candidate.value < SHARE * self.baseline:
            self.found_after = self.candidate.n
