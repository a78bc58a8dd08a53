"""The quality work of one service: samples, scores, pairs and their keeping, tied together and kept going beside the decisions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verdigris.cases.model import Case
from verdigris.cases.money import PURSE as CASES_PURSE
from verdigris.cases.money import CaseMoney
from verdigris.cases.run import Manner
from verdigris.controller.clock import Clock
from verdigris.controller.evidence import Measured
from verdigris.controller.pricing import declared_models
from verdigris.controller.quality.browse import Browser
from verdigris.controller.quality.cases import CaseRounds
from verdigris.controller.quality.health import Money, QualityHealth, QualitySummary, Tries
from verdigris.controller.quality.keeper import Keeper
from verdigris.controller.quality.noise import NoiseFloor
from verdigris.controller.quality.parts import Counting, Judging, RolloutNow, Scoring
from verdigris.controller.quality.pipeline import Pipeline
from verdigris.controller.quality.price import Estimator
from verdigris.controller.quality.purses import purse_of
from verdigris.controller.quality.reader import Reader
from verdigris.controller.quality.shadow import PURSE, Shadowing
from verdigris.controller.quality.supervised import Supervised
from verdigris.controller.quality.tapping import Tapping
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreError
from verdigris.core.model.observation import Observation
from verdigris.core.model.quality import DEFAULT_BUDGET, Budget, Quality
from verdigris.core.model.sample import Exchange, Sample
from verdigris.core.model.service import Service
from verdigris.core.reading.redaction import Redactor
from verdigris.ports import Archive, Prices, Resender, SampleSource, Till

AT_ONCE = 64
"""Exchanges taken before other work gets its turn."""

CLOSING = 10.0
"""Seconds after which a part that cannot be closed is left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityPlugs:
    """What the work needs from outside. `scoring` is a bench of scorers. `beside` is further work, by what is not done without it.

    `cases` are those declared, read.
    """

    source: SampleSource
    archive: Archive
    till: Till
    prices: Prices
    resender: Resender
    scoring: Scoring
    beside: Sequence[Supervised] = ()
    cases: Sequence[Case] = ()
    clock: Clock = field(default_factory=Clock)


class QualityWork:
    """`run` beside the controller's own tasks; whatever fails in it is told in `health` and tried again."""

    def __init__(
        self,
        service: Service,
        quality: Quality,
        plugs: QualityPlugs,
        *,
        judging: Judging,
        rollout: RolloutNow,
        tapping: Tapping | None = None,
        meters: Counting | None = None,
    ) -> None:
        """`rollout` is the one that is judged now. Without `tapping` nobody tells the data plane what to copy."""
        self._plugs = plugs
        self._meters = meters
        self._tapping = tapping
        self._judging = judging
        plugs.scoring.spends_for(self._name)
        self._rollout = rollout
        self._quality = quality
        self._shadow = quality.shadow
        self._noise: tuple[str, NoiseFloor] = ("", NoiseFloor())
        self._reader = Reader.of(service, Redactor(quality.redaction).redact)
        self._keeper = Keeper(plugs.archive, plugs.clock)
        self.browser = Browser(archive=plugs.archive)
        estimator = Estimator(plugs.prices, model=service.telemetry.model, declared=declared_models(service))
        self.shadowing = (
            None
            if quality.shadow is None
            else Shadowing(
                use=quality.shadow,
                urls={environment.name: environment.url for environment in service.environments},
                largest=quality.sampling.largest,
                reader=self._reader,
                resender=plugs.resender,
                estimator=estimator,
                till=plugs.till,
                scoring=plugs.scoring,
                judging=judging,
                rollout=rollout,
                share=tapping.share if tapping is not None else lambda _: None,
                keep=self.keep_pair,
                clock=plugs.clock,
                paid=self._paid,
            )
        )
        self.pipeline = Pipeline(
            reader=self._reader,
            scoring=plugs.scoring,
            judging=judging,
            estimator=estimator,
            keep=self.keep,
            shadowing=self.shadowing,
            wanted=self._is_scored,
        )
        self.rounds = self._rounds(service, quality, judging)
        self._works = [
            Supervised("no samples are collected", self._collect),
            *([Supervised("what is copied does not follow the traffic", tapping.run)] if tapping else []),
            Supervised("samples and pairs are not kept", self._keeper.run),
            *([Supervised("no shadow pairs are made", self._pair)] if self.shadowing else []),
            *([Supervised("no cases are asked", self.rounds.run)] if self.rounds else []),
            *plugs.beside,
        ]

    def _rounds(self, service: Service, quality: Quality, judging: Judging) -> CaseRounds | None:
        if quality.cases is None or quality.cases.interval is None or not self._plugs.cases:
            return None
        money = CaseMoney.of(quality, self._plugs.till, now=self._plugs.clock.now, rollout=self._name)
        return CaseRounds(
            cases=self._plugs.cases,
            interval=quality.cases.interval,
            urls={environment.name: environment.url for environment in service.environments},
            resender=self._plugs.resender,
            reader=self._reader,
            judging=judging,
            rollout=self._rollout,
            keep=self.keep_pair,
            telemetry=service.telemetry,
            prices=self._plugs.prices,
            manner=Manner(redact=self._reader.redact),
            spend=money.spend,
            book=money.book,
            clock=self._plugs.clock,
        )

    def _is_scored(self, exchange: Exchange) -> bool:
        return self._tapping is None or self._tapping.use(exchange).scored

    def watch(self, observations: Sequence[Observation]) -> None:
        """Sees all requests, for their rates."""
        if self._tapping is not None:
            self._tapping.rates.watch(observations)

    @property
    def measured(self) -> Measured:
        """What of the next rollout's answers is measured by scorers."""
        return Measured.by(self._quality, gates=self._plugs.scoring.grades, refusals=self._plugs.scoring.tells_refusals)

    def _name(self) -> str:
        rollout = self._rollout()
        return rollout.id if rollout is not None else ""

    # ------------------------------------------------------------------ life

    async def run(self) -> None:
        """Until cancelled. Raises nothing else."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in self._works:
                    tasks.create_task(work.run())
        finally:
            await self.pipeline.end()

    async def close(self) -> None:
        """Keeps what still waits, and lets go of files, threads and connections. `run` has ended before.

        Never raises, nor waits for long: the lease and what the judge knows are given up after it.
        """
        for part in (self._keeper, self._plugs.resender, self._plugs.scoring, self._plugs.till):
            try:
                async with asyncio.timeout(CLOSING):
                    await part.close()
            except Exception as error:  # noqa: BLE001 -- nothing of it is needed any more
                _log.warning("%s was not closed in order: %s", type(part).__name__, type(error).__name__)
        self._reader.close()

    async def _collect(self) -> None:
        source = self._plugs.source
        with contextlib.suppress(Exception):  # whoever asks for a price will tell
            await asyncio.to_thread(self._plugs.prices.load)  # beside the loop, where it would hold up decisions
        await source.open()
        try:
            while True:
                await source.wait(0.5)
                copied = source.collect(AT_ONCE)
                self.pipeline.take(copied.exchanges, lost=copied.lost)
                await asyncio.sleep(0)  # decisions get their turn
        finally:
            with contextlib.suppress(Exception):  # what it could not close, the next open will tell
                await source.close()

    async def _pair(self) -> None:
        rollout = self._rollout()
        if rollout is not None and self._noise[0] != rollout.id:
            with contextlib.suppress(StoreError):  # the floor then begins here
                await self._keeper.open()
                self._noise = (rollout.id, await self.browser.noise(rollout.id))
        if self.shadowing is not None:
            await self.shadowing.run()

    def keep(self, sample: Sample) -> None:
        """Counts what was said of a sample, and keeps it."""
        if self._meters is not None:
            self._meters.sample(sample)
        self._keeper.keep(sample)

    def _paid(self, environment: str, usd: float | None) -> None:
        if self._meters is not None:
            self._meters.spend("shadow", usd, environment=environment)

    def keep_pair(self, pair: ComparedPair) -> None:
        """Sums up what a pair says of the noise, and keeps it."""
        if self._meters is not None:
            self._meters.pair(pair)
        if self._noise[0] != pair.rollout:
            self._noise = (pair.rollout, NoiseFloor())
        self._noise[1].add(pair)
        self._keeper.keep(pair)

    # ------------------------------------------------------------------ questions

    @property
    def health(self) -> QualityHealth:
        shadowing = self.shadowing
        problems = [work.problem for work in self._works] + [self._keeper.problem]
        return QualityHealth(
            samples=self.pipeline.taken,
            missed=_counts(self.pipeline.missed),
            kept=self._keeper.kept,
            not_kept=self._keeper.lost,
            pairs=_counts(shadowing.made) if shadowing else {},
            dropped=_counts(shadowing.dropped) if shadowing else {},
            overruns=shadowing.overruns if shadowing else 0,
            scorers=self.tries,
            problems=tuple(problem for problem in problems if problem),
        )

    @property
    def tries(self) -> tuple[Tries, ...]:
        return self._plugs.scoring.tries

    async def summary(self, rollout: str) -> QualitySummary:
        """The counts, and this rollout's money and noise floor. Raises: StoreError where its pairs cannot be read."""
        floor = self._noise[1] if self._noise[0] == rollout else await self.browser.noise(rollout)
        return QualitySummary(
            rollout=rollout, health=self.health, money=await self.money(rollout), floors=floor.floors()
        )

    async def money(self, rollout: str) -> tuple[Money, ...] | None:
        """Of each purse; None while it cannot be read."""
        try:
            return tuple([await self._purse(purse, budget, rollout) for purse, budget in self._budgets.items()])
        except StoreError:
            return None

    @property
    def _budgets(self) -> dict[str, Budget]:
        scorers = {purse_of(use): use.budget for use in self._quality.scorers if use.budget is not None}
        undeclared = {f"scorer:{each.scorer}": DEFAULT_BUDGET for each in self.tries if each.cost > 0.0}
        cases = {CASES_PURSE: Budget()} if self._quality.cases is not None else {}
        return ({PURSE: self._shadow.budget} if self._shadow is not None else {}) | cases | undeclared | scorers

    async def _purse(self, purse: str, budget: Budget, rollout: str) -> Money:
        on_rollout, on_day = await self._plugs.till.spent(purse, rollout=rollout, at=self._plugs.clock.now())
        return Money(purse=purse, rollout=on_rollout, day=on_day, remaining=remaining(budget, on_rollout, on_day))


def remaining(budget: Budget, rollout: float, day: float) -> float | None:
    """USD that may still be spent; None where neither the day nor the rollout is bounded."""
    limits = ((budget.per_rollout, rollout), (budget.per_day, day))
    left = [limit - spent for limit, spent in limits if limit is not None]
    return max(0.0, min(left)) if left else None


def _counts(counter: Mapping[Any, int]) -> dict[str, int]:
    return {str(word): count for word, count in counter.items() if count}
