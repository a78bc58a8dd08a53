"""Rows: columns whose observations are told apart by what may be compared with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from verdigris.core.analysis.columns import Columns, Flags, Integers, Labels, Source
from verdigris.core.model.strata import MOST_STRATA, OTHER
from verdigris.core.stats.arrays import Floats


class Group(NamedTuple):
    """What is compared among itself: requests of one stratum that began under one split.

    `split` is the moment from which that split was expected, minus infinity before the first.
    """

    stratum: int
    split: float


class Members(NamedTuple):
    """The places of one group's observations, by role."""

    candidate: Integers
    stable: Integers


class Parts(NamedTuple):
    """Values by role."""

    candidate: Floats
    stable: Floats


@dataclass(kw_only=True, slots=True)
class Strata:
    """Names of strata by number, in the order in which they were first seen; the last is kept for all further ones."""

    names: list[str] = field(default_factory=list)

    def places(self, labels: Labels) -> Integers:
        """The number of each observation's stratum."""
        return np.array([self._place(name) for name in labels.names], dtype=np.int64)[labels.codes]

    def _place(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        if len(self.names) < MOST_STRATA - 1 and name != OTHER:
            self.names.append(name)
            return len(self.names) - 1
        return MOST_STRATA - 1

    def name(self, place: int) -> str:
        return OTHER if place >= len(self.names) else self.names[place]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """`strata` and `splits` have one entry per observation, as in `Group`."""

    columns: Columns
    strata: Integers
    splits: Floats
    _parts: dict[Source, Parts] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.columns)

    def pick(self, places: slice | Integers) -> Rows:
        return Rows(columns=self.columns.pick(places), strata=self.strata[places], splits=self.splits[places])

    def members(self) -> tuple[Members, Members]:
        """All observations by role, and those that did not fail, which should have a value."""
        candidate, failed = self.columns.candidate, self.columns.failed
        everyone = _members(candidate, None)
        return everyone, _members(candidate, ~failed) if failed.any() else everyone

    def without(self, source: Source) -> Rows:
        """The same without the values of one quantity."""
        values = {**self.columns.values, source: np.full(len(self), np.nan)}
        return replace(self, columns=replace(self.columns, values=values))

    def values(self, source: Source) -> Parts:
        """The values of one quantity that are there, by role."""
        parts = self._parts.get(source)
        if parts is None:
            values, candidate = self.columns.column(source), self.columns.candidate
            there = values == values  # noqa: PLR0124 -- False for NaN, and twice as quick as asking for it
            parts = self._parts[source] = Parts(values[there & candidate], values[there & ~candidate])
        return parts

    def groups(self) -> Iterator[tuple[Group, Members]]:
        """Every group in it with its members."""
        if not len(self):
            return
        candidate = self.columns.candidate
        if self.strata.min() == self.strata.max() and self.splits.min() == self.splits.max():
            yield Group(int(self.strata[0]), float(self.splits[0])), _members(candidate, None)
            return
        for stratum in np.unique(self.strata).tolist():
            inside = self.strata == stratum
            for split in np.unique(self.splits[inside]).tolist():
                yield Group(stratum, split), _members(candidate, inside & (self.splits == split))


def _members(candidate: Flags, chosen: Flags | None) -> Members:
    if chosen is None:
        return Members(np.flatnonzero(candidate), np.flatnonzero(~candidate))
    return Members(np.flatnonzero(candidate & chosen), np.flatnonzero(~candidate & chosen))


def joined(pieces: Sequence[Rows]) -> Rows:
    """All of them, in the order in which their requests began; their labels, which only arrivals need, are left out."""
    if len(pieces) == 1:
        rows = pieces[0]
    else:
        columns = [piece.columns for piece in pieces]
        first = columns[0]

        def together(name: str) -> np.ndarray:
            return np.concatenate([getattr(column, name) for column in columns])

        rows = Rows(
            columns=Columns(
                at=together("at"),
                began=together("began"),
                candidate=together("candidate"),
                failed=together("failed"),
                values={
                    source: np.concatenate([column.values[source] for column in columns]) for source in first.values
                },
                invalid={},
                finishes=NO_LABELS,
                models=NO_LABELS,
                covariates={
                    name: np.concatenate([column.covariates[name] for column in columns]) for name in first.covariates
                },
                units=together("units") if first.units is not None else None,
                drawn=together("drawn") if first.drawn is not None else None,
                turned_away=_turned_away(columns),
            ),
            strata=np.concatenate([piece.strata for piece in pieces]),
            splits=np.concatenate([piece.splits for piece in pieces]),
        )
    return bare(rows).pick(np.argsort(rows.columns.began, kind="stable"))


def _turned_away(columns: Sequence[Columns]) -> Flags | None:
    if all(each.turned_away is None for each in columns):
        return None
    return np.concatenate(
        [np.zeros(len(c), dtype=np.bool_) if c.turned_away is None else c.turned_away for c in columns]
    )


def bare(rows: Rows) -> Rows:
    """Without what only arrivals need."""
    return replace(
        rows, columns=replace(rows.columns, invalid={}, finishes=NO_LABELS, models=NO_LABELS, traits={}, strata=None)
    )


class _NoLabels(Labels):
    """Labels of nothing, whichever places are asked for."""

    __slots__ = ()

    def pick(self, places: slice | Integers) -> Labels:  # noqa: ARG002 -- there is nothing to pick from
        return self


NO_LABELS: Labels = _NoLabels(codes=np.empty(0, dtype=np.int64), names=("",))
