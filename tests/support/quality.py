"""Fakes for the parts around samples and pairs: a till, prices, a bench and a judge that remember what they were given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from verdigris.controller.clock import Clock
from verdigris.controller.quality.health import Tries
from verdigris.controller.quality.parts import PairWord, Words
from verdigris.controller.quality.price import Estimator
from verdigris.controller.quality.reader import Reader
from verdigris.controller.quality.shadow import Shadowing
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreError
from verdigris.core.model.pair import Pair
from verdigris.core.model.quality import Budget, Shadow
from verdigris.core.model.reading import Usage
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.sample import Exchange, Sample
from verdigris.core.model.score import Score, Scored
from verdigris.core.model.service import Telemetry
from verdigris.ports import Reservation, Unanswered
from verdigris.testing.builders import START, a_rollout


@dataclass(kw_only=True)
class FakeTill:
    """Keeps one purse. `broken` makes every call fail."""

    reserved: dict[int, float] = field(default_factory=dict)
    settled: float = 0.0
    requests: int = 0
    highest: float = 0.0
    broken: bool = False
    settlements: list[float | None] = field(default_factory=list)

    async def reserve(
        self, purse: str, amount: float | None, *, budget: Budget, rollout: str, at: float
    ) -> Reservation | None:
        self._check()
        if amount is None:
            if budget.requests is None or self.requests >= budget.requests:
                return None
            self.requests += 1
        limits = [limit for limit in (budget.per_day, budget.per_rollout) if limit is not None]
        if any(self.total + (amount or 0.0) > limit for limit in limits):
            return None
        reservation = Reservation(id=len(self.settlements) + len(self.reserved), purse=purse, amount=amount or 0.0)
        self.reserved[reservation.id] = reservation.amount
        self.highest = max(self.highest, self.total)
        return reservation

    async def settle(self, reservation: Reservation, spent: float | None) -> None:
        self._check()
        amount = self.reserved.pop(reservation.id)
        self.settlements.append(spent)
        self.settled += amount if spent is None else spent
        self.highest = max(self.highest, self.total)

    async def spent(self, purse: str, *, rollout: str, at: float) -> tuple[float, float]:
        self._check()
        return self.total, self.total

    @property
    def total(self) -> float:
        return self.settled + sum(self.reserved.values())

    def _check(self) -> None:
        if self.broken:
            raise StoreError("samples.db cannot grow: the disk is full")


@dataclass(kw_only=True)
class FakePrices:
    """USD per token of the models it knows."""

    tokens: dict[str, float] = field(default_factory=lambda: {"small": 1e-6})

    def load(self) -> None: ...

    def cost(self, *, model: str | None, usage: Usage) -> float | None:
        if model not in self.tokens or usage.input is None or usage.output is None:
            return None
        return self.tokens[model] * (usage.input + usage.output)

    def most(self, *, model: str | None, input_tokens: int, output_tokens: int) -> float | None:
        return self.tokens[model] * (input_tokens + output_tokens) if model in self.tokens else None


@dataclass(kw_only=True)
class FakeScoring:
    """Says `quality` of every sample and `value` of every pair; waits for `gate` where there is one."""

    value: float | None = 0.7
    gate: asyncio.Event | None = None
    samples: list[Sample] = field(default_factory=list)
    pairs: list[ComparedPair] = field(default_factory=list)
    fails: bool = False
    failing: dict[str, float] = field(default_factory=dict)
    grades: bool = False
    tells_refusals: bool = False
    tries: tuple[Tries, ...] = ()
    rollout: Callable[[], str] = str

    def spends_for(self, rollout: Callable[[], str]) -> None:
        self.rollout = rollout

    async def close(self) -> None: ...

    async def score(self, sample: Sample) -> Words:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise RuntimeError("a bug")
        self.samples.append(sample)
        return (Score(scorer="heuristics", version="1", passed=bool(sample.output), cost=0.001),)

    async def compare(self, pair: ComparedPair) -> Words:
        self.pairs.append(pair)
        return (Score(scorer="judge", version="j1", value=self.value, cost=0.01),)

    def scored(self, sample: Sample, *, cost: float | None) -> Scored:
        return Scored(
            at=sample.at,
            began=sample.began,
            environment=sample.environment,
            defect=not sample.output,
            refusal=False,
            cost=cost,
        )

    def word(self, pair: ComparedPair) -> PairWord:
        value = next((word.value for word in pair.scores if isinstance(word, Score)), None)
        return PairWord(quality=value, scorer="j1" if value is not None else "")


@dataclass(kw_only=True)
class FakeJudging:
    scored: list[Scored] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    failing: dict[str, float] = field(default_factory=dict)

    def scorers(self, failing: dict[str, float]) -> None:
        self.failing = dict(failing)

    def score(self, scored: list[Scored]) -> None:
        self.scored += scored

    def pair(self, rollout: str, pairs: list[Pair]) -> None:
        self.pairs += pairs


@dataclass(kw_only=True)
class FakeResender:
    """Answers with `answer` of what it was sent; `sent` keeps to whom and with which headers."""

    answer: Callable[[Exchange], Exchange | Unanswered] = lambda exchange: exchange
    gate: asyncio.Event | None = None
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def send(self, exchange, *, to, headers, patience, largest) -> Exchange | Unanswered:
        self.sent.append((to, dict(headers)))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self.answer(exchange)
        finally:
            self.under_way -= 1

    async def close(self) -> None: ...


SAFE = Shadow(paths=("/api/process",), rate=1.0, self_pairs=0.0, budget=Budget(per_day=1.0))


def plain(text: str) -> tuple[str, int]:
    return text.replace("ada@example.com", "[email]"), text.count("ada@example.com")


@dataclass(kw_only=True)
class Bench:
    """Everything around a Shadowing, to be changed before it is made and looked at afterwards."""

    use: Shadow = SAFE
    rollout: Rollout | None = field(default_factory=a_rollout)
    till: FakeTill = field(default_factory=FakeTill)
    prices: FakePrices = field(default_factory=FakePrices)
    scoring: FakeScoring = field(default_factory=FakeScoring)
    judging: FakeJudging = field(default_factory=FakeJudging)
    resender: object = field(default_factory=FakeResender)
    kept: list[object] = field(default_factory=list)
    paid: list[float | None] = field(default_factory=list)
    copied: float | None = 1.0
    model: str | None = "small"
    urls: dict[str, str] = field(default_factory=lambda: {"blue": "http://blue", "green": "http://green"})

    def __post_init__(self) -> None:
        self.reader = Reader(telemetry=Telemetry(), redact=plain, prompts={"blue": "Be brief."})
        self.estimator = Estimator(self.prices, model=self.model, declared={})

    def shadowing(self) -> Shadowing:
        return Shadowing(
            use=self.use,
            urls=self.urls,
            largest=1 << 16,
            reader=self.reader,
            resender=self.resender,
            estimator=self.estimator,
            till=self.till,
            scoring=self.scoring,
            judging=self.judging,
            rollout=lambda: self.rollout,
            share=lambda _: self.copied,
            keep=self.kept.append,
            clock=Clock(now=lambda: START, monotonic=lambda: START),
            paid=lambda _, usd: self.paid.append(usd),
        )

    async def offer(self, shadowing: Shadowing, *exchanges: Exchange) -> int:
        """Gives them as the pipeline would; how many were drawn."""
        drawn = [exchange for exchange in exchanges if shadowing.draws(exchange)]
        for exchange in drawn:
            taken = self.reader.read(exchange)
            self.estimator.learn(exchange.environment, taken.sample.reading)
            shadowing.offer(exchange, replace(taken, sample=taken.sample))
        return len(drawn)


async def until(condition: Callable[[], object], patience: float = 20.0) -> None:
    """Waits for a condition; fails where it does not come true in time."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 -- the condition is a test's own, and has no event
            await asyncio.sleep(0.001)
