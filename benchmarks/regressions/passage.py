"""One rollout in simulated time: real readers, scorers, judge and decisions; simulated users, answers and clock."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from benchmarks.regressions.rule import Threshold
from benchmarks.regressions.world import CANDIDATE, STABLE, Served, World
from verdigris.controller.evidence import Measured, terms_of
from verdigris.controller.quality.bench import Bench
from verdigris.controller.quality.reader import Reader
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.command import ApplySplit, Decision
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.event import Event, Judged, SplitApplied, Started
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.reading import Usage
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.sample import Sample
from verdigris.core.model.service import Service
from verdigris.core.model.split import FULL
from verdigris.core.model.verdict import Outcome, Verdict
from verdigris.core.rollout.decide import begin, decide
from verdigris.demo.assistant.worth import worth
from verdigris.ports import Prices

LOOK = 10.0  # seconds between two looks of the judge
PAST = 2_000  # requests of stable before the rollout
_MOST = 6 * 3_600.0


@dataclass(kw_only=True, slots=True)
class Tally:
    """What was seen and paid. `spent` is USD for second answers and scorers."""

    requests: int = 0
    candidate: int = 0
    samples: int = 0
    pairs: int = 0
    spent: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How it went. `found_after` is what had been seen when harm was proven; None where it never was."""

    phase: Phase
    seconds: float
    verdict: Verdict
    blamed: str
    tally: Tally
    threshold: Threshold

    @property
    def found(self) -> bool:
        return self.phase is Phase.ROLLED_BACK and self.verdict.outcome is Outcome.FAIL


@dataclass(kw_only=True, slots=True)
class Passage:
    """`service` says the strategy, the guardrails and what is sampled; `scoring` is the bench with its scorers."""

    service: Service
    world: World
    scoring: Bench
    reader: Reader
    prices: Prices
    generator: random.Random
    tally: Tally = field(default_factory=Tally)
    now: float = 0.0
    _waiting: list[Observation] = field(default_factory=list)

    async def run(self) -> Ended:
        baseline, threshold = self._past()
        started = self._started()
        ledger = Ledger.begin(self._terms(started), baseline)
        state = _State(ledger=ledger, decision=begin(started))
        state.carry_out(self.now)
        verdict = judge(ledger, at=self.now)
        while not state.rollout.phase.is_final and not state.rollout.undecided and self.now < _MOST:
            await self._serve(ledger, state.rollout)
            verdict = judge(ledger, at=self.now)
            state.on(Judged(at=self.now, verdict=verdict, watched=LOOK), self.now)
        self._let_the_rule_end(threshold)
        worst = max(verdict.findings, key=lambda finding: finding.share)
        return Ended(
            phase=state.rollout.phase,
            seconds=self.now - started.at,
            verdict=verdict,
            blamed=worst.metric.value if verdict.outcome is Outcome.FAIL else "",
            tally=self.tally,
            threshold=threshold,
        )

    # ------------------------------------------------------------------ traffic

    async def _serve(self, ledger: Ledger, rollout: Rollout) -> None:
        """So much traffic as fits between two looks, with its samples and pairs."""
        share = rollout.weight / FULL
        served = list(self.world.serve(self.now, LOOK, share=share))
        self.now += LOOK
        self.tally.requests += len(served)
        self.tally.candidate += sum(one.observation.environment == CANDIDATE for one in served)
        self._fold(ledger, (self._priced(one.observation) for one in served))
        for one in served:
            await self._sample(ledger, one, share)
            await self._shadow(ledger, one, rollout)

    def _fold(self, ledger: Ledger, observations: Iterable[Observation]) -> None:
        """What has ended by now; the rest is still under way."""
        self._waiting.extend(observations)
        ended = [one for one in self._waiting if one.at <= self.now]
        self._waiting = [one for one in self._waiting if one.at > self.now]
        if ended:
            ledger.fold(ended)

    def _priced(self, observation: Observation) -> Observation:
        return replace(observation, cost=self.prices.cost(model=observation.response_model, usage=_usage(observation)))

    # ------------------------------------------------------------------ samples and pairs

    async def _sample(self, ledger: Ledger, one: Served, share: float) -> None:
        """The same number of samples of each side, whatever its share of the traffic."""
        quality = self.service.quality
        own = share if one.observation.environment == CANDIDATE else 1.0 - share
        if quality is None or own == 0.0:
            return
        if self.generator.random() >= quality.sampling.per_minute / 60.0 / (self.world.rate * own):
            return
        self.tally.samples += 1
        sample = await self._scored(one)
        ledger.score([self.scoring.scored(sample, cost=one.observation.cost)])

    async def _shadow(self, ledger: Ledger, one: Served, rollout: Rollout) -> None:
        shadow = self.service.quality.shadow if self.service.quality else None
        if shadow is None or one.observation.environment != STABLE or self.generator.random() >= shadow.rate:
            return
        again = self.world.again(one, CANDIDATE)
        pair = ComparedPair(
            id=one.id,
            rollout=rollout.id,
            at=self.now,
            kind=PairKind.SHADOW,
            stable=await self._scored(one),
            other=await self._scored(again),
        )
        pair = replace(pair, scores=await self.scoring.compare(pair))
        word = self.scoring.word(pair)
        self.tally.pairs += 1
        paid = self._priced(again.observation).cost
        self.tally.spent += (paid or 0.0) + sum(score.cost for score in pair.scores)
        ledger.pair(
            [
                Pair(
                    at=self.now,
                    stable=_answer(self._priced(one.observation), None if word.quality is None else 0.5),
                    candidate=_answer(self._priced(again.observation), word.quality),
                    scorer=word.scorer,
                    similarity=word.similarity,
                )
            ]
        )

    async def _scored(self, one: Served) -> Sample:
        sample = self.reader.read(one.exchange()).sample
        words = await self.scoring.score(sample)
        self.tally.spent += sum(word.cost for word in words)
        return replace(sample, scores=words)

    def _let_the_rule_end(self, threshold: Threshold) -> None:
        """The simple rule sees as many answers as it needs, whatever became of the rollout meanwhile."""
        while not threshold.is_over:
            for one in self.world.serve(self.now, LOOK, share=1.0):
                threshold.look(_graded(one))

    # ------------------------------------------------------------------ beginning

    def _past(self) -> tuple[Baseline, Threshold]:
        """Stable served before the rollout: that is its baseline, and the simple rule's."""
        baseline, served = Baseline(), list(self.world.serve(0.0, PAST / self.world.rate, share=0.0))
        baseline.fold([self._priced(one.observation) for one in served], stable=STABLE)
        self.now = PAST / self.world.rate
        return baseline, Threshold(baseline=sum(map(_graded, served)) / len(served))

    def _started(self) -> Started:
        return Started(
            at=self.now,
            actor="benchmark",
            rollout="simulated-1",
            service=self.service.name,
            strategy=self.service.strategy,
            guardrails=self.service.guardrails,
            stable=Side(environment=STABLE, release=Release.of(version="1")),
            candidate=Side(environment=CANDIDATE, release=Release.of(version="2")),
            sticky=None,
            salt="",
        )

    def _terms(self, event: Started) -> Terms:
        measured = Measured.by(self.service.quality, gates=self.scoring.grades, refusals=self.scoring.tells_refusals)
        return terms_of(event, self.service, measured)


@dataclass(kw_only=True, slots=True)
class _State:
    """A rollout that is decided on, and the ledger that is told of its splits."""

    ledger: Ledger
    decision: Decision

    @property
    def rollout(self) -> Rollout:
        return self.decision.rollout

    def on(self, event: Event, now: float) -> None:
        self.decision = decide(self.rollout, event)
        self.carry_out(now)

    def carry_out(self, now: float) -> None:
        for command in self.decision.commands:
            if isinstance(command, ApplySplit):
                self.ledger.expect(now, command.weight / FULL)
                self.on(SplitApplied(at=now, weight=command.weight), now)
                return


def _usage(observation: Observation) -> Usage:
    return Usage(input=observation.input_tokens, output=observation.output_tokens)


def _answer(observation: Observation, quality: float | None) -> Answer:
    return Answer(failed=observation.failed, quality=quality, cost=observation.cost, refusal=observation.refusal)


def _graded(one: Served) -> float:
    """What a judge of single answers would give it."""
    said = one.answered.text or f"{one.answered.tool} {one.answered.arguments}"
    return worth(one.question.text, said)
