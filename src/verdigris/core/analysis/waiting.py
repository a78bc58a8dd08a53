"""Waiting: requests that have ended, kept until all that began with them have had time to end too.

Requests come in when they end, so the quick ones come first. To take a candidate for safe while its slow requests are
still open would be to leave them out. So safety is settled by when requests began, some time later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from verdigris.core.analysis.rows import Rows, bare, joined

MOST = 200_000
"""Requests that wait at once, some 20 MB of them; with more, every second one of all is taken, whatever it was."""

_PIECES = 16  # a lag is settled in so many parts


@dataclass(kw_only=True, slots=True)
class Waiting:
    """`lag` in seconds. What waits is not kept across a restart: it is lost, never invented.

    `every` is how many arrivals stand for one that is kept.
    """

    lag: float
    pieces: dict[int, list[Rows]] = field(default_factory=dict)
    count: int = 0
    every: int = 1
    latest: float = -math.inf

    @property
    def _width(self) -> float:
        return self.lag / _PIECES

    def add(self, rows: Rows) -> None:
        if self.every > 1:
            rows = rows.pick(slice(None, None, self.every))
        if not len(rows):
            return
        columns = rows.columns
        self.latest = max(self.latest, float(columns.at[-1]))
        places = np.floor(columns.began / self._width).astype(np.int64)
        for place in np.unique(places).tolist():
            self.pieces.setdefault(place, []).append(bare(rows.pick(np.flatnonzero(places == place))))
        self.count += len(rows)
        while self.count > MOST:
            self._thin()

    def ripe(self) -> Iterator[Rows]:
        """Takes out, oldest first, what began long enough before the latest end."""
        end = math.floor((self.latest - self.lag) / self._width) if self.pieces else 0
        for place in sorted(place for place in self.pieces if place < end):
            rows = joined(self.pieces.pop(place))
            self.count -= len(rows)
            yield rows

    def forget(self) -> None:
        self.pieces.clear()
        self.count = 0

    def _thin(self) -> None:
        self.every *= 2
        for pieces in self.pieces.values():
            pieces[:] = [piece.pick(slice(None, None, 2)) for piece in pieces]
        self.count = sum(len(piece) for pieces in self.pieces.values() for piece in pieces)
