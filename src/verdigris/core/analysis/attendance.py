"""Attendance: how many requests of each role were there, and when they were first and last heard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import Columns
from verdigris.core.model.observation import Role


def _none() -> dict[Role, int]:
    return dict.fromkeys(Role, 0)


def add(counts: dict[Role, int], columns: Columns) -> None:
    """Adds the observations of each role."""
    candidates = int(np.count_nonzero(columns.candidate))
    counts[Role.CANDIDATE] += candidates
    counts[Role.STABLE] += len(columns) - candidates


@dataclass(kw_only=True, slots=True)
class Attendance:
    """`counts` are observations by role, `counted` those that count as evidence, `heard` when each role was first and last."""

    counts: dict[Role, int] = field(default_factory=_none)
    counted: dict[Role, int] = field(default_factory=_none)
    heard: dict[Role, tuple[float, float]] = field(default_factory=dict)

    def see(self, columns: Columns) -> None:
        """Observations in the order of `at`, whether or not they count as evidence."""
        add(self.counts, columns)
        for role, own in ((Role.CANDIDATE, columns.candidate), (Role.STABLE, ~columns.candidate)):
            if own.any():
                times = columns.at[own]
                first, last = self.heard.get(role, (float(times[0]), -math.inf))
                self.heard[role] = (min(first, float(times[0])), max(last, float(times[-1])))

    def restart(self) -> None:
        """The comparison begins anew; what was seen stays seen."""
        self.counted = _none()

    def dump(self) -> dict[str, Any]:
        return {
            "counts": [self.counts[role] for role in Role],
            "counted": [self.counted[role] for role in Role],
            "heard": {role.value: list(times) for role, times in self.heard.items()},
        }

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Attendance:
        def by_role(name: str) -> dict[Role, int]:
            return {role: int(n) for role, n in zip(Role, dumped[name], strict=True)}

        heard = {Role(name): (float(first), float(last)) for name, (first, last) in dumped["heard"].items()}
        return cls(counts=by_role("counts"), counted=by_role("counted"), heard=heard)
