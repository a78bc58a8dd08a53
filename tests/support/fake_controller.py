"""A controller that only remembers what it was asked, for tests of the faces above it."""

from dataclasses import dataclass, field, replace

from verdigris.adapters.samples.archive import MemoryArchive
from verdigris.controller.ingest import TelemetryHealth
from verdigris.controller.pricing import CostHealth
from verdigris.controller.quality.browse import Browser
from verdigris.controller.quality.health import Money, QualityHealth, QualitySummary
from verdigris.controller.quality.noise import Floor
from verdigris.controller.status import Status
from verdigris.core.analysis.explain import Explanation, explain
from verdigris.core.model.errors import NotFound, RolloutInProgress, StaleStep, WrongPhase
from verdigris.core.model.meter import Family, Kind, Point
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.service import Service
from verdigris.core.model.strategy import Strategy
from verdigris.ports import Live, Logged, ObservedSplit, Segment
from verdigris.testing.builders import a_finding, a_rollout, a_service, a_split, a_verdict, started

COSTS = CostHealth(reported=900, estimated=90, unknown=10, models=("model-x", ""))
TELEMETRY = TelemetryHealth(received=1_000, lost=2, late=1, thinned=4, streams=1, rate=12.5, costs=COSTS)


@dataclass
class FakeWork:
    """Quality work that did what it is told it did."""

    archive: MemoryArchive = field(default_factory=MemoryArchive)
    health: QualityHealth = field(default_factory=QualityHealth)
    money: tuple[Money, ...] | None = ()
    floors: tuple[Floor, ...] = ()

    @property
    def browser(self) -> Browser:
        return Browser(archive=self.archive)

    async def summary(self, rollout: str) -> QualitySummary:
        return QualitySummary(rollout=rollout, health=self.health, money=self.money, floors=self.floors)


@dataclass
class FakeController:
    """One rollout, `r1`, at step 0, unless told otherwise. `failure` is raised by whatever is asked next."""

    current: Rollout | None = field(default_factory=lambda: a_rollout(verdict=a_verdict(findings=(a_finding(),))))
    log: tuple[Logged, ...] = (Logged(number=1, event=started()),)
    recorded: tuple[Segment, ...] = ()
    observed: ObservedSplit = field(
        default_factory=lambda: ObservedSplit(
            split=a_split(), live={"blue": Live(requests=3, connections=2), "green": Live(requests=1, connections=1)}
        )
    )
    telemetry: TelemetryHealth = TELEMETRY
    problems: tuple[str, ...] = ()
    failure: Exception | None = None
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    service: Service = field(default_factory=a_service)
    quality: "FakeWork | None" = None

    async def start(
        self, *, actor: str, to: str | None = None, version: str | None = None, strategy: Strategy | None = None
    ) -> Rollout:
        self._note("start", actor=actor, to=to, version=version, strategy=strategy)
        if self.current is not None and not self.current.phase.is_final:
            raise RolloutInProgress(f"rollout {self.current.id} is under way", hint="wait for it, or abort it")
        candidate = Side(
            environment=self.service.environment(to or "green").name, release=Release.of(version=version or "2")
        )
        plan = strategy or self.service.strategy
        self.current = a_rollout(id="r2", actor=actor, candidate=candidate, strategy=plan)
        return self.current

    async def approve(self, rollout: str, *, actor: str, step: int | None = None) -> Rollout:
        self._note("approve", rollout=rollout, actor=actor, step=step)
        return self._at_step(rollout, step)

    async def advance(self, rollout: str, *, actor: str, step: int | None = None) -> Rollout:
        self._note("advance", rollout=rollout, actor=actor, step=step)
        found = self._at_step(rollout, step)
        self.current = replace(found, step=found.step + 1)
        return self.current

    async def pause(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        self._note("pause", rollout=rollout, actor=actor, reason=reason)
        return self._move(rollout, Phase.PAUSED, reason)

    async def resume(self, rollout: str, *, actor: str) -> Rollout:
        self._note("resume", rollout=rollout, actor=actor)
        if self._find(rollout).phase is not Phase.PAUSED:
            raise WrongPhase("the rollout is not paused")
        return self._move(rollout, Phase.PROGRESSING, "")

    async def abort(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        self._note("abort", rollout=rollout, actor=actor, reason=reason)
        return self._move(rollout, Phase.ROLLING_BACK, reason)

    async def rollback(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        self._note("rollback", rollout=rollout, actor=actor, reason=reason)
        return self._move(rollout, Phase.ROLLING_BACK, reason)

    async def rollout(self, name: str) -> Rollout:
        self._note("rollout", rollout=name)
        return self._find(name)

    async def rollouts(self, *, limit: int = 50) -> tuple[Rollout, ...]:
        self._note("rollouts", limit=limit)
        return () if self.current is None else (self.current,)

    async def events(self, rollout: str, *, after: int = 0, limit: int = 1000) -> tuple[Logged, ...]:
        self._note("events", rollout=rollout, after=after, limit=limit)
        self._find(rollout)
        return tuple(logged for logged in self.log if logged.number > after)[:limit]

    async def record(self, rollout: str, *, after: int = 0, limit: int = 64) -> tuple[Segment, ...]:
        self._note("record", rollout=rollout, after=after, limit=limit)
        self._find(rollout)
        return tuple(piece for piece in self.recorded if piece.number > after)[:limit]

    async def explain(self, rollout: str) -> Explanation:
        self._note("explain", rollout=rollout)
        return explain(self._find(rollout))

    async def status(self) -> Status:
        self._note("status")
        return Status(
            service=self.service,
            stable="blue",
            rollout=self.current,
            desired=a_split(),
            observed=self.observed,
            telemetry=self.telemetry,
            ready=not self.problems,
            problems=self.problems,
            quality=None if self.quality is None else self.quality.health,
        )

    async def metrics(self) -> tuple[Family, ...]:
        self._note("metrics")
        points = (Point(labels=(("service", self.service.name),), value=3.0),)
        return (Family(name="requests", kind=Kind.COUNTER, help="Requests.", points=points),)

    def last(self, name: str) -> dict[str, object]:
        """With what `name` was asked last."""
        return next(how for what, how in reversed(self.asked) if what == name)

    def _note(self, what: str, **how: object) -> None:
        self.asked.append((what, how))
        if self.failure is not None:
            raise self.failure

    def _find(self, name: str) -> Rollout:
        if self.current is None or name not in ("latest", self.current.id):
            raise NotFound(f"no rollout {name!r}", hint="list them with: verdigris rollout list")
        return self.current

    def _at_step(self, name: str, step: int | None) -> Rollout:
        found = self._find(name)
        if step is not None and step != found.step:
            raise StaleStep(f"step {step + 1} has passed; the rollout is at step {found.step + 1}")
        return found

    def _move(self, name: str, phase: Phase, reason: str) -> Rollout:
        self.current = replace(self._find(name), phase=phase, reason=reason)
        return self.current
