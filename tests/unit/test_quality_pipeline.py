"""From copied exchanges to scored samples: redacted, once each, bounded, kept where that is possible."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from support.quality import Bench, FakeResender, until
from verdigris.adapters.samples.archive import MemoryArchive
from verdigris.controller.clock import Clock
from verdigris.controller.quality import keeper as keeping
from verdigris.controller.quality.bounds import Seen
from verdigris.controller.quality.keeper import Keeper
from verdigris.controller.quality.noise import NoiseFloor
from verdigris.controller.quality.pipeline import Missed, Pipeline
from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import StoreError, StoreUnreadable
from verdigris.core.model.reading import ToolCall
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.builders import START
from verdigris.testing.samples import a_compared_pair, a_sample, an_exchange

CLOCK = Clock(now=lambda: START, monotonic=lambda: START)


def pipeline(bench, *, shadowing=None, **more):
    return Pipeline(
        reader=bench.reader,
        scoring=bench.scoring,
        judging=bench.judging,
        estimator=bench.estimator,
        keep=bench.kept.append,
        shadowing=shadowing,
        **more,
    )


def process(bench, *exchanges, lost=0, **more):
    async def story():
        line = pipeline(bench, **more)
        line.take(exchanges, lost=lost)
        await until(lambda: not line._under_way)
        bench.reader.close()
        return line

    return asyncio.run(story())


def test_an_exchange_becomes_a_scored_sample_that_is_kept():
    bench = Bench()
    line = process(bench, an_exchange(unit=9, stratum="gold"))
    (sample,) = bench.kept
    assert (sample.input, sample.output) == ("How many apples are left?", "Seven apples are left.")
    assert (sample.route, sample.unit, sample.stratum) == ("/api/process", 9, "gold")
    assert sample.duration == pytest.approx(0.3)
    assert [word.scorer for word in sample.scores] == ["heuristics"]
    (scored,) = bench.judging.scored
    assert (scored.environment, scored.defect, scored.cost) == ("blue", False, 0.002)
    assert line.taken == 1
    assert not line.missed.total()


def test_the_release_tells_the_instruction_where_the_request_does_not():
    bench = Bench()
    told = json.dumps({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]})
    process(
        bench,
        an_exchange(),
        an_exchange(id="2", request_body=told.encode()),
        an_exchange(id="3", environment="green"),
    )
    by_id = {sample.id: sample.system for sample in bench.kept}
    assert by_id == {"request-1": "Be brief.", "2": "Be kind.", "3": ""}


def test_nothing_is_kept_or_scored_before_it_is_redacted():
    bench = Bench()
    body = json.dumps({"input": "I am ada@example.com", "system": "Help ada@example.com"}).encode()
    answer = b'{"output":"Hello ada@example.com"}'
    process(bench, an_exchange(request_body=body, response_body=answer, path="/u/ada@example.com?q=ada@example.com"))
    assert "ada@" not in repr((bench.kept, bench.scoring.samples, bench.judging.scored))
    assert bench.kept[0].redacted == 4
    assert bench.kept[0].reading.text == "Hello [email]"


def test_whatever_a_model_can_word_is_redacted():
    bench = Bench()
    call = {"function": {"name": "mail ada@example.com", "arguments": '{"ada@example.com": 1}'}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "asked ada@example.com"}
    process(bench, an_exchange(response_body=json.dumps({"choices": [choice]}).encode()))
    (sample,) = bench.kept
    assert "ada@" not in repr(sample)
    assert (sample.reading.finish_reason, sample.redacted) == ("asked [email]", 3)
    assert sample.reading.tool_calls == (ToolCall(name="mail [email]", arguments='{"[email]": 1}'),)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/u/ada%40example.com/a%2Fb", "/u/[email]/a/b"),
        ("/a%20b/c", "/a%20b/c"),
    ],
)
def test_a_path_is_redacted_however_it_is_written(path, route):
    bench = Bench()
    process(bench, an_exchange(path=path))
    assert bench.kept[0].route == route


def test_what_comes_twice_counts_once():
    bench = Bench()
    line = process(bench, an_exchange(), an_exchange(), an_exchange(id="other"), an_exchange())
    assert line.missed == {Missed.DUPLICATE: 2, Missed.LOST: 0}
    assert [sample.id for sample in bench.kept] == ["request-1", "other"]


def test_only_so_many_ids_are_remembered():
    seen = Seen(most=2)
    assert [seen.is_new(each) for each in ("a", "b", "a", "c", "b", "a")] == [True, True, False, True, False, True]


def test_what_was_lost_on_the_way_is_counted():
    assert process(Bench(), lost=3).missed == {Missed.LOST: 3}


@pytest.mark.parametrize("status", [0, 400, 429, 500, 503])
def test_errors_are_kept_and_not_scored(status):
    bench = Bench()
    process(bench, an_exchange(status=status))
    assert len(bench.kept) == 1
    assert bench.scoring.samples == []
    assert bench.judging.scored == []


def test_more_than_can_be_scored_is_dropped():
    async def story():
        bench = Bench()
        bench.scoring.gate = asyncio.Event()
        line = pipeline(bench, most=2)
        line.take(an_exchange(id=str(index)) for index in range(5))
        assert line.missed == {Missed.LOST: 0, Missed.BUSY: 3}
        bench.scoring.gate.set()
        await until(lambda: line.taken == 2 and not line._under_way)
        bench.reader.close()

    asyncio.run(story())


def test_a_bug_costs_one_sample():
    bench = Bench()
    bench.scoring.fails = True
    line = process(bench, an_exchange())
    assert line.missed[Missed.BROKEN] == 1
    bench.scoring.fails = False
    bench.reader = Bench().reader
    assert process(bench, an_exchange()).taken == 1


def test_drawn_exchanges_are_offered_with_the_words_on_stables_answer():
    async def story():
        bench = Bench(resender=FakeResender())
        shadowing = bench.shadowing()
        line = pipeline(bench, shadowing=shadowing)
        task = asyncio.create_task(shadowing.run())
        line.take([an_exchange(), an_exchange(id="2", path="/pay"), an_exchange(id="3", environment="green")])
        await until(lambda: shadowing.made.total() and line.taken == 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        bench.reader.close()
        return bench

    bench = asyncio.run(story())
    pairs = [each for each in bench.kept if hasattr(each, "kind")]
    assert [pair.id for pair in pairs] == ["request-1"]
    assert [word.scorer for word in pairs[0].stable.scores] == ["heuristics"]


def test_what_is_under_way_is_given_up_at_the_end():
    async def story():
        bench = Bench()
        bench.scoring.gate = asyncio.Event()
        line = pipeline(bench)
        line.take([an_exchange()])
        await line.end()
        bench.reader.close()
        return line._under_way, bench.kept

    assert asyncio.run(story()) == (set(), [])


# ------------------------------------------------------------------ keeping


class Unwritable(MemoryArchive):
    """Opens, but keeps nothing until `mended`."""

    mended = False

    async def keep(self, sample):
        if not Unwritable.mended:
            raise StoreError("samples.db cannot grow: the disk is full")
        await super().keep(sample)


def kept_by(keeper, story):
    async def whole():
        task = asyncio.create_task(keeper.run())
        try:
            return await story()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await keeper.close()

    return asyncio.run(whole())


def test_samples_and_pairs_reach_the_archive():
    archive = MemoryArchive()
    keeper = Keeper(archive, CLOCK)

    async def story():
        keeper.keep(a_sample())
        keeper.keep(a_compared_pair())
        await until(lambda: keeper.kept + keeper.lost == 2)
        return await archive.samples(), await archive.pairs("r1")

    assert kept_by(keeper, story) == ((a_sample(),), (a_compared_pair(),))


def test_an_archive_that_cannot_be_written_is_told_and_tried_again(monkeypatch):
    monkeypatch.setattr(Unwritable, "mended", False)
    keeper = Keeper(Unwritable(), CLOCK)

    async def story():
        await until(lambda: keeper._is_open)
        keeper.keep(a_sample())
        await until(lambda: keeper.lost == 1)
        told = keeper.problem
        Unwritable.mended = True
        keeper.keep(a_sample(id="s2"))
        await until(lambda: keeper.kept == 1)
        return told

    assert "samples and pairs are not kept: samples.db cannot grow" in kept_by(keeper, story)
    assert keeper.problem == ""


def test_an_archive_that_cannot_be_opened_is_told_and_tried_again(monkeypatch):
    monkeypatch.setattr(keeping, "FORGET", 0.001)
    damaged = [True]

    class Shut(MemoryArchive):
        async def open(self):
            if damaged:
                raise StoreUnreadable("samples.db is damaged")

    keeper = Keeper(Shut(), CLOCK)

    async def story():
        await until(lambda: keeper.problem)
        told = keeper.problem
        keeper.keep(a_sample())
        await until(lambda: keeper.lost == 1)
        damaged.clear()
        await until(lambda: keeper._is_open)
        return told

    assert "damaged" in kept_by(keeper, story)
    assert keeper.problem == ""


def test_more_than_can_wait_is_counted_as_lost():
    keeper = Keeper(MemoryArchive(), CLOCK)
    for index in range(keeping.WAITING + 5):
        keeper.keep(a_sample(id=str(index)))
    assert keeper.lost == 5


class Odd(MemoryArchive):
    """Cannot write the sample `odd`, never ends with the sample `slow`, and finds its disk full with the sample `full`."""

    async def keep(self, sample):
        match sample.id:
            case "odd":
                raise UnicodeEncodeError("utf-8", "secret", 0, 1, "surrogates not allowed")
            case "slow":
                await asyncio.Event().wait()
            case "full":
                raise StoreError("samples.db cannot grow: the disk is full")
        await MemoryArchive.keep(self, sample)


def test_a_sample_that_cannot_be_written_holds_up_no_other(caplog):
    keeper = Keeper(Odd(), CLOCK)

    async def story():
        for name in ("odd", "s2"):
            keeper.keep(a_sample(id=name))
        await until(lambda: keeper.kept == 1)
        return keeper.lost

    assert kept_by(keeper, story) == 1
    assert "UnicodeEncodeError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("waiting", "kept", "lost"),
    [(("s1", "odd", "s2"), 2, 1), (("s1", "full", "s2", "s3"), 1, 3), (("s1", "slow", "s2"), 1, 1)],
)
def test_what_waits_at_the_end_is_kept_where_that_can_be_done_and_never_waited_for_long(
    monkeypatch, waiting, kept, lost
):
    """A file that another program keeps locked takes seconds for each one that is tried."""
    monkeypatch.setattr(keeping, "CLOSING", 0.05)
    keeper = Keeper(Odd(), CLOCK)

    async def story():
        await keeper.open()
        for name in waiting:
            keeper.keep(a_sample(id=name))
        await keeper.close()

    asyncio.run(story())
    assert (keeper.kept, keeper.lost) == (kept, lost)


# ------------------------------------------------------------------ noise


def words(*values, version="1"):
    return tuple(Score(scorer="edit", version=version, value=value) for value in values)


def test_the_noise_floor_stands_beside_the_shadow_pairs():
    floor = NoiseFloor()
    for value in (0.2, 0.4):
        floor.add(a_compared_pair(scores=words(value)))
    for value in (0.8, 0.9, 1.0):
        floor.add(a_compared_pair(kind=PairKind.SELF, scores=words(value)))
    floor.add(a_compared_pair(scores=words(0.5, version="2")))
    failure = ScoreFailure(scorer="edit", version="1", trouble=Trouble.TIMEOUT, reason="none in 30 s")
    floor.add(a_compared_pair(scores=(failure, *words(None))))
    first, second = floor.floors()
    assert (first.scorer, first.version) == ("edit", "1")
    assert (first.shadow.n, first.shadow.mean) == (2, pytest.approx(0.3))
    assert (first.itself.n, first.itself.mean) == (3, pytest.approx(0.9))
    # By hand: the standard error of 0.2, 0.4 is 0.1, that of 0.8, 0.9, 1.0 is 0.1 / sqrt(3).
    assert (first.shadow.low, first.shadow.high) == (
        pytest.approx(0.3 - 0.195996, abs=1e-5),
        pytest.approx(0.495996, abs=1e-5),
    )
    assert first.itself.low == pytest.approx(0.9 - 1.959964 * 0.1 / 3**0.5)
    assert first.itself.high == 1.0
    assert (second.version, second.shadow.n, second.shadow.low) == ("2", 1, None)


def test_as_many_scorers_as_there_may_be_are_summed():
    floor = NoiseFloor()
    for index in range(100):
        floor.add(a_compared_pair(scores=words(0.5, version=str(index))))
    assert len(floor.floors()) == 64


def test_samples_of_a_pair_are_not_mixed_up():
    pair = a_compared_pair()
    assert replace(pair, other=pair.stable) != pair
