"""Waiting: requests that have ended, kept until all that began with them have had time to end too.

Requests come in when they end, so the quick ones come first. To take a candidate for safe while its slow requests are
still open would be to leave them out. So safety is settled by when requests began, some time later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.clock import Clock
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.rows import Rows, bare, joined

MOST = 200_000
"""Requests that wait at once, some 20 MB of them; with more, every second one of all is taken, whatever it was."""

PIECES = 16
"""A lag is settled in so many parts, or more."""

_PLACES = 1_024  # parts at once; more only when a clock jumps about


@dataclass(kw_only=True, slots=True)
class Waiting:
    """`lag` in seconds; requests that began within the same `width` are settled together. What waits is not kept across a restart: it is lost, never invented.

    What began before `since` is not taken: its companions are lost. Of the `seen` arrivals one in `every` is kept.
    """

    lag: float
    width: float
    since: float = -math.inf
    pieces: dict[int, list[Rows]] = field(default_factory=dict)
    count: int = 0
    every: int = 1
    seen: int = 0
    clock: Clock = field(default_factory=Clock)

    def add(self, rows: Rows) -> None:
        if not len(rows):
            return
        self.clock.read(rows.columns.at)
        numbers = np.arange(self.seen, self.seen + len(rows))
        self.seen += len(rows)
        kept = (numbers % self.every == 0) & (rows.columns.began >= self.since)
        if not kept.all():
            rows = rows.pick(np.flatnonzero(kept))
        places = np.floor(rows.columns.began / self.width).astype(np.int64)
        for place in np.unique(places).tolist():
            self.pieces.setdefault(place, []).append(bare(rows.pick(np.flatnonzero(places == place))))
        self.count += len(rows)
        while len(self.pieces) > _PLACES:
            self._drop(min(self.pieces))
        while self.count > MOST:
            self._thin()

    def ripe(self) -> Iterator[Rows]:
        """Takes out, oldest first, what began long enough before the latest end."""
        if math.isinf(self.clock.now):
            return
        end = math.floor((self.clock.now - self.lag) / self.width)
        for place in sorted(place for place in self.pieces if place < end):
            rows = joined(self.pieces.pop(place))
            self.count -= len(rows)
            yield rows

    def forget(self) -> None:
        """Drops what waits, and whatever began with it."""
        self.since = max(self.since, self.clock.now)
        self.pieces.clear()
        self.count = 0

    def blank(self, source: Source) -> None:
        """Drops the values of one quantity."""
        for place, pieces in self.pieces.items():
            self.pieces[place] = [piece.without(source) for piece in pieces]

    def _thin(self) -> None:
        self.every *= 2
        for pieces in self.pieces.values():
            pieces[:] = [joined(pieces).pick(slice(None, None, 2))]
        self.count = sum(len(piece) for pieces in self.pieces.values() for piece in pieces)

    def _drop(self, place: int) -> None:
        self.count -= sum(map(len, self.pieces.pop(place)))

    def dump(self) -> dict[str, Any]:
        """What is left of it after a restart."""
        since = max(self.since, self.clock.now)
        return {
            "lag": self.lag,
            "width": self.width,
            "since": None if math.isinf(since) else since,
            "every": self.every,
            "seen": self.seen,
            "clock": self.clock.dump(),
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Waiting:
        since = dumped["since"]
        return cls(
            lag=float(dumped["lag"]),
            width=float(dumped["width"]),
            since=-math.inf if since is None else float(since),
            every=int(dumped["every"]),
            seen=int(dumped["seen"]),
            clock=Clock.load(dumped["clock"]),
        )
