"""Models: what answers for a role, as the answers themselves say, and whether that has changed."""

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

LASTING = 3
"""Windows in a row that new fingerprints must hold before they count as a change."""

_MAJORITY = 0.5
_NAMES = 16  # told apart in one window
_OTHERS = ""
_KNOWN = 64  # fingerprints remembered


@dataclass(kw_only=True, slots=True)
class Window:
    """Counts the names that one role's answers give, so many answers at a time; those beyond so many names under none."""

    counts: Counter[str] = field(default_factory=Counter)

    def fold(self, labels: Labels, own: Flags) -> Counter[str] | None:
        """The counts of the window that is full now, if one is."""
        if labels.names == ("",):
            return None
        counts = np.bincount(labels.codes[own], minlength=len(labels.names)).tolist()
        for name, count in zip(labels.names, counts, strict=True):
            if name and count:
                self.counts[name if name in self.counts or len(self.counts) < _NAMES else _OTHERS] += count
        if self.counts.total() < WINDOW:
            return None
        full, self.counts = self.counts, Counter()
        return full


@dataclass(kw_only=True, slots=True)
class Models:
    """`known` were met in the first window, or took over later.

    A router that sends requests to several models does not change them; a new name in half of a window does.
    """

    role: Role
    known: list[str] = field(default_factory=list)
    window: Window = field(default_factory=Window)
    changes: int = 0

    def fold(self, models: Labels, own: Flags) -> Caution | None:
        """Counts one role's answers; says so when the model has changed."""
        counts = self.window.fold(models, own)
        if counts is None:
            return None
        if not self.known:
            self.known = _named(counts)
            return None
        most = _MAJORITY * counts.total()
        fresh = [name for name in _named(counts) if name not in self.known and counts[name] >= most]
        if not fresh:
            return None
        before, self.known, self.changes = ", ".join(self.known), fresh, self.changes + 1
        return Caution(
            key=f"model:{self.role.value}:{self.changes}:{fresh[0]}",
            text=(f"{self.role.value}'s answers come from {', '.join(fresh)} where they came from {before}"),
        )

    def dump(self) -> dict[str, Any]:
        return {"known": self.known, "window": dict(self.window.counts), "changes": self.changes}

    def restore(self, dumped: dict[str, Any]) -> None:
        self.known = [str(name) for name in dumped["known"]]
        self.window = Window(counts=_counts(dumped["window"]))
        self.changes = int(dumped["changes"])


@dataclass(kw_only=True, slots=True)
class Fingerprints:
    """What a provider calls the configuration behind one role's answers. All that were ever held are `known`.

    Providers take turns between a few of them all the time, and some give every answer its own. So a change is only what
    lasts: new ones, the same in several windows in a row (`held`, for `windows` so far), in half of the answers of each.
    One that comes back is no change.
    """

    role: Role
    known: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    windows: int = 0
    window: Window = field(default_factory=Window)
    changes: int = 0

    def fold(self, fingerprints: Labels, own: Flags) -> Caution | None:
        """Counts one role's answers; says so when the configuration has changed for good."""
        counts = self.window.fold(fingerprints, own)
        if counts is None:
            return None
        if not self.known:
            self.known = _named(counts)
            return None
        fresh = [name for name in _named(counts) if name not in self.known and (not self.windows or name in self.held)]
        if sum(counts[name] for name in fresh) < _MAJORITY * counts.total():
            self.held, self.windows = [], 0
            return None
        self.held, self.windows = fresh, self.windows + 1
        if self.windows < LASTING:
            return None
        return self._changed()

    def _changed(self) -> Caution:
        new, before, self.changes = self.held, self.known, self.changes + 1
        self.known, self.held, self.windows = [*new, *before][:_KNOWN], [], 0
        return Caution(
            key=f"fingerprint:{self.role.value}:{self.changes}:{new[0]}",
            text=(
                f"{self.role.value}'s answers come from the model configuration {', '.join(new)} "
                f"where they came from {', '.join(before[:_NAMES])}"
            ),
        )

    def dump(self) -> dict[str, Any]:
        return {
            "known": self.known,
            "held": [self.held, self.windows],
            "window": dict(self.window.counts),
            "changes": self.changes,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.known = [str(name) for name in dumped["known"]]
        self.held, self.windows = [str(name) for name in dumped["held"][0]], int(dumped["held"][1])
        self.window = Window(counts=_counts(dumped["window"]))
        self.changes = int(dumped["changes"])


def _named(counts: Counter[str]) -> list[str]:
    return [name for name in counts if name != _OTHERS]


def _counts(dumped: dict[str, Any]) -> Counter[str]:
    return Counter({str(name): int(count) for name, count in dumped.items()})
