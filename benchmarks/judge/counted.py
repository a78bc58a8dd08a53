"""Decisions, counted: shares with their exact intervals, and medians with their quartiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.judge.intervals import clopper_pearson
from benchmarks.judge.scenario import Decision


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """How many of the runs; `low` and `high` are the ends of its exact 95 % interval, 0..1."""

    found: int
    runs: int

    @property
    def value(self) -> float:
        return self.found / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        return clopper_pearson(self.found, self.runs)

    def __str__(self) -> str:
        return percent(self.value)

    @property
    def interval_text(self) -> str:
        return " - ".join(map(percent, self.interval))


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Median and quartiles of a number of requests; None where that part of the runs never got there."""

    middle: float | None
    low: float | None
    high: float | None
    runs: int

    def __str__(self) -> str:
        return amount(self.middle)

    @property
    def interval_text(self) -> str:
        return f"{amount(self.low)} - {amount(self.high)}"


def share(decisions: Sequence[Decision], condition: Callable[[Decision], bool]) -> Share:
    return Share(found=sum(map(condition, decisions)), runs=len(decisions))


def spread(decisions: Sequence[Decision], moment: Callable[[Decision], int | None]) -> Spread:
    """Of the moment at which something happened; runs in which it never did count as infinitely late."""
    moments = sorted(np.inf if (found := moment(decision)) is None else found for decision in decisions)
    low, middle, high = (float(np.quantile(moments, part, method="inverted_cdf")) for part in (0.25, 0.5, 0.75))
    return Spread(middle=_known(middle), low=_known(low), high=_known(high), runs=len(decisions))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def rolled_back(decision: Decision) -> bool:
    return decision.rolled_back is not None


def percent(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def amount(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f}"
