"""A controller on plugs in memory, under a clock that tests move, with traffic that follows the split in force."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from verdigris.adapters.stores.memory import MemoryStore, Shelf
from verdigris.controller.clock import Clock
from verdigris.controller.service import Controller
from verdigris.controller.timing import Timing
from verdigris.core.model.command import Announce
from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import NotApplied
from verdigris.core.model.event import Event
from verdigris.core.model.observation import Observation
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.service import Gateway, Service
from verdigris.core.model.split import Split
from verdigris.core.model.strategy import Advance, Strategy, WeightStep
from verdigris.core.model.taps import Taps
from verdigris.ports import Capabilities, CheckResult, Collected, ObservedSplit

QUICK = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=4.0, min_samples=20),
        WeightStep(weight=50.0, hold=4.0, min_samples=50),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    ),
    bake=4.0,
)


@dataclass(kw_only=True)
class Plane:
    """A data plane that outlives its controllers, as Envoy does. `applied` are all weights it was brought to."""

    split: Split | None = None
    applied: list[Split] = field(default_factory=list)
    running: bool = True
    refuse: str = ""
    closed: bool = False
    taps: Taps = field(default_factory=Taps)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(sticky=True, samples=True, mirrors=True)

    async def open(self, initial: Split) -> None:
        if self.split is None:
            self.split = initial

    async def apply(self, split: Split) -> None:
        if self.refuse:
            raise NotApplied(self.refuse)
        self.split = split
        self.applied.append(split)

    async def tap(self, taps: Taps) -> None:
        self.taps = taps

    async def observe(self) -> ObservedSplit:
        return ObservedSplit(split=self.split, running=self.running, taps=self.taps)

    async def close(self, *, drain: float) -> None:
        self.closed = True


@dataclass(kw_only=True)
class Feed:
    """A source whose observations the test pushes."""

    waiting: list[Observation] = field(default_factory=list)
    streams: int = 1
    lost: int = 0
    late: int = 0
    closed: bool = False

    async def open(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def collect(self, limit: int) -> Collected:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        lost, late, self.lost, self.late = self.lost, self.late, 0, 0
        return Collected(observations=taken, lost=lost, late=late, streams=self.streams)

    async def close(self) -> None:
        self.closed = True


@dataclass(kw_only=True)
class Reach:
    """A check that finds what it is told to."""

    passed: bool = True

    async def run(self, environment: Environment) -> CheckResult:
        return CheckResult(passed=self.passed, reason=f"{environment.name} {'answers' if self.passed else 'is down'}")


@dataclass(kw_only=True)
class Ears:
    """A notifier that remembers."""

    heard: list[Announce] = field(default_factory=list)

    async def post(self, service: str, rollout: str, announcement: Announce) -> None:
        self.heard.append(announcement)


@dataclass(kw_only=True)
class Stage:
    """What lives on when a controller dies: shelf, data plane, clock, users. `quality` is by environment."""

    quality: dict[str, float] = field(default_factory=lambda: {"blue": 0.85, "green": 0.85})
    strategy: Strategy = QUICK
    seconds: float = 1_800_000_000.0
    shelf: Shelf = field(default_factory=Shelf)
    plane: Plane = field(default_factory=Plane)
    feed: Feed = field(default_factory=Feed)
    reach: Reach = field(default_factory=Reach)
    ears: Ears = field(default_factory=Ears)
    lots: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def service(self) -> Service:
        def environment(name: str) -> Environment:
            return Environment(name=name, url=f"http://127.0.0.1/{name}", release=Release.of(version=name))

        return Service(
            name="answers",
            environments=(environment("blue"), environment("green")),
            gateway=Gateway(timeout=1.0),
            strategy=self.strategy,
        )

    def controller(self, *, store: MemoryStore | None = None, driver: Plane | None = None) -> Controller:
        """A new controller over what lives on. The kernel frees a dead holder's lease, and so does this."""
        self.shelf.held.clear()
        return Controller(
            self.service,
            store=store or MemoryStore(shelf=self.shelf),
            driver=driver or self.plane,
            source=self.feed,
            reachable=self.reach,
            notifiers=(self.ears,),
            clock=Clock(now=lambda: self.seconds, monotonic=lambda: self.seconds),
            timing=Timing(look=0.2, observe=0.0, save=1.0),
        )

    def users(self, count: int) -> list[Observation]:
        """`count` requests that end now, drawn by the split in force."""
        split = self.plane.split
        if split is None:
            return []
        names = [share.environment for share in split.shares]
        weights = [share.weight for share in split.shares]
        return [self._request(name) for name in self.lots.choices(names, weights, k=count)]

    def _request(self, environment: str) -> Observation:
        duration = self.lots.lognormvariate(-2.0, 0.3)
        score = min(max(self.lots.gauss(self.quality[environment], 0.08), 0.0), 1.0)
        return Observation(
            at=self.seconds,
            environment=environment,
            status=200,
            duration=duration,
            time_to_first_byte=duration / 2,
            cost=self.lots.lognormvariate(-6.0, 0.3),
            quality=score,
            refusal=False,
        )

    async def pass_time(self, controller: Controller, seconds: float, *, rate: int = 200, look: float = 0.5) -> None:
        """Moves the clock in looks, with `rate` requests a second."""
        for _ in range(round(seconds / look)):
            self.seconds += look
            self.feed.waiting += self.users(int(rate * look))
            await look_once(controller)

    def log(self, rollout: str) -> Sequence[Event]:
        return self.shelf.logs[rollout]

    def stored(self, rollout: str) -> Rollout:
        return self.shelf.rollouts[rollout].rollout

    @property
    def weights_applied(self) -> list[float]:
        """The candidate's weights in the order in which the data plane was brought to them, without repetitions."""
        weights = [split.shares[0].weight for split in self.plane.applied if len(split.shares) > 1]
        return [weight for before, weight in zip([None, *weights], weights, strict=False) if weight != before]


async def look_once(controller: Controller) -> None:
    """One turn of ingest and reconcile, as the controller's own tasks would take it."""
    while controller._ingest.take():
        pass
    async with controller._lock:
        await controller._reconciler.wake()


def without_verdict(rollout: Rollout) -> Rollout:
    return replace(rollout, verdict=None)
