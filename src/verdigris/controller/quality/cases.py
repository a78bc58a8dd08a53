"""Declared cases while a rollout runs: one at a time, asked of both sides, so that a change behind either is seen.

Cases are shown beside the evidence and are none of it: the same few inputs again and again are no sample of the traffic.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from verdigris.cases.model import Case, CaseResult
from verdigris.cases.run import Endpoint, Manner, Spend, freely, run_case
from verdigris.controller.clock import Clock
from verdigris.controller.quality.parts import Judging, RolloutNow
from verdigris.controller.quality.reader import Reader
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.core.model.service import Telemetry
from verdigris.ports import Prices, Resender

LOOK = 1.0
"""Seconds between two looks for a rollout that began."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRounds:
    """Asks the next case every `interval` seconds; hands pairs to `keep` and what they say to the judge. `book` counts money.

    `made` counts since the controller began: pairs made, and answers that did not come.
    """

    cases: Sequence[Case]
    interval: float
    urls: Mapping[str, str]
    resender: Resender
    reader: Reader
    judging: Judging
    rollout: RolloutNow
    keep: Callable[[ComparedPair], object]
    telemetry: Telemetry = field(default_factory=Telemetry)
    prices: Prices | None = None
    manner: Manner = field(default_factory=Manner)
    spend: Spend = freely
    book: Callable[[float], Awaitable[None]] | None = None
    clock: Clock = field(default_factory=Clock)
    made: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Until cancelled."""
        cases = itertools.cycle(self.cases)
        while True:
            rollout = self.rollout()
            if rollout is not None:
                await self.ask(next(cases), rollout)
            await asyncio.sleep(LOOK if rollout is None else self.interval)

    async def ask(self, case: Case, rollout: Rollout) -> ComparedPair | None:
        """One case of both sides at once; None where a side gave no answer to look at."""
        ours, theirs = await asyncio.gather(self._asked(case, rollout.stable), self._asked(case, rollout.candidate))
        stable, other = await self._sample(ours), await self._sample(theirs)
        at = self.clock.now()
        self.judging.pair(rollout.id, [_evidence(at, ours, theirs, self._version)])
        if stable is None or other is None:
            self.made["unanswered"] += 1
            return None
        self.made["pairs"] += 1
        pair = ComparedPair(
            id=f"{other.id}-{stable.id}",
            rollout=rollout.id,
            at=at,
            kind=PairKind.CASE,
            stable=stable,
            other=other,
            spent=_spent(ours, theirs),
            case=case.id,
        )
        self.keep(pair)
        return pair

    async def _asked(self, case: Case, side: Side) -> CaseResult:
        endpoint = Endpoint.of(
            side.environment,
            side.release,
            url=self.urls[side.environment],
            telemetry=self.telemetry,
            prices=self.prices,
        )
        result = await run_case(case, endpoint, self.resender, manner=self.manner, spend=self.spend)
        if self.book is not None:
            await self.book(result.answer_cost or 0.0)
        return result

    async def _sample(self, result: CaseResult) -> Sample | None:
        """The answer as it may be kept, with each rule's word."""
        if result.exchange is None:
            return None
        taken = await self.reader.take(result.exchange)
        return replace(taken.sample, scores=tuple(map(self._cleaned, _words(result, self._version))))

    def _cleaned(self, word: Score | ScoreFailure) -> Score | ScoreFailure:
        """A judge may quote what it looked at."""
        if isinstance(word, Score):
            return replace(word, explanation=self.reader.redact(word.explanation)[0])
        return replace(word, reason=self.reader.redact(word.reason)[0])

    @property
    def _version(self) -> str:
        """Changes with what is asked and what the answers must hold."""
        asked = [(case.id, case.question.body, case.weight, repr(case.rules)) for case in self.cases]
        return f"cases-{hashlib.sha256(repr(asked).encode()).hexdigest()[:12]}"


def _words(result: CaseResult, version: str) -> tuple[Score | ScoreFailure, ...]:
    """A word of each rule, and one of the whole case."""
    words: list[Score | ScoreFailure] = [
        ScoreFailure(
            scorer=f"case-{each.rule}",
            version=version,
            trouble=Trouble.UNREADABLE,
            reason=each.said,
            cost=each.cost,
        )
        if each.value is None
        else Score(scorer=f"case-{each.rule}", version=version, value=each.value, explanation=each.said, cost=each.cost)
        for each in result.findings
    ]
    if result.score is not None:
        words.append(Score(scorer="case", version=version, value=result.score, explanation=result.why()))
    return tuple(words)


def _spent(*results: CaseResult) -> float | None:
    """What is known of it: None where nothing is."""
    known = [result.cost for result in results if result.cost is not None]
    return sum(known) if known else None


def _evidence(at: float, ours: CaseResult, theirs: CaseResult, version: str) -> Pair:
    return Pair(at=at, stable=_answer(ours), candidate=_answer(theirs), scorer=version, kind=PairKind.CASE)


def _answer(result: CaseResult) -> Answer:
    failed = not 200 <= result.status < 500
    if failed or result.sample is None:
        return Answer(failed=failed)
    return Answer(quality=result.score, cost=result.answer_cost, refusal=result.sample.reading.refusal)
