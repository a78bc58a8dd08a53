"""A source in memory: observations are put in by hand, for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from verdigris.core.model.observation import Observation
from verdigris.ports import Collected


@dataclass(slots=True)
class Feed:
    """What waits in a MemorySource. Set `lost`, `late` and `streams` to what the next collect shall say."""

    waiting: list[Observation] = field(default_factory=list)
    lost: int = 0
    late: int = 0
    streams: int = 1
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemorySource:
    """Delivers what `put` was given. At most `capacity` observations wait; further ones are lost, and counted."""

    capacity: int = 200_000
    feed: Feed = field(default_factory=Feed)

    async def open(self) -> None:
        """Nothing to open."""

    def put(self, observations: Iterable[Observation]) -> None:
        """Makes these observations arrive."""
        for observation in observations:
            if len(self.feed.waiting) < self.capacity:
                self.feed.waiting.append(observation)
            else:
                self.feed.lost += 1
        self.feed.arrived.set()

    async def wait(self, seconds: float) -> None:
        """Returns when something is there to collect, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.feed.arrived.wait(), seconds)

    def collect(self, limit: int) -> Collected:
        """At most `limit` observations, oldest first; the rest stays."""
        feed = self.feed
        feed.waiting.sort(key=lambda observation: observation.at)
        taken, feed.waiting[:limit] = feed.waiting[:limit], []
        lost, late, feed.lost, feed.late = feed.lost, feed.late, 0, 0
        if not feed.waiting:
            feed.arrived.clear()
        return Collected(observations=taken, lost=lost, late=late, streams=feed.streams)

    async def close(self) -> None:
        """Nothing to close."""
