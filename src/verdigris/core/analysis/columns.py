"""Columns: a batch of observations as arrays, one per measured quantity.

This is the only place that reads observations. What is not there, or makes no sense, becomes NaN: missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from verdigris.core.model.metric import Metric
from verdigris.core.model.observation import Observation
from verdigris.core.stats.arrays import Floats

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class Source(StrEnum):
    """The measured quantities behind the metrics: several metrics may read one."""

    QUALITY = "quality"
    COST = "cost"
    ERRORS = "errors"
    REFUSALS = "refusals"
    LATENCY = "latency"
    TTFB = "ttfb"

    @classmethod
    def of(cls, metric: Metric) -> Source:
        return _SOURCES[metric]

    @property
    def may_be_missing(self) -> bool:
        """Whether the service itself reports it, so that a candidate may stop doing so."""
        return self in (Source.QUALITY, Source.COST, Source.REFUSALS)

    @property
    def has_tail(self) -> bool:
        """Whether its values have no upper bound, so that quantiles are kept beside the mean."""
        return self in (Source.LATENCY, Source.TTFB, Source.COST)


_SOURCES = {
    Metric.QUALITY: Source.QUALITY,
    Metric.COST: Source.COST,
    Metric.ERROR_RATE: Source.ERRORS,
    Metric.REFUSAL_RATE: Source.REFUSALS,
    Metric.LATENCY_P50: Source.LATENCY,
    Metric.LATENCY_P95: Source.LATENCY,
    Metric.LATENCY_P99: Source.LATENCY,
    Metric.TTFB_P50: Source.TTFB,
    Metric.TTFB_P95: Source.TTFB,
    Metric.TTFB_P99: Source.TTFB,
}

_READ: Callable[[Observation], tuple[Any, ...]] = attrgetter(
    "at", "duration", "status", "quality", "cost", "refusal", "time_to_first_byte"
)
_COLUMN = {Source.LATENCY: 1, Source.QUALITY: 3, Source.COST: 4, Source.REFUSALS: 5, Source.TTFB: 6}
_FIELD = {Source.LATENCY: "duration", Source.QUALITY: "quality", Source.COST: "cost", Source.TTFB: "time_to_first_byte"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Observations of both roles in the order of `at`. All arrays have one entry per observation.

    `values` holds NaN where a quantity is missing; failed requests have none but their error. `invalid` marks values
    that were reported and make no sense: NaN, infinite, negative, a quality above 1. `units` is empty unless asked for.
    """

    at: Floats
    began: Floats
    candidate: Flags
    failed: Flags
    values: dict[Source, Floats]
    invalid: dict[Source, Flags]
    units: tuple[int | None, ...] = ()

    @classmethod
    def of(
        cls, observations: Sequence[Observation], *, stable: str, candidate: str | None = None, units: bool = False
    ) -> Columns:
        """Reads the observations of these two environments; others are left out, as are those without a time."""
        roles = (candidate, stable)
        rows = [row for row in observations if row.environment in roles]
        table = np.array(list(map(_READ, rows)), dtype=np.float64).reshape(len(rows), 7)
        timed = np.isfinite(table[:, 0])
        if not timed.all() or np.any(np.diff(table[:, 0]) < 0):
            order = np.argsort(table[:, 0], kind="stable")
            order = order[timed[order]]
            rows, table = [rows[place] for place in order.tolist()], table[order]
        table = np.ascontiguousarray(table.T)
        failed = (table[2] >= 500) | (table[2] == 0)
        values, invalid = _values(rows, table, failed)
        return cls(
            at=table[0],
            began=table[0] - table[1],
            candidate=np.array([row.environment == candidate for row in rows], dtype=np.bool_),
            failed=failed,
            values=values,
            invalid=invalid,
            units=tuple(row.unit for row in rows) if units else (),
        )

    def __len__(self) -> int:
        return int(self.at.size)

    def pick(self, places: slice | Integers) -> Columns:
        """Some of the observations, in the order of `places`."""
        return Columns(
            at=self.at[places],
            began=self.began[places],
            candidate=self.candidate[places],
            failed=self.failed[places],
            values={source: values[places] for source, values in self.values.items()},
            invalid={source: flags[places] for source, flags in self.invalid.items()},
        )

    def chunks(self, size: int) -> Iterator[Columns]:
        """Pieces of about `size` in time order; never cut between two observations of one moment.

        So what a batch proves does not depend on the order inside it.
        """
        start = 0
        while start < len(self):
            end = min(start + size, len(self))
            end = int(np.searchsorted(self.at, self.at[end - 1], side="right"))
            yield self if start == 0 and end == len(self) else self.pick(slice(start, end))
            start = end


def _values(
    rows: Sequence[Observation], table: Floats, failed: Flags
) -> tuple[dict[Source, Floats], dict[Source, Flags]]:
    values: dict[Source, Floats] = {Source.ERRORS: failed.astype(np.float64)}
    invalid: dict[Source, Flags] = {Source.ERRORS: np.zeros(len(rows), dtype=np.bool_)}
    for source, column in _COLUMN.items():
        raw = table[column]
        top = 1.0 if source in (Source.QUALITY, Source.REFUSALS) else np.finfo(np.float64).max
        sound = (raw >= 0.0) & (raw <= top)  # False for NaN
        usable = sound & ~failed
        values[source] = raw if usable.all() else np.where(usable, raw, np.nan)
        wrong = ~sound & ~failed
        if source in _FIELD:
            for place in np.flatnonzero(wrong & np.isnan(raw)).tolist():
                wrong[place] = getattr(rows[place], _FIELD[source]) is not None
        else:
            wrong &= ~np.isnan(raw)
        invalid[source] = wrong
    return values, invalid


def present(values: Floats) -> Floats:
    """The values that are there."""
    return values[~np.isnan(values)]
