"""Turned away: how often each side answers with 4xx.

Such an answer is the client's own doing, so it is no error. But clients are drawn by lot, and one side has no more bad ones
than the other: where the candidate turns away more of them, that is its doing, and what it did not answer was never
scored. Nobody is rolled back for it, since to be stricter may be meant; but nothing is promoted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.blocks import Cutter, Values
from verdigris.core.analysis.rows import Rows
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Caution
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.comparison import Boundary
from verdigris.core.stats.two_sample_rate import Counts, boundary_factors

UNEVEN = 20.0
"""Evidence, 1 / alpha, that the candidate turns away more than stable does, by over two requests in a hundred."""

_MORE = Boundary(shift=0.02)
_USUAL = 0.02


def _none() -> dict[Role, list[int]]:
    return {role: [0, 0] for role in Role}


@dataclass(kw_only=True, slots=True)
class TurnedAway:
    """`counts` holds requests and those turned away by role; `told` is empty until the difference was certain once."""

    capital: Capital = field(default_factory=Capital.start)
    cutter: Cutter = field(default_factory=Cutter)
    counts: dict[Role, list[int]] = field(default_factory=_none)
    told: str = ""

    @property
    def is_uneven(self) -> bool:
        return self.capital.value >= UNEVEN

    def fold(self, rows: Rows) -> None:
        """Takes in requests in the order in which they began; those that did under one split are compared, as in a lane."""
        away = rows.columns.turned_away
        flags = np.zeros(len(rows)) if away is None else away.astype(np.float64)
        at = float(rows.columns.at[-1])
        for group, members in rows.groups():
            block = self.cutter.cut(
                group, Values(values=flags[members.candidate]), Values(values=flags[members.stable]), at=at
            )
            for role, places in ((Role.CANDIDATE, members.candidate), (Role.STABLE, members.stable)):
                self.counts[role][0] += places.size
                self.counts[role][1] += int(flags[places].sum())
            if block is not None:
                counts = Counts(
                    candidate_n=block.candidate.size,
                    candidate_bad=float(block.candidate.sum()),
                    stable_n=block.stable.size,
                    stable_bad=float(block.stable.sum()),
                )
                self.capital.step(boundary_factors(counts, _MORE, _USUAL, above=True), block.n)
        if self.is_uneven and not self.told:
            self.told = self.text()

    def text(self) -> str:
        def part(role: Role) -> str:
            total, away = self.counts[role]
            return f"{away / max(1, total) * 100:.1f} %"

        return f"the candidate turns away (4xx) {part(Role.CANDIDATE)} of its requests, stable {part(Role.STABLE)} of its own"

    def caution(self) -> Caution | None:
        return Caution(key="turned_away", text=self.told) if self.told else None

    def restart(self) -> None:
        """The comparison begins anew; what was lost stays lost."""
        self.capital.restart()
        self.cutter.forget()
        self.counts = _none()

    def dump(self) -> dict[str, Any]:
        return {
            "capital": self.capital.dump(),
            "cutter": self.cutter.dump(),
            "counts": [self.counts[role] for role in Role],
            "told": self.told,
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.capital.restore(dumped["capital"])
        self.cutter.restore(dumped["cutter"])
        self.counts = {role: [int(n), int(away)] for role, (n, away) in zip(Role, dumped["counts"], strict=True)}
        self.told = str(dumped["told"])
