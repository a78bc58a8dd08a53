"""Shadow pairs: which requests are drawn, what they may cost, what goes wrong, and what the judge is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from support.quality import SAFE, START, Bench, FakePrices, FakeResender, FakeTill, until
from verdigris.controller.quality.safe import Dropped, is_under, lot
from verdigris.core.model.compared import PairKind
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.quality import Budget
from verdigris.ports import Unanswered
from verdigris.testing.builders import a_rollout
from verdigris.testing.samples import an_exchange


def chat(text="Three apples are left.", **more):
    body = {
        "object": "chat.completion",
        "model": "small",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
    return json.dumps(body | more).encode()


def answering(body=None, **members):
    return FakeResender(answer=lambda exchange: replace(exchange, response_body=body or chat(), **members))


def many(count, **members):
    return [an_exchange(id=f"request-{index}", response_body=chat(), **members) for index in range(count)]


def run(bench, exchanges, *, patience_for=None):
    """Offers the exchanges and waits until each was paired or dropped."""

    async def story():
        shadowing = bench.shadowing()
        task = asyncio.create_task(shadowing.run())
        for exchange in exchanges:
            await bench.offer(shadowing, exchange)
            await asyncio.sleep(0)
        done = lambda: shadowing.made.total() + shadowing.dropped.total()  # noqa: E731 -- read once below
        await until(lambda: done() >= (len(exchanges) if patience_for is None else patience_for))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        bench.reader.close()
        return shadowing

    return asyncio.run(story())


# ------------------------------------------------------------------ drawing


@pytest.mark.parametrize(
    ("route", "paths", "expected"),
    [
        ("/api/process", ("/api/process",), True),
        ("/api/process/", ("/api/process",), True),
        ("/api/process/deep", ("/api/process/",), True),
        ("/api/processes", ("/api/process",), False),
        ("/api", ("/api/process",), False),
        ("/anything", ("/",), True),
        ("/api/process/../pay", ("/api/process",), False),
        ("/api/process/%2e%2e/pay", ("/api/process",), False),
        ("/api/process/..%2fpay", ("/api/process",), False),
        ("/api/process/..\\pay", ("/api/process",), False),
        ("/api/process/%252e%252e/pay", ("/api/process",), False),
        ("/api/process/%25252525252e./pay", ("/api/process",), False),
        ("/api/process/..;v=1/pay", ("/api/process",), False),
        ("/api/process/%2e%2e%3b/pay", ("/api/process",), False),
        ("/api/process/a..b/100%25", ("/api/process",), True),
        ("/api/process", (), False),
    ],
)
def test_only_declared_paths_are_safe(route, paths, expected):
    assert is_under(route, paths) is expected


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"path": "/pay?then=/api/process"}, Dropped.UNSAFE_PATH),
        ({"method": "DELETE"}, Dropped.METHOD),
        ({"method": "CONNECT"}, Dropped.METHOD),
        ({"request_headers": {"upgrade": "websocket"}, "method": "GET"}, Dropped.METHOD),
        ({"is_whole": False}, Dropped.NOT_WHOLE),
        ({"status": 0}, Dropped.NOT_WHOLE),
        ({"cut": True}, Dropped.CUT),
    ],
)
def test_what_may_not_be_repeated_is_counted_and_never_sent(members, why):
    bench = Bench(resender=answering())
    shadowing = run(bench, [an_exchange(**members)])
    assert shadowing.dropped == {why: 1}
    assert bench.resender.sent == []


def test_only_stables_requests_are_drawn_and_only_during_a_rollout():
    bench = Bench()
    assert not bench.shadowing().draws(an_exchange(environment="green"))
    bench.rollout = None
    assert not bench.shadowing().draws(an_exchange())
    bench.rollout = a_rollout(weight=0.0)
    assert bench.shadowing().draws(an_exchange()), "before the first weight too"


@pytest.mark.parametrize(("rate", "copied", "expected"), [(0.1, 1.0, 0.1), (0.1, 0.5, 0.2), (0.5, 0.2, 1.0)])
def test_the_rate_is_of_stables_requests_whatever_share_of_them_is_copied(rate, copied, expected):
    bench = Bench(use=replace(SAFE, rate=rate), copied=copied)
    shadowing = bench.shadowing()
    drawn = sum(shadowing.draws(exchange) for exchange in many(4_000))
    assert abs(drawn / 4_000 - expected) < 0.03


def test_lots_of_one_request_are_independent():
    ids = [f"request-{index}" for index in range(4_000)]
    both = sum(lot(each, "pair") < 0.5 and lot(each, "self") < 0.5 for each in ids)
    assert abs(both / 4_000 - 0.25) < 0.03
    assert lot("x", "pair") == lot("x", "pair")


# ------------------------------------------------------------------ a pair


def test_the_candidate_is_asked_and_the_pair_told_kept_and_judged():
    bench = Bench(resender=answering())
    shadowing = run(bench, many(1, unit=77))
    assert bench.resender.sent == [
        (
            "http://green",
            {
                "X-Shadow": "1",
                "X-Deploy-Env": "green",
                "X-Release-Id": bench.rollout.candidate.release.id,
                "X-Request-Id": "request-0",
            },
        )
    ]
    (pair,) = bench.kept
    assert (pair.id, pair.rollout, pair.kind) == ("request-0", "r1", PairKind.SHADOW)
    assert (pair.stable.environment, pair.other.environment) == ("blue", "green")
    assert pair.other.release == bench.rollout.candidate.release.id
    assert pair.other.output == "Three apples are left."
    assert pair.spent == pytest.approx(150e-6 + 0.001 + 0.01), "the answer and all words on it"
    (told,) = bench.judging.pairs
    assert told.unit == 77
    assert told.stable == Answer(quality=0.5, cost=pytest.approx(150e-6), refusal=False)
    assert told.candidate == Answer(quality=0.7, cost=pytest.approx(150e-6), refusal=False)
    assert (told.scorer, told.kind) == ("j1", PairKind.SHADOW)
    assert shadowing.made == {PairKind.SHADOW: 1}
    assert bench.till.settlements == [pytest.approx(150e-6)]


def test_a_cold_cache_is_not_the_candidates_cost():
    """Stable's prompt is cached, since it is asked all day; what is sent again for a pair finds no cache."""

    class Prices(FakePrices):
        def cost(self, *, model, usage):
            return 1e-6 * (usage.input - (usage.cache_read or 0) + usage.output)

    cached = chat(usage={"prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 90}})
    bench = Bench(prices=Prices(), resender=answering())
    run(bench, [an_exchange(id="request-0", response_body=cached)])
    (told,) = bench.judging.pairs
    assert told.stable.cost == told.candidate.cost == pytest.approx(150e-6)
    assert bench.till.settlements == [pytest.approx(150e-6)], "what was paid is what it cost"


def test_some_pairs_ask_stable_again():
    bench = Bench(use=replace(SAFE, self_pairs=1.0), resender=answering())
    run(bench, many(1))
    assert bench.resender.sent[0][0] == "http://blue"
    assert bench.resender.sent[0][1]["X-Release-Id"] == bench.rollout.stable.release.id
    assert bench.kept[0].kind is PairKind.SELF
    assert bench.judging.pairs[0].kind is PairKind.SELF


def test_a_failed_answer_is_evidence_without_values_and_costs_no_scoring():
    bench = Bench(resender=answering(status=503))
    run(bench, many(1))
    (told,) = bench.judging.pairs
    assert told.candidate == Answer(failed=True)
    assert told.stable.quality is None
    assert bench.scoring.pairs == []
    assert bench.till.settlements == [pytest.approx(150e-6)]


def test_what_is_kept_of_both_sides_is_redacted():
    secret = "Write to ada@example.com"
    bench = Bench(resender=answering(chat(secret)))
    question = json.dumps({"input": secret}).encode()
    run(
        bench,
        [an_exchange(request_body=question, response_body=chat(secret), path="/api/process?mail=ada@example.com")],
    )
    assert "ada@" not in repr(bench.kept)
    assert "ada@" not in repr(bench.scoring.pairs), "nor does a judge see it"
    assert bench.kept[0].other.redacted == 2


def test_a_rollout_that_ended_takes_no_more_pairs():
    bench = Bench()

    async def story():
        bench.resender = FakeResender(answer=lambda exchange: replace(exchange, response_body=chat()))
        shadowing = bench.shadowing()
        await bench.offer(shadowing, *many(1))
        bench.rollout = a_rollout(id="r2")
        task = asyncio.create_task(shadowing.run())
        await until(shadowing.dropped.total)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return shadowing

    assert asyncio.run(story()).dropped == {Dropped.OVER: 1}
    assert bench.resender.sent == []


# ------------------------------------------------------------------ money


def test_spending_never_passes_the_budget_however_many_are_under_way():
    price = 1e-3
    bench = Bench(
        prices=FakePrices(tokens={"small": price}), use=replace(SAFE, concurrency=8, budget=Budget(per_day=30.0))
    )
    bench.resender = answering()
    shadowing = run(bench, many(400))
    assert bench.till.highest <= 30.0
    assert bench.till.settled == pytest.approx(0.15 * shadowing.made[PairKind.SHADOW])
    assert shadowing.made[PairKind.SHADOW] > 0
    assert shadowing.dropped[Dropped.BUDGET] > 0
    assert shadowing.made.total() + shadowing.dropped.total() == 400


def test_what_is_reserved_covers_the_largest_answer_asked_for():
    bench = Bench(resender=answering())
    request = json.dumps({"model": "small", "max_tokens": 9_000, "messages": [{"role": "user", "content": "Hi"}]})
    run(bench, [an_exchange(request_body=request.encode(), response_body=chat(), path="/api/process")])
    assert bench.till.highest >= 9_000 * 1e-6


def test_what_is_reserved_covers_several_answers_at_once():
    asked = b'{"messages": [], "max_tokens": 10, "n": 50}'
    usage = {"prompt_tokens": 10, "completion_tokens": 500, "total_tokens": 510}
    bench = Bench(resender=answering(chat(usage=usage)))
    shadowing = run(bench, [an_exchange(request_body=asked, response_body=chat(usage=usage))])
    assert (shadowing.made.total(), shadowing.overruns) == (1, 0)


def test_an_unknown_price_needs_a_number_of_requests():
    bench = Bench(prices=FakePrices(tokens={}), resender=answering())
    assert run(bench, many(3)).dropped == {Dropped.NO_PRICE: 3}
    assert bench.resender.sent == []


def test_an_unknown_price_with_a_number_of_requests_is_bounded_by_it():
    use = replace(SAFE, budget=Budget(per_day=1.0, requests=2))
    bench = Bench(use=use, prices=FakePrices(tokens={}), resender=answering())
    shadowing = run(bench, many(5))
    assert (shadowing.made.total(), shadowing.dropped) == (2, {Dropped.BUDGET: 3})
    assert bench.kept[0].spent is None, "an unknown cost is not zero"
    assert bench.paid == [None, None], "neither where it is told"


def test_without_a_till_nothing_is_sent():
    bench = Bench(till=FakeTill(broken=True), resender=answering())
    assert run(bench, many(2)).dropped == {Dropped.NO_TILL: 2}
    assert bench.resender.sent == []


def test_an_answer_dearer_than_was_set_aside_is_counted_and_raises_what_is_set_aside():
    dear = chat(usage={"prompt_tokens": 100, "completion_tokens": 20_000, "total_tokens": 20_100})
    bench = Bench(resender=answering(dear), use=replace(SAFE, concurrency=1))
    shadowing = run(bench, many(2))
    assert shadowing.overruns == 1, "the first only"
    assert bench.till.highest >= 2 * 20_000e-6


@pytest.mark.parametrize(
    ("why", "was_sent", "dropped", "spent"),
    [
        ("timeout", True, Dropped.TIMEOUT, None),
        ("failed", True, Dropped.FAILED, None),
        ("failed", False, Dropped.FAILED, 0.0),
    ],
)
def test_no_answer_is_no_evidence_and_may_have_cost_all_that_was_set_aside(why, was_sent, dropped, spent):
    bench = Bench(resender=FakeResender(answer=lambda _: Unanswered(why=why, was_sent=was_sent)))
    shadowing = run(bench, many(1, unit=77))
    assert shadowing.dropped == {dropped: 1}
    assert bench.till.settlements == [spent]
    assert bench.judging.pairs == [Pair(at=START, stable=Answer(), candidate=Answer(), unit=77, unanswered=True)]
    assert bench.kept == []


def test_an_answer_that_was_cut_off_is_taken_for_as_long_as_it_must_have_been():
    """65,536 bytes are some 16,384 tokens, and twice as many are set aside from then on; a stream says much less with as much."""
    cut = FakeResender(answer=lambda _: Unanswered(why="cut", was_sent=True))
    request = b'{"model": "small", "max_tokens": 100, "messages": []}'
    for kind, booked, overruns in (("application/json", 2 * 16_384, 1), ("text/event-stream", 100, 0)):
        bench = Bench(resender=cut)
        one = an_exchange(request_body=request, response_body=chat(), response_headers={"content-type": kind})
        shadowing = run(bench, [replace(one, id=f"request-{number}") for number in range(2)])
        assert (shadowing.dropped, shadowing.overruns) == ({Dropped.CUT: 2}, overruns)
        assert 2 * booked <= bench.till.total * 1e6 < 2 * (booked + 250)


# ------------------------------------------------------------------ bounds


def test_at_most_so_many_are_under_way_and_the_rest_is_dropped_as_busy():
    async def story():
        gate = asyncio.Event()
        bench = Bench(use=replace(SAFE, concurrency=3))
        bench.resender = FakeResender(answer=lambda exchange: replace(exchange, response_body=chat()), gate=gate)
        shadowing = bench.shadowing()
        task = asyncio.create_task(shadowing.run())
        await bench.offer(shadowing, *many(40))
        assert shadowing.dropped == {Dropped.BUSY: 28}
        await until(lambda: bench.resender.under_way == 3)
        gate.set()
        await until(lambda: shadowing.made.total() == 12)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return bench.resender.most

    assert asyncio.run(story()) == 3


def test_what_is_ended_in_mid_flight_stays_reserved():
    async def story():
        bench = Bench(resender=FakeResender(gate=asyncio.Event()))
        shadowing = bench.shadowing()
        task = asyncio.create_task(shadowing.run())
        await bench.offer(shadowing, *many(1))
        await until(lambda: bench.resender.under_way == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return bench.till

    till = asyncio.run(story())
    assert till.settlements == []
    assert till.total > 0


def test_a_bug_in_one_pair_costs_that_pair():
    bench = Bench(resender=answering())
    bench.scoring.fails = True

    async def story():
        shadowing = bench.shadowing()
        task = asyncio.create_task(shadowing.run())
        await bench.offer(shadowing, *many(1))
        await until(lambda: shadowing.dropped.total() == 1)
        bench.scoring.fails = False
        await bench.offer(shadowing, an_exchange(id="next", response_body=chat()))
        await until(lambda: shadowing.made.total() == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return shadowing

    assert asyncio.run(story()).dropped == {Dropped.FAILED: 1}
