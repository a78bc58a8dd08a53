"""Models: which model answers for a role, as the answers themselves say, and whether that has changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import Flags, Labels
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Caution

WINDOW = 50
"""Answers that name their model, after which is looked whether it is a new one."""

_MAJORITY = 0.5
_NAMES = 16  # told apart in one window, and remembered as known


@dataclass(kw_only=True, slots=True)
class Models:
    """`known` were met in the first window, or took over later; `window` counts the names in the running one.

    A router that sends requests to several models does not change them; a new name in half of a window does.
    """

    role: Role
    known: list[str] = field(default_factory=list)
    window: Counter[str] = field(default_factory=Counter)
    changes: int = 0

    def fold(self, models: Labels, own: Flags) -> Caution | None:
        """Counts one role's answers; says so when the model has changed."""
        if models.names == ("",):
            return None
        counts = np.bincount(models.codes[own], minlength=len(models.names)).tolist()
        for name, count in zip(models.names, counts, strict=True):
            if name and count and (name in self.window or len(self.window) < _NAMES):
                self.window[name] += count
        total = self.window.total()
        if total < WINDOW:
            return None
        window, self.window = self.window, Counter()
        fresh = [name for name, count in window.items() if name not in self.known and count >= _MAJORITY * total]
        before = ", ".join(self.known)
        if not self.known:
            self.known = list(window)
            return None
        if not fresh:
            return None
        self.known, self.changes = fresh, self.changes + 1
        return Caution(
            key=f"model:{self.role.value}:{self.changes}:{fresh[0]}",
            text=(f"{self.role.value}'s answers come from {', '.join(fresh)} where they came from {before}"),
        )

    def dump(self) -> dict[str, Any]:
        return {"known": self.known, "window": dict(self.window), "changes": self.changes}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.known = [str(name) for name in dumped["known"]]
        self.window = Counter({str(name): int(count) for name, count in dumped["window"].items()})
        self.changes = int(dumped["changes"])
