"""The bench bounds what scorers may take: time, money, tries, places; what fails is a failure, never a word."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest

from support.quality import FakeTill
from verdigris.controller.quality.bench import FEWEST, LATEST, MOST_WAITING, Bench, Seat
from verdigris.controller.quality.worker import Worker
from verdigris.core.model.quality import Budget, ScorerUse
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.core.reading.sound import sound
from verdigris.testing.samples import a_compared_pair, a_sample

SAMPLE = a_sample()


@dataclass(kw_only=True)
class Plug:
    """Answers with each of `words` in turn, the last one for ever; one that is an exception is raised, a function is awaited."""

    words: list[Any]
    is_free: bool = True
    price: float | None = 0.25
    version: str = "v1"
    name: str = "plug"
    asked: int = 0

    async def score(self, _: Any) -> Any:
        self.asked += 1
        word = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        if isinstance(word, BaseException):
            raise word
        return await word() if callable(word) else word

    def most(self, _: Any) -> float | None:
        return self.price


def word(**members: Any) -> Score:
    return Score(scorer="x", version="x", **members)


def failure(trouble: Trouble, **members: Any) -> ScoreFailure:
    return ScoreFailure(scorer="x", version="x", trouble=trouble, reason="because", **members)


@dataclass(kw_only=True)
class Slept:
    pauses: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def a_bench(plug: Plug, *, till: FakeTill | None = None, sleep: Callable[[float], Any] = Slept(), **use: Any) -> Bench:  # noqa: B008
    seat = Seat(use=ScorerUse(use="plug", **use), plug=plug, gates=True)
    return Bench(seats=[seat], till=till or FakeTill(), rollout=lambda: "ro-1", sleep=sleep)


def said(bench: Bench) -> Score | ScoreFailure:
    (only,) = asyncio.run(bench.score(SAMPLE))
    return only


# ------------------------------------------------------------------ words


def test_a_word_stands_under_its_scorers_own_name_and_version():
    plug = Plug(words=[word(value=0.5, label="fine")])
    assert said(a_bench(plug, name="mine")) == Score(scorer="mine", version="v1", value=0.5, label="fine")


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan"), pytest.param(10**400, id="huge"), "0.5", True, [1]])
def test_a_value_outside_its_range_is_no_word(value):
    found = said(a_bench(Plug(words=[word(value=value, cost=0.1)])))
    assert isinstance(found, ScoreFailure)
    assert (found.trouble, found.cost) == (Trouble.UNREADABLE, 0.1)


def test_what_plugs_of_others_answer_is_bounded():
    found = sound(
        word(value=1, label="l" * 9_999, explanation="e" * 9_999, cost=-4.0, traits={str(n): "t" for n in range(99)}),
        called="mine",
        version="v",
    )
    assert isinstance(found, Score)
    assert (len(found.label), len(found.explanation), found.cost, len(found.traits)) == (500, 500, 0.0, 8)
    assert sound(word(passed="yes"), called="m", version="v").trouble is Trouble.UNREADABLE
    assert sound("good", called="m", version="v").trouble is Trouble.CRASHED
    assert sound(failure("odd", cost="much", again_after="soon"), called="m", version="v") == ScoreFailure(
        scorer="m", version="v", trouble=Trouble.UNREADABLE, reason="because"
    )


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError


def test_what_cannot_be_written_or_sent_is_left_out_of_a_word():
    found = sound(
        word(value=1, label=Unwritable(), explanation="half \ud800", traits={"a": "\udc00"}), called="m", version="v"
    )
    assert (found.label, found.explanation, found.traits) == ("", "half \ufffd", {"a": "\ufffd"})
    assert sound(word(value=1, cost=10**400), called="m", version="v").cost == 0.0
    assert sound(word(value=1, label="\N{GRINNING FACE}"), called="m", version="v").label == "\N{GRINNING FACE}"


def test_what_a_scorer_raises_is_its_failure_and_not_quoted():
    found = said(a_bench(Plug(words=[RuntimeError("the prompt was: secret")])))
    assert found.trouble is Trouble.CRASHED
    assert "secret" not in found.reason
    assert "RuntimeError" in found.reason


def test_a_plug_is_asked_for_its_version_once_and_closed_only_where_it_ran():
    """One of another package may read a large file to tell its version, or take long to close: the controller's loop does neither."""

    class Heavy:
        is_free = True
        told = closed = 0

        @property
        def version(self) -> str:
            self.told += 1
            return "v1"

        async def score(self, _: Any) -> Score:
            return word(value=1.0)

        async def close(self) -> None:
            self.closed += 1

    beside, here = Heavy(), Heavy()
    use = ScorerUse(use="plug")
    seats = [Seat(use=use, plug=beside, gates=True, worker=Worker(scorers=[])), Seat(use=use, plug=here, gates=True)]
    bench = Bench(seats=seats[1:], till=FakeTill(), rollout=str)
    for _ in range(3):
        asyncio.run(bench.score(SAMPLE))
    assert (bench.tries[0].tries, here.told) == (3, 1)
    asyncio.run(Bench(seats=seats, till=FakeTill(), rollout=str).close())
    assert (beside.closed, here.closed) == (0, 1)


def test_only_who_speaks_of_pairs_is_asked_of_pairs():
    assert asyncio.run(a_bench(Plug(words=[word(value=1.0)])).compare(a_compared_pair())) == ()


# ------------------------------------------------------------------ time and tries


def test_a_slow_scorer_is_a_failure_after_its_timeout():
    async def never() -> None:
        await asyncio.Event().wait()

    plug = Plug(words=[never])
    found = said(a_bench(plug, timeout=0.01, retries=1))
    assert found.trouble is Trouble.TIMEOUT
    assert plug.asked == 2


@pytest.mark.parametrize(
    ("trouble", "tries"),
    [
        (Trouble.TIMEOUT, 3),
        (Trouble.UNREACHABLE, 3),
        (Trouble.THROTTLED, 3),
        (Trouble.REFUSED, 1),
        (Trouble.UNREADABLE, 1),
        (Trouble.CRASHED, 1),
    ],
)
def test_what_may_pass_is_tried_again_and_nothing_else(trouble, tries):
    plug = Plug(words=[failure(trouble)])
    assert said(a_bench(plug, retries=2)).trouble is trouble
    assert plug.asked == tries


def test_it_waits_longer_each_time_and_as_long_as_it_is_asked_to():
    slept = Slept()
    throttled = failure(Trouble.THROTTLED, again_after=7.0)
    plug = Plug(words=[failure(Trouble.UNREACHABLE), failure(Trouble.UNREACHABLE), throttled, word(value=1.0)])
    assert said(a_bench(plug, retries=3, sleep=slept)).value == 1.0
    assert slept.pauses == [0.5, 1.0, 7.0]


def test_no_wait_is_longer_than_its_bound():
    slept = Slept()
    said(a_bench(Plug(words=[failure(Trouble.THROTTLED, again_after=1e9), word(value=1.0)]), sleep=slept))
    assert slept.pauses == [30.0]


def test_only_so_many_run_at_once_and_only_so_many_wait():
    running, most, gate = 0, 0, asyncio.Event()

    async def one() -> Score:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return word(value=1.0)

    async def story() -> list[Any]:
        bench = a_bench(Plug(words=[one]), concurrency=3)
        asked = [asyncio.create_task(bench.score(SAMPLE)) for _ in range(MOST_WAITING + 5)]
        while sum(task.done() for task in asked) < 5:  # noqa: ASYNC110 -- the bench sets no event
            await asyncio.sleep(0)
        gate.set()
        return [words[0] for words in await asyncio.gather(*asked)]

    found = asyncio.run(story())
    overloaded = [one for one in found if isinstance(one, ScoreFailure)]
    assert [one.trouble for one in overloaded] == [Trouble.OVERLOADED] * 5
    assert most == 3


# ------------------------------------------------------------------ money


def paid(till: FakeTill, words: list[Any], *, price: float | None = 0.25, **budget: Any) -> Bench:
    plug = Plug(words=words, is_free=False, price=price)
    return a_bench(plug, till=till, budget=Budget(**budget), retries=0)


def test_money_is_set_aside_before_the_call_and_settled_after():
    till = FakeTill()
    assert said(paid(till, [word(value=1.0, cost=0.1)], per_day=1.0)).cost == 0.1
    assert (till.highest, till.settlements) == (0.25, [0.1])


def test_beyond_the_budget_nothing_is_asked():
    till = FakeTill()
    bench = paid(till, [word(value=1.0, cost=0.25)], per_day=0.6)
    found = [said(bench) for _ in range(5)]
    assert [isinstance(one, Score) for one in found] == [True, True, False, False, False]
    assert found[-1].trouble is Trouble.BUDGET
    assert bench.seats[0].plug.asked == 2
    assert till.highest <= 0.6


def test_without_a_price_requests_are_counted():
    till = FakeTill()
    bench = paid(till, [word(value=1.0)], price=None, per_day=1.0, requests=2)
    assert [isinstance(said(bench), Score) for _ in range(3)] == [True, True, False]
    assert isinstance(said(paid(FakeTill(), [word(value=1.0)], price=None, per_day=1.0)), ScoreFailure)


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        (failure(Trouble.THROTTLED), 0.0),
        (failure(Trouble.REFUSED), 0.0),
        (failure(Trouble.UNREADABLE, cost=0.1), 0.1),
        (failure(Trouble.UNREACHABLE), None),
        (failure(Trouble.UNREACHABLE, was_sent=False), 0.0),
        (RuntimeError(), None),
        (word(value=1.0, cost=float("nan")), None),
        (word(value=1.0, cost=float("inf")), None),
        (word(value=1.0, cost=-0.1), None),
        (word(value=1.0, cost=None), None),
        (word(value=2.0, cost=0.0), None),
        ("good", None),
    ],
)
def test_a_call_of_which_nobody_knows_whether_it_was_made_counts_in_full(answer, settled):
    till = FakeTill()
    found = said(paid(till, [answer], per_day=1.0))
    assert till.settlements == [settled]
    assert found.cost == (0.25 if settled is None else settled)


def test_a_cancelled_call_counts_in_full():
    till = FakeTill()
    begun = asyncio.Event()

    async def never() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def story() -> None:
        task = asyncio.create_task(paid(till, [never], per_day=1.0).score(SAMPLE))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert till.settlements == [None]


def test_without_a_till_nothing_is_spent():
    bench = paid(FakeTill(broken=True), [word(value=1.0)], per_day=1.0)
    assert said(bench).trouble is Trouble.BUDGET
    assert bench.seats[0].plug.asked == 0


def test_failed_tries_cost_too():
    plug = Plug(words=[failure(Trouble.TIMEOUT, cost=0.2), word(value=1.0, cost=0.1)], is_free=False)
    till = FakeTill()
    bench = a_bench(plug, till=till, budget=Budget(per_day=1.0))
    assert said(bench).cost == pytest.approx(0.3)
    assert bench.tries[0].cost == pytest.approx(0.3)
    assert till.settlements == [0.2, 0.1]


def test_a_try_whose_cost_nobody_told_is_counted_as_it_is_booked():
    till = FakeTill()
    plug = Plug(words=[failure(Trouble.UNREACHABLE), word(value=1.0, cost=0.1)], is_free=False)
    bench = a_bench(plug, till=till, budget=Budget(per_day=1.0))
    assert said(bench).cost == pytest.approx(0.35)
    assert bench.tries[0].cost == pytest.approx(till.total) == pytest.approx(0.35)


@pytest.mark.parametrize("most", [RuntimeError(), float("nan"), float("inf"), -1.0, "much", True])
def test_a_scorer_that_cannot_say_what_it_costs_has_no_price_and_takes_no_other_word_along(most):
    class Unsure(Plug):
        def most(self, _):
            if isinstance(most, Exception):
                raise most
            return most

    bench = a_bench(Unsure(words=[word(value=1.0)], is_free=False), budget=Budget(per_day=1.0))
    bench.seats = [*bench.seats, Seat(use=ScorerUse(use="free"), plug=Plug(words=[word(value=0.5)]), gates=True)]
    unsure, free = asyncio.run(bench.score(SAMPLE))
    assert (unsure.trouble, free.value) == (Trouble.BUDGET, 0.5)


def test_a_scorer_said_to_be_free_that_tells_a_cost_is_paid_from_then_on():
    till = FakeTill()
    plug = Plug(words=[word(value=1.0, cost=0.2)], price=0.0)
    bench = a_bench(plug, till=till, budget=Budget(per_day=0.7))
    assert [isinstance(said(bench), Score) for _ in range(5)] == [True, True, True, False, False]
    assert (plug.asked, till.highest) == (3, pytest.approx(0.6))


def test_a_scorer_said_to_be_free_has_the_budget_that_others_have_by_default():
    plug = Plug(words=[word(value=1.0, cost=2.0)], price=None)
    bench = a_bench(plug)
    assert [isinstance(said(bench), Score) for _ in range(4)] == [True, True, False, False]


def test_between_rollouts_nothing_is_paid_and_what_is_free_goes_on():
    now, till = "", FakeTill()
    bench = paid(till, [word(value=1.0, cost=0.1)], per_day=1.0)
    bench.seats = [*bench.seats, Seat(use=ScorerUse(use="free"), plug=Plug(words=[word(value=0.5)]), gates=True)]
    bench.spends_for(lambda: now)
    assert [found.scorer for found in asyncio.run(bench.score(SAMPLE))] == ["free"]
    assert (bench.seats[0].plug.asked, bench.tries[0].tries, till.total) == (0, 0, 0.0)
    now = "ro-1"
    assert [found.scorer for found in asyncio.run(bench.score(SAMPLE))] == ["plug", "free"]
    assert till.total == 0.1


def test_an_answer_that_a_check_could_not_look_at_is_not_without_defects():
    class Check(Plug):
        finds_defects: ClassVar[bool] = True

    sound, broken = Check(words=[word(passed=True)]), Check(words=[RuntimeError()])
    bench = a_bench(sound)
    bench.seats = [*bench.seats, Seat(use=ScorerUse(use="other"), plug=broken, gates=True)]
    sample = replace(SAMPLE, scores=asyncio.run(bench.score(SAMPLE)))
    assert bench.scored(sample, cost=None).defect is None
    shown = [bench.seats[0], Seat(use=ScorerUse(use="other"), plug=broken, gates=False)]
    bench.seats = shown
    assert bench.scored(sample, cost=None).defect is False


def test_what_is_free_asks_no_till():
    bench = a_bench(Plug(words=[word(value=1.0)]), till=FakeTill(broken=True))
    assert said(bench).value == said(bench).value == 1.0


def test_after_a_try_that_cost_more_than_was_set_aside_as_much_is():
    till = FakeTill()
    plug = Plug(words=[word(value=1.0, cost=0.4)], is_free=False, price=0.1)
    bench = a_bench(plug, till=till, budget=Budget(per_day=1.0))
    assert [isinstance(said(bench), Score) for _ in range(4)] == [True, True, False, False]
    assert till.highest == pytest.approx(0.8)


# ------------------------------------------------------------------ how it fares


def test_the_share_of_failures_is_of_the_latest_tries():
    plug = Plug(words=[failure(Trouble.CRASHED)])
    bench = a_bench(plug)
    for _ in range(FEWEST - 1):
        said(bench)
    assert bench.failing == {}
    said(bench)
    assert bench.failing == {"plug": 1.0}
    plug.words = [word(value=1.0)]
    for _ in range(LATEST // 2):
        said(bench)
    assert 0.0 < bench.failing["plug"] < 1.0
    for _ in range(LATEST):
        said(bench)
    assert bench.failing == {"plug": 0.0}
    (tries,) = bench.tries
    assert (tries.tries, tries.failures) == (FEWEST + LATEST + LATEST // 2, FEWEST)


def test_who_does_not_gate_does_not_hold_anything_up():
    bench = a_bench(Plug(words=[failure(Trouble.CRASHED)]))
    bench.seats[0].gates = False
    for _ in range(FEWEST):
        said(bench)
    assert bench.failing == {}
