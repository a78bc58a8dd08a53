"""The controller's face: everything a person, the CLI or the API can ask of one service."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from verdigris.controller.clock import Clock
from verdigris.controller.evidence import Evidence, Measured
from verdigris.controller.ingest import Ingest
from verdigris.controller.journal import Journal
from verdigris.controller.perform import Performer
from verdigris.controller.quality.face import QualityPlugs
from verdigris.controller.quality.judging import work_for
from verdigris.controller.reconcile import Reconciler
from verdigris.controller.roles import (
    candidate_for,
    next_id,
    refuse_second,
    require_environments,
    require_way_back,
    stable_side,
)
from verdigris.controller.status import Status, problems_of
from verdigris.controller.telemetry.face import TelemetryPlugs
from verdigris.controller.telemetry.gauges import gauges
from verdigris.controller.telemetry.meters import Meters
from verdigris.controller.timing import Timing
from verdigris.controller.tryout import Tryout
from verdigris.core.analysis.explain import Explanation, explain
from verdigris.core.analysis.thinning import Thinning
from verdigris.core.model.errors import Conflict, NotFound, StoreError, VerdigrisError
from verdigris.core.model.event import (
    AbortRequested,
    AdvanceRequested,
    Approved,
    Event,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
    Started,
)
from verdigris.core.model.meter import Family
from verdigris.core.model.observation import Observation
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.service import Service
from verdigris.core.model.strategy import Strategy
from verdigris.core.rollout.readiness import waiting_for
from verdigris.core.rollout.requests import check_request
from verdigris.ports import Check, Logged, MetricSource, Notifier, Segment, Store, TrafficDriver, Trial

_log = logging.getLogger(__name__)

LATEST = "latest"


class Controller:
    """Runs one service. `open`, then `run` until cancelled, then `drain` where traffic shall end too, then `leave`."""

    def __init__(
        self,
        service: Service,
        *,
        store: Store,
        driver: TrafficDriver,
        source: MetricSource,
        reachable: Check,
        notifiers: Sequence[Notifier] = (),
        clock: Clock | None = None,
        timing: Timing | None = None,
        thinning: Thinning | None = None,
        telemetry: TelemetryPlugs | None = None,
        quality: QualityPlugs | None = None,
        trials: Sequence[Trial] = (),
    ) -> None:
        """`quality` is what the work on samples needs, where the service declares it; `trials` come before any rollout."""
        self.service = service
        self._store = store
        self._driver = driver
        self._source = source
        self._reachable = reachable
        self._tryout = Tryout(trials)
        self._clock = clock or Clock()
        self._lock = asyncio.Lock()
        telemetry = telemetry or TelemetryPlugs()
        self.meters = Meters(service.name, rollout=lambda: self._journal.rollout, stable=lambda: self._ingest.stable)
        self._journal = Journal(store, service.name, on_decision=self.meters.decide)
        self._ingest = Ingest(
            source,
            self._clock,
            stable=service.environments[0].name,
            thinning=thinning,
            pricing=telemetry.pricing(service),
            watching=self._watch,
        )
        self._export = telemetry.export(self.meters)
        self.quality = work_for(
            service,
            quality,
            journal=self._journal,
            ingest=self._ingest,
            driver=driver,
            clock=self._clock,
            meters=self.meters,
        )
        self._evidence = Evidence(store, self._journal, self._ingest, service, self._measured)
        performer = Performer(self._journal, driver, notifiers, self._clock, on_split=self._on_split)
        self._performer = performer
        self._reconciler = Reconciler(
            journal=self._journal,
            performer=performer,
            ingest=self._ingest,
            evidence=self._evidence,
            driver=driver,
            clock=self._clock,
            timing=timing or Timing(),
            lock=self._lock,
            service=service,
        )

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Takes the lease, remembers, and starts or adopts the data plane.

        Raises: LeaseHeld, StoreError, ConfigError (a rollout names an environment the file no longer has), PortTaken,
        TrafficError.
        """
        await self._store.open()
        await self._journal.open(f"{socket.gethostname()}:{os.getpid()}")
        require_environments(self.service, self._journal.rollout)
        await self._evidence.restore(stable=self._stable.environment)
        await self._source.open()
        await self._driver.open(self._reconciler.desired)
        await self._reconciler.attempt()  # what fails now is tried again by `run`; traffic is there already

    async def run(self) -> None:
        """Until cancelled. Raises: LeaseHeld when another controller took over."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ingest.run())
            tasks.create_task(self._reconciler.run())
            if self._export is not None:
                tasks.create_task(self._export.run())
            if self.quality is not None:
                tasks.create_task(self.quality.run())

    async def live_requests(self) -> int:
        """How many are being answered at this moment, asked of the data plane itself."""
        return sum(live.requests for live in (await self._driver.observe()).live.values())

    async def drain(self, budget: float) -> None:
        """Lets what is under way finish within `budget` seconds, then ends the data plane."""
        await self._driver.close(drain=budget)

    async def leave(self) -> None:
        """Lets go of everything but the data plane, which goes on with the split it has. `run` has ended before."""
        if self._export is not None:
            await self._export.close()
        if self.quality is not None:
            await self.quality.close()
        if self._journal.is_open:  # else another controller may hold the lease, and what is there is its own
            await self._source.close()
            await self._keep_the_last()
        await self._store.close()

    async def _keep_the_last(self) -> None:
        try:
            while self._ingest.take():
                pass
            await self._evidence.save()
            await self._journal.close()
        except StoreError as error:
            _log.warning("what was seen last could not be kept, or the lease not be released: %s", error)

    # ------------------------------------------------------------------ words

    async def start(
        self, *, actor: str, to: str | None = None, version: str | None = None, strategy: Strategy | None = None
    ) -> Rollout:
        """Begins a rollout to environment `to` (default: the only other one).

        Raises: NotFound, RolloutInProgress, Conflict (already stable, or the candidate does not answer or fails a
        trial), StoreError.
        """
        stable, candidate = self._stable, candidate_for(self.service, self._journal.rollout, to)
        refuse_second(self._journal.rollout)
        found = await self._reachable.run(candidate)
        if not found.passed:
            raise Conflict(
                f"the candidate is not ready: {found.reason}",
                hint="start it, or check its url, ready and health in the configuration",
            )
        checks = await self._tryout.run(candidate, self.service.environment(stable.environment))
        release = candidate.release
        if version is not None:
            release = Release.of(version=version, config=dict(release.config))
        async with self._lock:
            refuse_second(self._journal.rollout)
            if self._stable != stable:
                raise Conflict(
                    f"{self._stable.environment} became stable while the candidate was being looked at",
                    hint="look at the status, and start again if that is still what you want",
                )
            await self._performer.run()
            event = Started(
                at=self._clock.now(),
                actor=actor,
                rollout=next_id(self.service, self._journal.rollout),
                service=self.service.name,
                strategy=strategy or self.service.strategy,
                guardrails=self.service.guardrails,
                stable=stable,
                candidate=Side(environment=candidate.name, release=release),
                sticky=self.service.gateway.sticky,
                salt=secrets.token_hex(8),
                checks=checks,
            )
            await self._evidence.begin(event)
            self._reconciler.verdict = None
            self._reconciler.begin_watch()
            return await self._carry_out()

    async def approve(self, rollout: str, *, actor: str, step: int | None = None) -> Rollout:
        """Raises: NotFound, StaleStep (`step` has passed), WrongPhase, StoreError."""
        return await self._say(
            rollout,
            lambda now, at: Approved(
                at=at, actor=actor, step=now.step if step is None else step, evidence=_evidence(now)
            ),
        )

    async def advance(self, rollout: str, *, actor: str, step: int | None = None) -> Rollout:
        """Raises: NotFound, StaleStep, WrongPhase, StoreError."""
        return await self._say(
            rollout,
            lambda now, at: AdvanceRequested(
                at=at, actor=actor, step=now.step if step is None else step, evidence=_evidence(now)
            ),
        )

    async def pause(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        """Raises: NotFound, WrongPhase, StoreError."""
        return await self._say(rollout, lambda _, at: PauseRequested(at=at, actor=actor, reason=reason))

    async def resume(self, rollout: str, *, actor: str) -> Rollout:
        """Raises: NotFound, WrongPhase, StoreError."""
        return await self._say(rollout, lambda _, at: ResumeRequested(at=at, actor=actor))

    async def abort(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        """Raises: NotFound, WrongPhase, StoreError."""
        return await self._say(rollout, lambda _, at: AbortRequested(at=at, actor=actor, reason=reason))

    async def rollback(self, rollout: str, *, actor: str, reason: str = "") -> Rollout:
        """Also after the promotion, while the previous side is kept. Raises: NotFound, WrongPhase, StoreError."""

        def word(now: Rollout, at: float) -> Event:
            require_way_back(self.service, now)
            return RollbackRequested(at=at, actor=actor, reason=reason)

        return await self._say(rollout, word)

    # ------------------------------------------------------------------ questions

    async def rollout(self, name: str) -> Rollout:
        """The rollout with this id, or the `latest`. Raises: NotFound, StoreError."""
        latest = self._journal.rollout
        if latest is not None and name in (LATEST, latest.id):
            return self._as_of_now(latest)
        if name == LATEST:
            raise NotFound("there is no rollout yet", hint="begin one with: verdigris rollout start")
        return (await self._store.load(name)).rollout

    async def rollouts(self, *, limit: int = 50) -> tuple[Rollout, ...]:
        """Newest first. Raises: StoreError."""
        return await self._store.history(self.service.name, limit=limit)

    async def events(self, rollout: str, *, after: int = 0, limit: int = 1000) -> tuple[Logged, ...]:
        """The audit trail from number `after` on. Raises: NotFound, StoreError."""
        return await self._store.events((await self.rollout(rollout)).id, after=after, limit=limit)

    async def record(self, rollout: str, *, after: int = 0, limit: int = 64) -> tuple[Segment, ...]:
        """What the judge was given, from segment `after` on. Raises: NotFound, StoreError."""
        return await self._store.record((await self.rollout(rollout)).id, after=after, limit=limit)

    async def explain(self, rollout: str) -> Explanation:
        """Raises: NotFound, StoreError."""
        found = await self.rollout(rollout)
        told = explain(found, waiting_for=waiting_for(found, self._clock.now()))
        costs = () if found.phase.is_final else self._ingest.health.costs.sentences
        return replace(told, cautions=(*told.cautions, *costs))

    async def status(self) -> Status:
        """Never raises: what is wrong stands in `problems`."""
        rollout, desired, telemetry = self._journal.rollout, self._reconciler.desired, self._ingest.health
        observed, trouble = self._reconciler.observed, self._reconciler.problem
        quality = None if self.quality is None else self.quality.health
        return Status(
            service=self.service,
            stable=self._stable.environment,
            rollout=None if rollout is None else self._as_of_now(rollout),
            desired=desired,
            observed=observed,
            telemetry=telemetry,
            ready=not trouble and observed.running and observed.split is not None,
            problems=problems_of(
                trouble=trouble,
                observed=observed,
                desired=desired,
                telemetry=telemetry,
                rollout=rollout,
                quality=quality,
            ),
            quality=quality,
        )

    async def metrics(self) -> tuple[Family, ...]:
        """Everything that is counted, and gauges of this moment."""
        status = await self.status()
        rollout = status.rollout.id if status.rollout is not None else ""
        money = None if self.quality is None else await self.quality.money(rollout)
        remaining = {purse.purse: purse.remaining for purse in money or ()}
        dropped = {} if status.quality is None else status.quality.dropped
        return (
            *self.meters.families(),
            *gauges(status, self.meters.common, remaining=remaining, dropped=dropped),
        )

    # ------------------------------------------------------------------ inside

    @property
    def _stable(self) -> Side:
        return stable_side(self.service, self._journal.rollout)

    def _measured(self) -> Measured:
        return Measured() if self.quality is None else self.quality.measured

    def _watch(self, observations: Sequence[Observation]) -> None:
        self.meters.observe(observations)
        if self.quality is not None:
            self.quality.watch(observations)

    def _on_split(self, at: float, weight: float | None) -> None:
        """Another split is on its way or in force: other shares are expected, and a new soak begins."""
        self._evidence.expect(at, weight)
        self._reconciler.begin_watch()

    async def _say(self, name: str, event: Callable[[Rollout, float], Event]) -> Rollout:
        """Puts a person's word into the log, unless it comes at the wrong moment."""
        async with self._lock:
            self._latest(await self.rollout(name))
            await self._reconciler.catch_up()
            rollout = self._latest(await self.rollout(name))
            word = event(rollout, self._clock.now())
            check_request(rollout, word)
            await self._evidence.record(word)
            return await self._carry_out()

    async def _carry_out(self) -> Rollout:
        """Performs what was decided before the caller gets its answer; what fails now is tried again by the loop."""
        try:
            await self._performer.run()
        except VerdigrisError as error:
            _log.warning("decided but not carried out yet: %s", error)
        self._reconciler.nudge()
        rollout = self._journal.rollout
        if rollout is None:
            raise RuntimeError("a decision left no rollout")
        return rollout

    def _latest(self, rollout: Rollout) -> Rollout:
        latest = self._journal.rollout
        if latest is None or latest.id != rollout.id:
            raise Conflict(f"rollout {rollout.id} is over; the latest is {latest.id if latest else 'none'}")
        return rollout

    def _as_of_now(self, rollout: Rollout) -> Rollout:
        """With the judge's latest look, which may be newer than the stored one."""
        verdict = self._reconciler.verdict
        if verdict is None or rollout.phase.is_final:
            return rollout
        watching = rollout.in_force and rollout.phase in (Phase.PROGRESSING, Phase.BAKING)
        watched = rollout.watched + (self._reconciler.watched if watching else 0.0)
        return replace(rollout, verdict=verdict, watched=watched)


def _evidence(rollout: Rollout) -> str:
    """What a person saw when giving the word."""
    verdict = rollout.verdict
    return f"{verdict.outcome.value}: {verdict.reason}" if verdict else "no verdict yet"
