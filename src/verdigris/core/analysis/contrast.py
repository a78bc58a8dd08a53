"""A Contrast: whether some label of answers (how they end, how long they are) is distributed alike on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.blocks import BLOCK
from verdigris.core.analysis.columns import Labels
from verdigris.core.analysis.rows import Members
from verdigris.core.stats.categories import DIFFERENT, Categories

MOST_CATEGORIES = 12
"""Labels told apart; the last stands for all further ones."""

_PENDING = 10_000  # of one role, while the other is silent


@dataclass(kw_only=True, slots=True)
class Contrast:
    """`names` of categories by number; `pending` counts of candidate and stable until both were met."""

    names: list[str] = field(default_factory=list)
    test: Categories = field(default_factory=lambda: Categories.start(MOST_CATEGORIES))
    pending: np.ndarray = field(default_factory=lambda: np.zeros((2, MOST_CATEGORIES)))

    @property
    def differs(self) -> bool:
        return self.test.peak >= DIFFERENT

    def fold(self, labels: Labels, members: Members) -> None:
        places = np.array([self._place(name) for name in labels.names], dtype=np.int64)[labels.codes]
        for row, own in enumerate(members):
            chosen = places[own]
            self.pending[row] += np.bincount(chosen[chosen >= 0], minlength=MOST_CATEGORIES)
        candidate, stable = self.pending.sum(axis=1)
        if candidate and stable and candidate + stable >= BLOCK:
            self.test.compare(self.pending[0], self.pending[1])
            self.pending = np.zeros((2, MOST_CATEGORIES))
        elif candidate + stable > _PENDING:
            self.pending = np.zeros((2, MOST_CATEGORIES))

    def _place(self, name: str) -> int:
        if not name:
            return -1
        if name in self.names:
            return self.names.index(name)
        if len(self.names) < MOST_CATEGORIES - 1:
            self.names.append(name)
            return len(self.names) - 1
        return MOST_CATEGORIES - 1

    def dump(self) -> dict[str, Any]:
        return {"names": self.names, "test": self.test.dump(), "pending": self.pending.tolist()}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.names = [str(name) for name in dumped["names"]]
        self.test.restore(dumped["test"])
        self.pending = np.array(dumped["pending"], dtype=np.float64)
