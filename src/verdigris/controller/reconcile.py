"""The loop: look at the data plane, look at the evidence, decide, carry out. Level-triggered, so any look may be the first."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from verdigris.controller.book import MIN_CANDIDATE
from verdigris.controller.clock import Clock
from verdigris.controller.evidence import Evidence, is_judged
from verdigris.controller.ingest import Ingest
from verdigris.controller.journal import Journal
from verdigris.controller.perform import Performer
from verdigris.controller.roles import desired_split
from verdigris.controller.timing import Timing
from verdigris.core.analysis.judge import judge
from verdigris.core.model.errors import LeaseHeld, StoreError, TrafficError
from verdigris.core.model.event import Judged
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.service import Service
from verdigris.core.model.split import Split
from verdigris.core.model.verdict import Outcome, Verdict
from verdigris.core.rollout.decide import decide, is_quiet
from verdigris.ports import ObservedSplit, TrafficDriver

_log = logging.getLogger(__name__)


class Reconciler:
    """Wakes at least every `timing.look` seconds, or at once on `nudge()`; holds `lock` while it works.

    `verdict` is the judge's latest word, newer than the stored one. `lags` are the last 1,000 differences, in
    seconds, between the moment a wake was due and the moment it came.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        performer: Performer,
        ingest: Ingest,
        driver: TrafficDriver,
        evidence: Evidence,
        clock: Clock,
        timing: Timing,
        lock: asyncio.Lock,
        service: Service,
    ) -> None:
        self._journal = journal
        self._performer = performer
        self._ingest = ingest
        self._driver = driver
        self._evidence = evidence
        self._clock = clock
        self._timing = timing
        self._lock = lock
        self._service = service
        self._nudged = asyncio.Event()
        self.observed = ObservedSplit(split=None, running=False)
        self.verdict: Verdict | None = None
        self.problem = ""
        self.lags: deque[float] = deque(maxlen=1_000)
        self._next_save = self._next_apply = 0.0
        self.begin_watch()
        self._retry = timing.retry

    @property
    def desired(self) -> Split:
        """What the data plane should do now."""
        return desired_split(self._service, self._journal.rollout)

    @property
    def watched(self) -> float:
        """Seconds watched since the latest stored look."""
        return self._watched

    def nudge(self) -> None:
        """Wakes the loop now."""
        self._nudged.set()

    def begin_watch(self) -> None:
        """Watched time starts here: nothing before this moment counts."""
        self._watched = 0.0
        self._last_look = self._last_beat = self._clock.monotonic()
        self._next_observe = 0.0  # what was read of the data plane before is no longer true

    async def run(self) -> None:
        """Until cancelled, or until another controller took the lease over. Raises: LeaseHeld."""
        wait = self._timing.look
        while True:
            await self._sleep(wait)
            wait = await self.attempt(wait)

    async def attempt(self, wait: float = 0.0) -> float:
        """One look that may fail: then `problem` says what is wrong, and traffic stays. `wait` came before it.

        Returns the seconds until the next look. Raises: LeaseHeld.
        """
        longer = min(max(wait * 2, self._timing.retry), self._timing.retry_limit)
        try:
            async with self._lock:
                await self.wake()
        except LeaseHeld:
            raise
        except (StoreError, TrafficError) as error:
            await self._recover(error)
            return longer
        except Exception as error:  # noqa: BLE001 -- a bug must stop decisions, never traffic
            _log.exception("a wake of the reconcile loop failed; traffic stays, next try in %.1f s", longer)
            self.problem = f"no decisions are made: {type(error).__name__} in the reconcile loop, see the log"
            return longer
        self.problem = ""
        return self._timing.look

    async def _sleep(self, seconds: float) -> None:
        due = self._clock.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            self.lags.append(max(0.0, self._clock.monotonic() - due))
        self._nudged.clear()

    async def _recover(self, error: StoreError | TrafficError) -> None:
        """Says what is wrong and reads the state again; no decision is made on state that may be stale."""
        if str(error) != self.problem:
            _log.error("%s", error)
        self.problem = str(error)
        if isinstance(error, StoreError):
            try:
                async with self._lock:
                    await self._journal.reload()
            except StoreError as again:
                self.problem = str(again)

    async def wake(self) -> None:
        """One look. Raises: StoreError, TrafficError."""
        await self._evidence.take_up()
        await self._performer.run()
        await self._observe()
        await self._repair()
        self._watch()
        rollout = self._journal.rollout
        if rollout is not None and is_judged(rollout):
            await self._judge(rollout)
            await self._performer.run()
        await self._save()

    # ------------------------------------------------------------------ data plane

    async def _observe(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_observe or not self.observed.running:
            self._next_observe = now + self._timing.observe
            self.observed = await self._driver.observe()

    async def _repair(self) -> None:
        """Compares desired with observed and mends the difference, at growing intervals while that fails."""
        rollout, now = self._journal.rollout, self._clock.monotonic()
        unconfirmed = rollout is not None and not rollout.in_force and not rollout.phase.is_final
        drifted = self.observed.split != self.desired
        if not self.observed.running or not (unconfirmed or drifted) or now < self._next_apply:
            return
        if rollout is None or rollout.phase.is_final:
            await self._driver.apply(self.desired)
            applied = True
        else:
            await self.catch_up()
            applied = await self._mend()
        self._retry = self._timing.retry if applied else min(self._retry * 2, self._timing.retry_limit)
        self._next_apply = 0.0 if applied else now + self._retry
        self.observed = await self._driver.observe()

    async def _mend(self) -> bool:
        rollout = self._journal.rollout
        return rollout is not None and await self._performer.apply(rollout.split, rollout.weight)

    # ------------------------------------------------------------------ evidence

    def _watch(self) -> None:
        now = self._clock.monotonic()
        gap, self._last_look = now - self._last_look, now
        if self.observed.running and self._ingest.health.streams > 0:
            self._watched += min(gap, self._timing.blind)

    async def catch_up(self) -> None:
        """Keeps the latest look, so that the event that comes next finds today's counts and none of the seconds before it.

        Raises: StoreError.
        """
        rollout = self._journal.rollout
        if rollout is not None and is_judged(rollout):
            self._watch()
            await self._judge(rollout, keep=True)
            await self._performer.run()

    async def _judge(self, rollout: Rollout, *, keep: bool = False) -> None:
        ledger = self._evidence.ledger
        if ledger is None:
            return
        self.verdict = judge(ledger, at=self._clock.now(), min_candidate=MIN_CANDIDATE)
        event = Judged(at=self.verdict.at, verdict=self.verdict, watched=self._watched)
        beat = self._clock.monotonic() - self._last_beat >= self._timing.beat
        if is_quiet(rollout, decide(rollout, event)) and not (keep or (beat and _soaks(rollout))):
            return
        await self._evidence.record(event)
        self._watched, self._last_beat = 0.0, self._clock.monotonic()

    async def _save(self) -> None:
        await self._evidence.close_if_over()
        now = self._clock.monotonic()
        if now >= self._next_save:
            self._next_save = now + self._timing.save
            await self._evidence.save()


def _soaks(rollout: Rollout) -> bool:
    """Whether seconds are being watched that a kill would cost. Elsewhere a log entry now and then would tell nothing."""
    invalid = rollout.verdict is not None and rollout.verdict.outcome is Outcome.INVALID
    return rollout.in_force and rollout.phase in (Phase.PROGRESSING, Phase.BAKING) and not invalid
