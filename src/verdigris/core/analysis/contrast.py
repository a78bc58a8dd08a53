"""A Contrast: whether some label of answers (how they end, how long they are) is distributed alike on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.blocks import BLOCK
from verdigris.core.analysis.columns import Labels
from verdigris.core.analysis.rows import Members
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.categories import DIFFERENT, Categories

MOST_CATEGORIES = 12
"""Labels told apart; the last stands for all further ones."""

WORTH_TELLING = 0.05
"""The part of the answers, 0..1, that must have another label than on the other side (the total variation distance)."""

_PENDING = 10_000  # of one role, while the other is silent
_OTHERS = "others"


@dataclass(kw_only=True, slots=True)
class Contrast:
    """`names` of categories by number; `counts` of all labels by role and `pending` ones until both roles were met.

    `told` is empty until a difference is both certain and `worth` telling, and says from then on what it was at that moment.
    """

    worth: float = WORTH_TELLING
    names: list[str] = field(default_factory=list)
    test: Categories = field(default_factory=lambda: Categories.start(MOST_CATEGORIES))
    counts: Floats = field(default_factory=lambda: np.zeros((2, MOST_CATEGORIES)))
    pending: Floats = field(default_factory=lambda: np.zeros((2, MOST_CATEGORIES)))
    told: str = ""

    def fold(self, labels: Labels, members: Members) -> None:
        places = np.array([self._place(name) for name in labels.names], dtype=np.int64)[labels.codes]
        for row, own in enumerate(members):
            chosen = places[own]
            self.pending[row] += np.bincount(chosen[chosen >= 0], minlength=MOST_CATEGORIES)
        candidate, stable = self.pending.sum(axis=1)
        if candidate and stable and candidate + stable >= BLOCK:
            self.test.compare(self.pending[0], self.pending[1])
            self.counts = self.counts + self.pending
            self.pending = np.zeros((2, MOST_CATEGORIES))
            self._look()
        elif candidate + stable > _PENDING:
            self.pending = np.zeros((2, MOST_CATEGORIES))

    def _look(self) -> None:
        if self.told or self.test.peak < DIFFERENT:
            return
        candidate, stable = self.counts / self.counts.sum(axis=1, keepdims=True)
        if 0.5 * float(np.abs(candidate - stable).sum()) < self.worth:
            return
        most = int(np.argmax(np.abs(candidate - stable)))
        name = self.names[most] if most < len(self.names) else _OTHERS
        self.told = f"{name!r} in {candidate[most] * 100:.1f} % of them, in {stable[most] * 100:.1f} % of stable's"

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
        return {
            "names": self.names,
            "test": self.test.dump(),
            "counts": self.counts.tolist(),
            "pending": self.pending.tolist(),
            "told": self.told,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.names = [str(name) for name in dumped["names"]]
        self.test.restore(dumped["test"])
        self.counts = np.array(dumped["counts"], dtype=np.float64)
        self.pending = np.array(dumped["pending"], dtype=np.float64)
        self.told = str(dumped["told"])
