"""Slices: what each stratum's requests did, by role, for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import Columns, Source, present
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.series import Tally
from verdigris.core.model.observation import Role
from verdigris.core.model.strata import MOST_STRATA


@dataclass(kw_only=True, slots=True)
class Slices:
    """`tallies` by stratum, source and role; `counts` of observations by stratum and role."""

    tallies: dict[int, dict[Source, dict[Role, Tally]]] = field(default_factory=dict)
    counts: dict[int, dict[Role, int]] = field(default_factory=dict)

    def fold(self, rows: Rows, sources: Sequence[Source], *, requests: bool = True) -> None:
        """Without `requests` these are samples of requests that are counted on their own."""
        for stratum in np.unique(rows.strata).tolist():
            inside = rows.strata == stratum
            for role, own in ((Role.CANDIDATE, rows.columns.candidate), (Role.STABLE, ~rows.columns.candidate)):
                places = np.flatnonzero(inside & own)
                self.counts.setdefault(stratum, dict.fromkeys(Role, 0))[role] += places.size if requests else 0
                self._add(stratum, role, rows.columns, places, sources)

    def restart_source(self, source: Source) -> None:
        """Its values come from something else now."""
        for by_source in self.tallies.values():
            by_source.pop(source, None)

    def overlap(self) -> float | None:
        """The part of each role's requests in strata that the other role met as well; the smaller one of the two.

        None before both roles were met.
        """
        parts = []
        for role, other in ((Role.STABLE, Role.CANDIDATE), (Role.CANDIDATE, Role.STABLE)):
            total = sum(counts[role] for counts in self.counts.values())
            if not total:
                return None
            parts.append(sum(counts[role] for counts in self.counts.values() if counts[other]) / total)
        return min(parts)

    def _add(self, stratum: int, role: Role, columns: Columns, places: np.ndarray, sources: Sequence[Source]) -> None:
        by_source = self.tallies.setdefault(stratum, {})
        for source in sources:
            tallies = by_source.setdefault(source, {kind: Tally(has_tail=source.has_tail) for kind in Role})
            values = present(columns.column(source)[places])
            tallies[role].add(values, eligible=values.size, invalid=0)

    def dump(self) -> list[Any]:
        return [
            [
                stratum,
                [self.counts[stratum][role] for role in Role],
                {
                    source.value: {role.value: tally.dump() for role, tally in tallies.items()}
                    for source, tallies in by_source.items()
                },
            ]
            for stratum, by_source in self.tallies.items()
        ]

    @classmethod
    def load(cls, dumped: Sequence[Any]) -> Slices:
        """Raises: KeyError, TypeError, ValueError for what is no dumped Slices."""
        slices = cls()
        if len(dumped) > MOST_STRATA:
            raise ValueError(f"{len(dumped)} strata where {MOST_STRATA} are told apart")
        for stratum, counts, by_source in dumped:
            slices.counts[int(stratum)] = {role: int(n) for role, n in zip(Role, counts, strict=True)}
            slices.tallies[int(stratum)] = {
                Source(name): {Role(role): _tally(Source(name), state) for role, state in tallies.items()}
                for name, tallies in by_source.items()
            }
        return slices


def _tally(source: Source, state: dict[str, Any]) -> Tally:
    tally = Tally(has_tail=source.has_tail)
    tally.restore(state)
    return tally
