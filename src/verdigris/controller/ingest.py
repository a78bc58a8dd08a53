"""Folds what arrives into the Ledger of the running rollout, or into the stable side's Baseline when none runs."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from verdigris.controller.book import Book
from verdigris.controller.clock import Clock
from verdigris.controller.pricing import CostHealth, Pricing
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.thinning import Thinning
from verdigris.core.model.observation import Observation
from verdigris.ports import Collected, MetricSource

CHUNK = 1_000
"""Observations folded before other work gets its turn: some milliseconds, so that decisions are never starved."""

RATE_WINDOW = 10.0
"""Seconds over which the arrival rate is taken."""

LATELY = 300.0
"""Seconds for which a loss is a problem to be told."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetryHealth:
    """What the ingest knows of itself since the controller began.

    `thinned` were left out because more came than the judge needs. `rate` is observations per second over the last
    seconds, `lost_lately` what was lost in the last minutes, `costs` how the costs of requests are known.
    """

    received: int = 0
    lost: int = 0
    late: int = 0
    thinned: int = 0
    streams: int = 0
    rate: float = 0.0
    lost_lately: int = 0
    costs: CostHealth = field(default_factory=CostHealth)


class Ingest:
    """One task, one place where observations enter.

    `arrived` is set whenever something was folded; whoever waits on it clears it.
    """

    def __init__(
        self,
        source: MetricSource,
        clock: Clock,
        *,
        stable: str,
        thinning: Thinning | None = None,
        pricing: Pricing | None = None,
        watching: Callable[[Sequence[Observation]], None] = lambda _: None,
    ) -> None:
        """Without `pricing` costs are those reported. `watching` is shown every priced observation; what it raises is logged."""
        self._source = source
        self._pricing = pricing
        self._watching = watching
        self._priced_for: Book | None = None
        self._clock = clock
        self.stable = stable
        self.book: Book | None = None
        self.baseline = Baseline()
        self._thinning = thinning or Thinning()
        self.arrived = asyncio.Event()
        self._health = TelemetryHealth()
        self._recent: deque[tuple[float, int]] = deque(maxlen=1_000)
        self._losses: deque[tuple[float, int]] = deque(maxlen=1_000)

    @property
    def health(self) -> TelemetryHealth:
        now = self._clock.monotonic()
        recent = [(at, count) for at, count in self._recent if now - at <= RATE_WINDOW]
        span = max(now - recent[0][0], 1.0) if recent else 1.0
        rate = sum(count for _, count in recent) / span
        return TelemetryHealth(
            received=self._health.received,
            lost=self._health.lost,
            late=self._health.late,
            thinned=self._thinning.seen - self._thinning.kept,
            streams=self._health.streams,
            rate=rate,
            lost_lately=sum(count for at, count in self._losses if now - at <= LATELY),
            costs=CostHealth() if self._pricing is None else self._pricing.health,
        )

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._source.wait(0.5)
            while await self._take():  # noqa: ASYNC110 -- this yields, it does not poll
                await asyncio.sleep(0)  # decisions get their turn between two chunks

    async def _take(self) -> bool:
        """As `take`; a price list that is needed for the first time is read beside other work."""
        collected = self._source.collect(CHUNK)
        try:
            if self._pricing is not None and self._pricing.must_load(collected.observations):
                await asyncio.to_thread(self._pricing.load)
        finally:  # what was taken is folded also when this is cancelled
            more = self._digest(collected)
        return more

    def take(self) -> bool:
        """Folds one chunk; True when more may be waiting."""
        return self._digest(self._source.collect(CHUNK))

    def _digest(self, collected: Collected) -> bool:
        self._count(collected)
        if not collected.observations:
            return False
        try:
            self._fold(self._priced(collected.observations))
        except Exception:  # noqa: BLE001 -- logged and counted below
            # An observation the judge cannot digest must cost one chunk of evidence, not the controller.
            _log.exception("could not fold %d observations; they are counted as lost", len(collected.observations))
            self._count(Collected(lost=len(collected.observations), streams=collected.streams))
        self.arrived.set()
        return len(collected.observations) >= CHUNK

    def _priced(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        if self._pricing is not None:
            if self.book is not self._priced_for:
                self._priced_for = self.book
                self._pricing.begin()
            observations = self._pricing.price(observations)
        try:
            self._watching(observations)
        except Exception:  # noqa: BLE001 -- metrics must not cost evidence
            _log.exception("%d observations are missing in the metrics", len(observations))
        return observations

    def _fold(self, observations: Sequence[Observation]) -> None:
        if self.book is not None:
            self.book.fold(self._thinning.keep(observations))
        else:
            self.baseline.fold(observations, stable=self.stable)

    def _count(self, collected: Collected) -> None:
        count = len(collected.observations)
        self._health = TelemetryHealth(
            received=self._health.received + count,
            lost=self._health.lost + collected.lost,
            late=self._health.late + collected.late,
            streams=collected.streams,
        )
        if collected.lost:
            self._losses.append((self._clock.monotonic(), collected.lost))
        if count:
            self._recent.append((self._clock.monotonic(), count))
