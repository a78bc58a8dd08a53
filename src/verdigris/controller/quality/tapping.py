"""Keeps the data plane copying what is wanted: the same number of samples of each side, more of stable where pairs need them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from verdigris.controller.clock import Clock
from verdigris.controller.quality.parts import RolloutNow
from verdigris.controller.quality.rates import Plan, Use, plan
from verdigris.core.model.observation import Observation
from verdigris.core.model.quality import Quality
from verdigris.core.model.sample import Exchange
from verdigris.core.model.taps import Taps
from verdigris.ports import TrafficDriver

LOOK = 2.0
"""Seconds between two looks at the rates."""

WINDOW = 60.0
"""Seconds over which a rate is taken."""

_BATCHES = 5_000


@dataclass(kw_only=True, slots=True)
class Rates:
    """Requests a second of each environment over the last minute."""

    clock: Clock
    _seen: deque[tuple[float, Counter[str]]] = field(default_factory=lambda: deque(maxlen=_BATCHES))
    _began: float | None = None

    def watch(self, observations: Sequence[Observation]) -> None:
        """Takes a batch in as it arrives."""
        now = self.clock.monotonic()
        self._began = now if self._began is None else self._began
        counts = Counter(one.environment for one in observations)
        if self._seen and now - self._seen[-1][0] < 1.0:
            self._seen[-1][1].update(counts)
        else:
            self._seen.append((now, counts))

    def now(self) -> Mapping[str, float]:
        """Of the environments that had requests."""
        now = self.clock.monotonic()
        while self._seen and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        span = min(WINDOW, max(1.0, now - (now if self._began is None else self._began)))
        total: Counter[str] = Counter()
        for _, counts in self._seen:
            total.update(counts)
        return {name: count / span for name, count in total.items()}


@dataclass(kw_only=True, slots=True)
class Tapping:
    """Tells the driver what to copy, whenever that has changed. `plan` is what is in force."""

    quality: Quality
    driver: TrafficDriver
    rates: Rates
    rollout: RolloutNow
    stable: Callable[[], str]
    plan: Plan = field(default_factory=Plan)
    _applied: Taps | None = None

    async def run(self) -> None:
        """Until cancelled. Raises: TrafficError; the taps are told anew after it."""
        self._applied = None
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """One look at the rates. Raises: TrafficError."""
        rollout = self.rollout()
        stable = self.stable() if rollout is None else rollout.stable.environment
        candidate = None if rollout is None else rollout.candidate.environment
        wanted = plan(self.quality, rates=self.rates.now(), stable=stable, candidate=candidate, before=self._applied)
        if wanted.taps != self._applied:
            await self.driver.tap(wanted.taps)
            self._applied = wanted.taps
        self.plan = wanted

    def use(self, exchange: Exchange) -> Use:
        """What a copy is for."""
        return self.plan.use(exchange)

    def share(self, environment: str) -> float | None:
        """The share of an environment's requests that is copied now; None where none is."""
        return None if self._applied is None else self._applied.sampled.get(environment)
