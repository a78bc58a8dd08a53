"""The work on samples is told to the meters: words, pairs, and the money of second answers."""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

from support.quality import SAFE, FakeJudging, FakePrices, FakeResender, FakeScoring, until
from verdigris.adapters.samples.archive import MemoryArchive
from verdigris.adapters.samples.till import MemoryTill
from verdigris.controller.clock import Clock
from verdigris.controller.quality.face import QualityPlugs, QualityWork
from verdigris.controller.quality.health import Tries
from verdigris.controller.telemetry.meters import Meters
from verdigris.core.model.quality import Budget, Quality, ScorerUse
from verdigris.core.model.sample import Exchange
from verdigris.ports import Copied
from verdigris.testing.builders import START, a_rollout, a_service
from verdigris.testing.samples import an_exchange

JUDGE = ScorerUse(use="judge", budget=Budget(per_day=5.0))
QUALITY = Quality(shadow=SAFE, scorers=(ScorerUse(use="heuristics"), JUDGE))


@dataclass
class FewCopies:
    """Delivers what it was given, once."""

    exchanges: list[Exchange] = field(default_factory=list)

    async def open(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        if not self.exchanges:
            await asyncio.sleep(0.01)

    def collect(self, limit: int) -> Copied:
        taken, self.exchanges[:limit] = self.exchanges[:limit], []
        return Copied(exchanges=tuple(taken))

    async def close(self) -> None: ...


def work(meters: Meters, till: MemoryTill, exchanges: list[Exchange]) -> QualityWork:
    plugs = QualityPlugs(
        source=FewCopies(exchanges),
        archive=MemoryArchive(),
        till=till,
        prices=FakePrices(),
        resender=FakeResender(answer=lambda exchange: replace(exchange, environment="green")),
        scoring=FakeScoring(),
        clock=Clock(now=lambda: START, monotonic=lambda: START),
    )
    service = a_service(quality=QUALITY)
    service = replace(service, telemetry=replace(service.telemetry, model="small"))
    return QualityWork(service, QUALITY, plugs, judging=FakeJudging(), rollout=a_rollout, meters=meters)


async def told() -> tuple[dict[tuple[str, str], float], tuple]:
    """Sums by family and its own label, after three exchanges were scored and paired; and what is left in each purse."""
    meters = Meters("summarizer", rollout=a_rollout, stable=lambda: "blue")
    doing = work(meters, MemoryTill(), [an_exchange(id=f"request-{number}") for number in range(3)])
    running = asyncio.create_task(doing.run())
    await until(lambda: doing.shadowing is not None and doing.shadowing.made.total() == 3)
    money = await doing.money("r1")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await doing.close()
    sums: dict[tuple[str, str], float] = {}
    for family in meters.families():
        for point in family.points:
            key = family.name, dict(point.labels).get("kind") or dict(point.labels).get("outcome") or ""
            sums[key] = sums.get(key, 0.0) + point.value
        for spread in family.spreads:
            sums[family.name, dict(spread.labels)["scorer"]] = spread.sum
    return sums, money


def test_words_pairs_and_money_are_counted():
    """Each second answer reports $0.002; each sample and each second answer is scored for $0.001, each pair for $0.01."""
    sums, money = asyncio.run(told())
    assert sums["pairs", "unscored"] == 3, "the judge's word has no label here"
    assert round(sums["cost_usd", "shadow"], 9) == 0.006
    assert round(sums["cost_usd", "judge"], 9) == 0.036
    assert round(sums["scores", "judge"], 9) == 2.1
    left = {purse.purse: round(purse.remaining, 9) for purse in money}
    assert left == {"shadow": 0.994, "scorer:judge": 5.0}


def test_what_a_scorer_without_a_budget_of_its_own_spends_is_told_too():
    """Such as one of another package: it has the budget that scorers have by default."""
    till = MemoryTill()
    doing = work(Meters("summarizer", rollout=a_rollout, stable=lambda: "blue"), till, [])
    doing._plugs.scoring.tries = (Tries(scorer="foreign", cost=0.5), Tries(scorer="heuristics"))

    async def story():
        await till.reserve("scorer:foreign", 0.5, budget=Budget(), rollout="r1", at=START)
        return await doing.money("r1")

    assert {purse.purse: purse.remaining for purse in asyncio.run(story())} == {
        "shadow": 1.0,
        "scorer:judge": 5.0,
        "scorer:foreign": 4.5,
    }
