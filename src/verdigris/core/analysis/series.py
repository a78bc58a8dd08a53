"""A Series: one measured quantity of both roles, summed up for display, and watched for going missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.blocks import BLOCK, PENDING
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.rows import Members, Rows
from verdigris.core.model.observation import Role
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.comparison import Boundary
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_rate import Counts, boundary_factors

WITHHELD = 20.0
"""Evidence, 1 / alpha, that samples of the candidate lack a word more often: then what the others say proves nothing."""

_MORE_MISSING = Boundary(shift=0.02)
_MISSING_PRIOR = 0.01


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
        elif on_candidate + on_stable > PENDING:  # one role is silent: its partner's past says nothing of later
            self.pending = [0, 0, 0, 0]

    def dump(self) -> dict[str, Any]:
        return {"capital": self.capital.dump(), "pending": self.pending}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.capital.restore(dumped["capital"])
        self.pending = [int(count) for count in dumped["pending"]]


@dataclass(kw_only=True, slots=True)
class Series:
    """One measured quantity of both roles, summed up for display. `absence` is None for what the data plane measures.

    `blames`: values that are missing count against the candidate.
    """

    source: Source
    tallies: dict[Role, Tally]
    absence: Absence | None
    blames: bool = True

    @classmethod
    def start(cls, source: Source, *, scored: bool = False) -> Series:
        """Nobody is blamed for not reporting what is `scored`; what is not scored is looked at all the same."""
        return cls(
            source=source,
            tallies={role: Tally(has_tail=source.has_tail) for role in Role},
            absence=Absence() if source.may_be_missing or scored else None,
            blames=not scored,
        )

    @property
    def harm(self) -> Capital | None:
        """The evidence for harm in what is missing; None where nobody is to blame."""
        return self.absence.capital if self.absence is not None and self.blames else None

    @property
    def is_withheld(self) -> bool:
        """Whether scorers say less of the candidate's answers than of stable's, so that its worst may be those left out."""
        return self.absence is not None and not self.blames and self.absence.capital.value >= WITHHELD

    def restart(self) -> None:
        """Sums begin anew; what was lost on values going missing stays lost."""
        self.tallies = {role: Tally(has_tail=self.source.has_tail) for role in Role}
        if self.absence is not None:
            self.absence.capital.restart()
            self.absence.pending = [0, 0, 0, 0]

    def fold(self, rows: Rows, eligible: Members) -> None:
        """Takes one chunk in. `eligible` are the places of those that should have a value."""
        known = self.tallies[Role.STABLE].n > 0  # before that there is nothing to miss
        candidate, stable = rows.values(self.source)
        invalid = rows.columns.invalid.get(self.source)
        on_candidate = rows.columns.candidate
        for role, values, places in (
            (Role.CANDIDATE, candidate, eligible.candidate),
            (Role.STABLE, stable, eligible.stable),
        ):
            wrong = (
                0 if invalid is None else int(np.count_nonzero(invalid & (on_candidate == (role is Role.CANDIDATE))))
            )
            self.tallies[role].add(values, eligible=places.size, invalid=wrong)
        if self.absence is not None and self.blames and known:
            self.absence.fold(
                eligible.candidate.size,
                eligible.candidate.size - candidate.size,
                eligible.stable.size,
                eligible.stable.size - stable.size,
            )

    def miss(self, rows: Rows) -> None:
        """Counts what scorers left out, of samples in the order in which their requests began: a side whose words take longer
        would else seem to lack those that are still to come.
        """
        if self.absence is None or self.blames or not self.tallies[Role.STABLE].n:
            return
        candidate, stable = rows.values(self.source)
        on_candidate = int(np.count_nonzero(rows.columns.candidate))
        on_stable = len(rows) - on_candidate
        self.absence.fold(on_candidate, on_candidate - candidate.size, on_stable, on_stable - stable.size)

    def dump(self) -> dict[str, Any]:
        return {
            "tallies": {role.value: tally.dump() for role, tally in self.tallies.items()},
            "absence": self.absence.dump() if self.absence else None,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for role in Role:
            self.tallies[role].restore(dumped["tallies"][role.value])
        if self.absence is not None and dumped["absence"] is not None:  # once, nothing was looked for in what is scored
            self.absence.restore(dumped["absence"])
