"""Settled: a lane of requests in the order in which they began, each some time after it did."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from verdigris.core.analysis.columns import Source, present
from verdigris.core.analysis.lane import Lane
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.waiting import PIECES, Waiting
from verdigris.core.stats.sketch import Sketch


@dataclass(kw_only=True, slots=True)
class Settled:
    """`past` sketches stable's values in this lane, of those quantities whose tests need a threshold."""

    lane: Lane
    waiting: Waiting
    past: dict[Source, Sketch] = field(default_factory=dict)

    @classmethod
    def start(cls, lane: Lane, *, lag: float, width: float = math.inf) -> Settled:
        """`width` is as in `Waiting`, at most a sixteenth of the lag."""
        return cls(lane=lane, waiting=Waiting(lag=lag, width=min(width, lag / PIECES)), past=_sketches(lane))

    def settle(self) -> Iterator[Rows]:
        """Settles what waits and began long enough ago; gives back what it settled."""
        for ripe in self.waiting.ripe():
            admitted = self.lane.admit(ripe)
            stable = ~admitted.columns.candidate
            for source, sketch in self.past.items():
                sketch.add(present(admitted.columns.column(source)[stable]))
            self.lane.fold(admitted, self.past)
            yield admitted

    def restart_source(self, source: Source) -> None:
        """What was proven of one quantity no longer holds; what waits of it comes from something else, and is left out."""
        self.waiting.blank(source)
        self.lane.restart_source(source)

    def restart(self) -> None:
        self.waiting.forget()
        self.lane.restart()
        self.past = _sketches(self.lane)

    def dump(self) -> dict[str, Any]:
        return {
            "lane": self.lane.dump(),
            "past": {source.value: sketch.dump() for source, sketch in self.past.items()},
            "waiting": self.waiting.dump(),
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.lane.restore(dumped["lane"])
        self.past = {source: Sketch.load(dumped["past"][source.value]) for source in self.past}
        self.waiting = Waiting.load(dumped["waiting"])


def _sketches(lane: Lane) -> dict[Source, Sketch]:
    return {trial.source: Sketch() for trial in lane.trials if trial.source.has_tail}
