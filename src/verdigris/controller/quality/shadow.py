"""Shadow pairs: what stable was asked is asked of the candidate too, within a budget, and the answers compared.

Money is set aside before a request is sent and settled when its answer is known; what is killed in between counts as spent.
A pair passes the gateway by, so it is no Observation; live traffic never waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from verdigris.controller.clock import Clock
from verdigris.controller.quality.parts import Judging, RolloutNow, Scoring, Words
from verdigris.controller.quality.price import Estimator
from verdigris.controller.quality.reader import Reader, Taken
from verdigris.controller.quality.safe import Dropped, lot, unfit
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.errors import StoreError
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.quality import Shadow
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.sample import Exchange, Sample
from verdigris.ports import Resender, Reservation, Till, Unanswered

PURSE = "shadow"
WAITING = 4
"""Requests that wait for each one that may be under way."""

_UNANSWERED = {"timeout": Dropped.TIMEOUT, "failed": Dropped.FAILED, "cut": Dropped.CUT}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A request that was drawn for a pair; `taken` holds stable's answer with the words on it."""

    rollout: Rollout
    kind: PairKind
    exchange: Exchange
    taken: Taken

    @property
    def side(self) -> Side:
        return self.rollout.stable if self.kind is PairKind.SELF else self.rollout.candidate


class Shadowing:
    """Draws requests, sends them, and hands on what came back. `dropped`, `made` and `overruns` count since the controller began.

    An overrun is an answer that cost more than was set aside for it.
    """

    def __init__(
        self,
        *,
        use: Shadow,
        urls: Mapping[str, str],
        largest: int,
        reader: Reader,
        resender: Resender,
        estimator: Estimator,
        till: Till,
        scoring: Scoring,
        judging: Judging,
        rollout: RolloutNow,
        share: Callable[[str], float | None],
        keep: Callable[[ComparedPair], object],
        clock: Clock,
        paid: Callable[[str, float | None], object] = lambda *_: None,
    ) -> None:
        """`share` tells which share of an environment's requests is copied now; `keep` is handed every pair that was made.

        `paid` is told the environment and the USD of each request that was sent, None where neither answer nor price says it.
        """
        self._use = use
        self._urls = dict(urls)
        self._largest = largest
        self._reader = reader
        self._resender = resender
        self._estimator = estimator
        self._till = till
        self._scoring = scoring
        self._judging = judging
        self._rollout = rollout
        self._share = share
        self._keep = keep
        self._clock = clock
        self._paid = paid
        self._queue: asyncio.Queue[Drawn] = asyncio.Queue(maxsize=max(1, use.concurrency) * WAITING)
        self.dropped: Counter[Dropped] = Counter()
        self.made: Counter[PairKind] = Counter()
        self.overruns = 0

    # ------------------------------------------------------------------ drawing

    def draws(self, exchange: Exchange) -> bool:
        """Whether this exchange shall make a pair. One that may not is counted with its reason."""
        rollout = self._rollout()
        if rollout is None or exchange.environment != rollout.stable.environment:
            return False
        copied = self._share(exchange.environment) or 1.0
        if lot(exchange.id, "pair") >= self._use.rate / copied:
            return False
        why = unfit(exchange, self._use.paths)
        if why is not None:
            self.dropped[why] += 1
        return why is None

    def offer(self, exchange: Exchange, taken: Taken) -> None:
        """Takes a drawn exchange with stable's scored answer, unless too many wait already."""
        rollout = self._rollout()
        if rollout is None:
            self.dropped[Dropped.OVER] += 1
            return
        kind = PairKind.SELF if lot(exchange.id, "self") < self._use.self_pairs else PairKind.SHADOW
        try:
            self._queue.put_nowait(Drawn(rollout=rollout, kind=kind, exchange=exchange, taken=taken))
        except asyncio.QueueFull:
            self.dropped[Dropped.BUSY] += 1

    # ------------------------------------------------------------------ pairing

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(max(1, self._use.concurrency)):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            drawn = await self._queue.get()
            try:
                await self._make(drawn)
            except Exception as error:  # noqa: BLE001 -- one pair is lost, and counted
                self._drop(Dropped.FAILED)
                _log.warning("a pair could not be made: %s", type(error).__name__)

    async def _make(self, drawn: Drawn) -> None:
        if not self._is_on(drawn):
            return self._drop(Dropped.OVER)
        most = self._most(drawn)
        reservation = await self._reserve(drawn, most)
        if isinstance(reservation, Dropped):
            return self._drop(reservation)
        answer = await self._send(drawn)
        if isinstance(answer, Unanswered):
            await self._settle(drawn, reservation, self._wasted(drawn, answer, most), most)
            if self._is_on(drawn):
                self._judging.pair(drawn.rollout.id, [self._silence(drawn)])
            return self._drop(_UNANSWERED[answer.why])
        other = await self._reader.take(
            replace(answer, environment=drawn.side.environment, release=drawn.side.release.id)
        )
        self._estimator.learn(other.sample.environment, other.sample.reading)
        spent = self._estimator.cost(other.sample.environment, other.sample.reading)
        self.overruns += most is not None and spent is not None and spent > most
        await self._settle(drawn, reservation, spent, most)
        await self._compare(drawn, other.sample, spent)
        return None

    def _drop(self, why: Dropped) -> None:
        self.dropped[why] += 1

    def _is_on(self, drawn: Drawn) -> bool:
        now = self._rollout()
        return now is not None and now.id == drawn.rollout.id

    async def _send(self, drawn: Drawn) -> Exchange | Unanswered:
        stamps = {
            "X-Shadow": "1",
            "X-Deploy-Env": drawn.side.environment,
            "X-Release-Id": drawn.side.release.id,
            "X-Request-Id": drawn.exchange.id,
        }
        return await self._resender.send(
            drawn.exchange,
            to=self._urls[drawn.side.environment],
            headers=stamps,
            patience=self._use.timeout,
            largest=self._largest,
        )

    # ------------------------------------------------------------------ money

    def _most(self, drawn: Drawn) -> float | None:
        return self._estimator.most(
            drawn.side.environment,
            model=drawn.taken.model,
            size=drawn.taken.size,
            input_tokens=drawn.taken.sample.reading.usage.input,
            output_tokens=drawn.taken.sample.reading.usage.output,
            max_tokens=drawn.taken.max_tokens,
        )

    def _wasted(self, drawn: Drawn, answer: Unanswered, most: float | None) -> float | None:
        """USD of what is no whole answer; None for what was set aside. One that was cut off may be far longer than was thought."""
        if not answer.was_sent:
            return 0.0
        if answer.why != "cut" or most is None or "stream" in drawn.exchange.response_headers.get("content-type", ""):
            return None
        self._estimator.learn_size(drawn.side.environment, self._largest)
        longer = self._most(drawn)
        if longer is None or longer <= most:
            return None
        self.overruns += 1
        return longer

    async def _reserve(self, drawn: Drawn, most: float | None) -> Reservation | Dropped:
        budget = self._use.budget
        if most is None and budget.requests is None:
            return Dropped.NO_PRICE
        try:
            reservation = await self._till.reserve(
                PURSE, most, budget=budget, rollout=drawn.rollout.id, at=self._clock.now()
            )
        except StoreError as error:
            _log.warning("nothing is sent for pairs: %s", error)
            return Dropped.NO_TILL
        return reservation or Dropped.BUDGET

    async def _settle(self, drawn: Drawn, reservation: Reservation, spent: float | None, most: float | None) -> None:
        self._paid(drawn.side.environment, most if spent is None else spent)
        try:
            await self._till.settle(reservation, spent)
        except StoreError as error:
            _log.warning("a pair's cost stays as reserved: %s", error)

    # ------------------------------------------------------------------ comparing

    async def _compare(self, drawn: Drawn, other: Sample, spent: float | None) -> None:
        if not other.failed:
            other = replace(other, scores=await self._scoring.score(other))
        pair = ComparedPair(
            id=drawn.exchange.id,
            rollout=drawn.rollout.id,
            at=self._clock.now(),
            kind=drawn.kind,
            stable=drawn.taken.sample,
            other=other,
            spent=spent,
        )
        if not (pair.stable.failed or other.failed):
            words = await self._scoring.compare(pair)
            pair = replace(pair, scores=words, spent=_sum(spent, words, other.scores))
        self.made[pair.kind] += 1
        self._keep(pair)
        if self._is_on(drawn):
            self._judging.pair(pair.rollout, [self._evidence(pair)])
        self._judging.scorers(self._scoring.failing)

    def _silence(self, drawn: Drawn) -> Pair:
        first, nothing = drawn.taken.sample, Answer()
        return Pair(
            at=self._clock.now(),
            stable=nothing,
            candidate=nothing,
            stratum=first.stratum,
            kind=drawn.kind,
            unit=first.unit,
            unanswered=True,
        )

    def _evidence(self, pair: ComparedPair) -> Pair:
        word = self._scoring.word(pair)
        return Pair(
            at=pair.at,
            stable=self._answer(pair.stable, None if word.quality is None else 0.5),
            candidate=self._answer(pair.other, word.quality),
            stratum=pair.stable.stratum,
            scorer=word.scorer,
            kind=pair.kind,
            similarity=word.similarity,
            unit=pair.stable.unit,
        )

    def _answer(self, sample: Sample, quality: float | None) -> Answer:
        if sample.failed:
            return Answer(failed=True)
        cost = self._estimator.afresh(sample.environment, sample.reading)
        refusal = self._scoring.scored(sample, cost=cost).refusal
        return Answer(quality=quality, cost=cost, refusal=refusal)


def _sum(spent: float | None, *words: Words) -> float | None:
    """The answer's cost with that of all words; unknown where the answer's is."""
    return None if spent is None else spent + sum(word.cost for each in words for word in each)
