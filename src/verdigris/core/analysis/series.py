"""A Series: one measured quantity of both roles, cut into blocks for the tests and summed up for display."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.model.observation import Role
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.comparison import Boundary
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_rate import Counts, boundary_factors

BLOCK = 20
"""A block closes once both roles are present with this many values in total: a rule about labels only."""

_PENDING = 256  # while one role is silent, only so many of the other's newest values wait for it
_MORE_MISSING = Boundary(shift=0.02)
_MISSING_PRIOR = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Values of both roles from the same stretch of time, at least one each."""

    candidate: Floats
    stable: Floats


@dataclass(kw_only=True, slots=True)
class Tally:
    """One role's sums: what was `invalid` or `missing` among requests that should have had a value.

    `sketch` stays empty for what has no tail.
    """

    has_tail: bool
    moments: Moments = field(default_factory=Moments)
    sketch: Sketch = field(default_factory=Sketch)
    invalid: int = 0
    missing: int = 0

    @property
    def n(self) -> int:
        return int(self.moments.n)

    def add(self, values: Floats, *, eligible: int, invalid: int) -> None:
        self.moments += Moments.of(values)
        if self.has_tail:
            self.sketch.add(values)
        self.invalid += invalid
        self.missing += eligible - values.size

    def dump(self) -> dict[str, Any]:
        return {
            "moments": self.moments.dump(),
            "sketch": self.sketch.dump(),
            "invalid": self.invalid,
            "missing": self.missing,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.moments = Moments.load(dumped["moments"])
        self.sketch = Sketch.load(dumped["sketch"])
        self.invalid = int(dumped["invalid"])
        self.missing = int(dumped["missing"])


@dataclass(kw_only=True, slots=True)
class Absence:
    """Evidence that the candidate leaves out a value more often than stable does, by over two points in a hundred."""

    capital: Capital = field(default_factory=Capital.start)
    pending: list[int] = field(default_factory=lambda: [0, 0, 0, 0])  # candidate n, missing; stable n, missing

    def fold(self, candidate_n: int, candidate_missing: int, stable_n: int, stable_missing: int) -> None:
        new = (candidate_n, candidate_missing, stable_n, stable_missing)
        self.pending = [old + more for old, more in zip(self.pending, new, strict=True)]
        on_candidate, missing, on_stable, stable_gone = self.pending
        if on_candidate and on_stable and on_candidate + on_stable >= BLOCK:
            block = Counts(candidate_n=on_candidate, candidate_bad=missing, stable_n=on_stable, stable_bad=stable_gone)
            self.capital.step(boundary_factors(block, _MORE_MISSING, _MISSING_PRIOR, above=True), block.n)
            self.pending = [0, 0, 0, 0]
        elif on_candidate + on_stable > _PENDING:  # one role is silent: its partner's past says nothing of later
            self.pending = [0, 0, 0, 0]

    def dump(self) -> dict[str, Any]:
        return {"capital": self.capital.dump(), "pending": self.pending}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.capital.restore(dumped["capital"])
        self.pending = [int(count) for count in dumped["pending"]]


@dataclass(kw_only=True, slots=True)
class Series:
    """State of one source. `absence` is None for what the data plane itself measures."""

    source: Source
    tallies: dict[Role, Tally]
    pending: dict[Role, Floats]
    absence: Absence | None

    @classmethod
    def start(cls, source: Source) -> Series:
        return cls(
            source=source,
            tallies={role: Tally(has_tail=source.has_tail) for role in Role},
            pending={role: np.empty(0) for role in Role},
            absence=Absence() if source.may_be_missing else None,
        )

    def fold(self, columns: Columns) -> tuple[Floats, Block | None]:
        """Takes one chunk in; returns the candidate's values in it and the block that closed, if one did."""
        values, candidate = columns.values[self.source], columns.candidate
        present = ~np.isnan(values)
        eligible = ~columns.failed if self.source is not Source.ERRORS else np.ones(len(columns), dtype=np.bool_)
        self._fold_absence(present, eligible, candidate)
        new: dict[Role, Floats] = {}
        for role, own in ((Role.CANDIDATE, candidate), (Role.STABLE, ~candidate)):
            new[role] = values[own & present]
            self.tallies[role].add(
                new[role],
                eligible=int(np.count_nonzero(own & eligible)),
                invalid=int(np.count_nonzero(columns.invalid[self.source] & own)),
            )
        return new[Role.CANDIDATE], self._close(new)

    def forget_pending(self) -> None:
        """Drops what waits for its block: it took part in choosing a threshold and may not be tested against it."""
        self.pending = {role: np.empty(0) for role in Role}

    def _fold_absence(self, present: np.ndarray, eligible: np.ndarray, candidate: np.ndarray) -> None:
        if self.absence is None or self.tallies[Role.STABLE].n == 0:
            return  # stable never reported it so far: nothing to miss
        missing = eligible & ~present
        self.absence.fold(
            int(np.count_nonzero(eligible & candidate)),
            int(np.count_nonzero(missing & candidate)),
            int(np.count_nonzero(eligible & ~candidate)),
            int(np.count_nonzero(missing & ~candidate)),
        )

    def _close(self, new: dict[Role, Floats]) -> Block | None:
        waiting = {
            role: np.concatenate((self.pending[role], new[role])) if self.pending[role].size else new[role]
            for role in Role
        }
        candidate, stable = waiting[Role.CANDIDATE], waiting[Role.STABLE]
        if candidate.size and stable.size and candidate.size + stable.size >= BLOCK:
            self.forget_pending()
            return Block(candidate=candidate, stable=stable)
        self.pending = {role: values[-_PENDING:] for role, values in waiting.items()}
        return None

    def dump(self) -> dict[str, Any]:
        return {
            "tallies": {role.value: tally.dump() for role, tally in self.tallies.items()},
            "pending": {role.value: values.tolist() for role, values in self.pending.items()},
            "absence": self.absence.dump() if self.absence else None,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for role in Role:
            self.tallies[role].restore(dumped["tallies"][role.value])
            self.pending[role] = np.array(dumped["pending"][role.value], dtype=np.float64)
        if self.absence is not None:
            self.absence.restore(dumped["absence"])
