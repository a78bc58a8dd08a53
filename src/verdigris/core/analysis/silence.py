"""Silence: how often the candidate gives no whole answer to what is sent again, beside how often stable gives none.

Such a pair is no evidence: whether the candidate or the way to it is to blame, nobody can tell, and stable's first answer was
whole by choice. But stable's second ones go the same way. If the candidate's are missing more often, what its pairs say
rests on the questions that it could answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verdigris.core.analysis.series import Absence
from verdigris.core.model.compared import PairKind
from verdigris.core.model.pair import Pair
from verdigris.core.model.verdict import Caution
from verdigris.core.stats.categories import DIFFERENT


@dataclass(kw_only=True, slots=True)
class Silence:
    """`counts` of requests sent again and of those without an answer, to the candidate and to stable."""

    absence: Absence = field(default_factory=Absence)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    told: str = ""

    def fold(self, pairs: Sequence[Pair]) -> None:
        shadow, own = (
            [pair.unanswered for pair in pairs if pair.kind is kind] for kind in (PairKind.SHADOW, PairKind.SELF)
        )
        new = (len(shadow), sum(shadow), len(own), sum(own))
        self.counts = [before + more for before, more in zip(self.counts, new, strict=True)]
        self.absence.fold(*new)
        if not self.told and self.absence.capital.value >= DIFFERENT:
            asked, silent, own_asked, own_silent = self.counts
            self.told = (
                f"the candidate gave no whole answer to {silent / max(1, asked) * 100:.1f} % of the requests that were sent "
                f"again, stable to {own_silent / max(1, own_asked) * 100:.1f} %: pairs rest on the others"
            )

    def caution(self) -> Caution | None:
        return Caution(key="silence", text=self.told) if self.told else None

    def dump(self) -> dict[str, Any]:
        return {"absence": self.absence.dump(), "counts": self.counts, "told": self.told}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.absence.restore(dumped["absence"])
        self.counts = [int(count) for count in dumped["counts"]]
        self.told = str(dumped["told"])
