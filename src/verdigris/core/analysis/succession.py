"""A Succession: whose scores count, where several versions of a scorer give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TAKES_OVER = 20
"""Scores in a row after which another version takes over: while two take turns, as during a deployment, the first one counts."""

MOST_CHANGES = 3
"""Versions that take over in one rollout; a quality that goes on being measured anew would else never be judged."""


@dataclass(kw_only=True, slots=True)
class Succession:
    """`current` gives the scores that count; `rival` gave `rivals` in a row, which are left out."""

    current: str | None = None
    rival: str = ""
    rivals: int = 0
    changes: int = 0

    def take(self, version: str, scores: int) -> bool | None:
        """Whether scores come from something else from now on; None if these are to be left out."""
        if self.current is None or version == self.current:
            self.current, self.rivals = version, 0
            return False
        self.rivals = self.rivals + scores if version == self.rival else scores
        self.rival = version
        if self.rivals < TAKES_OVER or self.changes >= MOST_CHANGES:
            return None
        self.current, self.rivals = version, 0
        self.changes += 1
        return True

    def dump(self) -> list[Any]:
        return [self.current, self.rival, self.rivals, self.changes]

    @classmethod
    def load(cls, dumped: Sequence[Any]) -> Succession:
        current, rival, rivals, changes = dumped
        return cls(
            current=None if current is None else str(current),
            rival=str(rival),
            rivals=int(rivals),
            changes=int(changes),
        )
