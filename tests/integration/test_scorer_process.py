"""Scorers that compute run in a process of their own: what hangs, dies or raises there is a failure, and the next question is answered."""

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from support import foreign
from support.quality import FakePrices, FakeTill
from verdigris.assemble.scorers import bench
from verdigris.core.model.quality import Quality, ScorerUse
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.samples import a_sample

pytestmark = pytest.mark.real

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _foreign(tmp_path, monkeypatch):
    foreign.install(tmp_path, monkeypatch)


def made(*uses):
    listed = [use if isinstance(use, ScorerUse) else ScorerUse(use=use) for use in uses]
    return bench(Quality(scorers=tuple(listed)), till=FakeTill(), prices=FakePrices())


def run(story, *uses):
    async def whole():
        one = made(*uses)
        try:
            return await story(one)
        finally:
            await one.close()

    return asyncio.run(whole())


async def until_gone(pid):
    async with asyncio.timeout(PATIENCE):
        while is_running(pid):  # noqa: ASYNC110 -- another process sets no event of ours
            await asyncio.sleep(0.01)


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def weight_of(pid):
    """How early the kernel ends it where memory runs out."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_all_of_ours_that_compute_give_their_words_from_there():
    async def story(one):
        return await one.score(a_sample(output="", reading=a_sample().reading))

    heuristics, length = run(story, "heuristics", ScorerUse(use="f-length", options={"longest": 3}))
    assert (heuristics.scorer, heuristics.passed) == ("heuristics", True)
    assert (length.scorer, length.version, length.passed) == ("f-length", "1", True)


def test_the_process_is_another_one_of_low_priority_and_ends_with_the_bench():
    async def story(one):
        return await one.score(a_sample())

    (word,) = run(story, "f-pid")
    assert int(word.label) != os.getpid()
    assert int(word.explanation) >= 10
    assert not psutil.pid_exists(int(word.label))


def test_a_huge_word_is_none_and_programs_that_scorers_start_read_no_questions_and_end_with_the_process():
    async def story(one):
        words = await one.score(a_sample())
        weight = weight_of(words[0].label)
        left = int(words[2].label)
        assert is_running(left)
        await one.close()
        await until_gone(left)
        return words, weight

    (_, huge, programs), weight = run(story, "f-pid", "f-huge", ScorerUse(use="f-programs", timeout=PATIENCE))
    assert programs.explanation == "b''"
    assert weight == 1000  # it goes before the controller does
    assert huge.trouble is Trouble.CRASHED
    assert "larger than" in huge.reason


@pytest.mark.parametrize("use", ["f-endless", "f-regex"])
def test_a_scorer_that_never_ends_holds_neither_the_loop_nor_our_own_scorers(use):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def story(one):
        ticking = asyncio.create_task(tick())
        await one.seats[1].worker.ask(one.seats[1].place, "score", a_sample(), timeout=PATIENCE)  # both have started
        stuck = asyncio.create_task(one.score(a_sample(input="for ever")))
        ours = await one.seats[1].worker.ask(one.seats[1].place, "score", a_sample(), timeout=PATIENCE)
        is_stuck, before = not stuck.done(), ticks
        words = await stuck
        assert one.seats[0].worker.restarts == 1  # it was not asked again: it would hang again
        ticking.cancel()
        return words, ours, is_stuck, ticks - before

    (stuck, beside), ours, was_stuck, further = run(story, ScorerUse(use=use, timeout=1.0, retries=5), "heuristics")
    assert was_stuck
    assert ours.passed
    assert isinstance(stuck, ScoreFailure)
    assert stuck.trouble is Trouble.TIMEOUT
    assert isinstance(beside, Score)
    assert further >= 10  # a second of standing still would leave none


def test_what_a_scorer_can_cost_is_asked_there_too():
    async def story(one):
        words = [(await one.score(a_sample(input=text)))[0] for text in ("for ever", "go on")]
        return words, one.till

    (late, after), till = run(story, ScorerUse(use="f-paid", timeout=0.5))
    assert late.trouble is Trouble.BUDGET
    assert (after.value, after.cost) == (1.0, 0.1)
    assert (till.highest, till.settlements) == (0.25, [0.1])


def test_the_process_is_killed_and_begun_anew():
    async def story(one):
        before = (await one.score(a_sample()))[1]
        late = (await one.score(a_sample(input="for ever")))[0]
        await until_gone(int(before.label))
        after = await one.score(a_sample())
        return before, late, after

    before, late, after = run(story, ScorerUse(use="f-endless", timeout=0.5), "f-pid")
    assert late.trouble is Trouble.TIMEOUT
    assert [word.value for word in after] == [1.0, 1.0]
    assert after[1].label != before.label


def test_a_scorer_that_kills_its_process_fails_alone():
    async def story(one):
        return [(await one.score(a_sample(input=text)))[0] for text in ("exit", "go on")]

    died, after = run(story, "f-exits")
    assert died.trouble is Trouble.CRASHED
    assert after.value == 1.0


def test_a_process_killed_from_outside_is_begun_anew():
    async def story(one):
        (first,) = await one.score(a_sample())
        psutil.Process(int(first.label)).kill()
        await until_gone(int(first.label))
        words = [(await one.score(a_sample()))[0] for _ in range(2)]
        return first, words

    first, words = run(story, "f-pid")
    assert isinstance(words[-1], Score)
    assert words[-1].label != first.label


@pytest.mark.parametrize("use", ["f-raises", "f-lambda"])
def test_what_it_raises_and_what_cannot_travel_is_a_failure_without_the_sample(use):
    async def story(one):
        return [(await one.score(a_sample(input="my secret")))[0] for _ in range(2)]

    for word in run(story, use):
        assert word.trouble is Trouble.CRASHED
        assert "secret" not in word.reason


def test_a_cancelled_question_does_not_shift_the_answers():
    async def story(one):
        await one.score(a_sample())
        asked = asyncio.create_task(one.score(a_sample(input="for ever")))
        await asyncio.sleep(0)
        while one.seats[0].waiting == 0:  # noqa: ASYNC110 -- the bench sets no event
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return await one.score(a_sample())

    words = run(story, ScorerUse(use="f-endless", timeout=PATIENCE), ScorerUse(use="f-length", options={"longest": 1}))
    assert words[0].value == 1.0
    assert words[1].passed is False


def test_a_question_that_is_cancelled_while_the_process_starts_leaves_none():
    async def story(one):
        worker = one.seats[0].worker
        asked = asyncio.create_task(worker.ask(0, "score", a_sample(), timeout=PATIENCE))
        async with asyncio.timeout(PATIENCE):
            while worker._process is None:  # noqa: ASYNC110 -- the worker sets no event
                await asyncio.sleep(0)
        pid = worker._process.pid
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return worker._process, is_running(pid)

    assert run(story, "f-pid") == (None, False)


def test_a_process_in_an_endless_scorer_ends_with_its_controller(tmp_path):
    script = tmp_path / "controller.py"
    script.write_text(
        "import asyncio, sys\n"
        "from verdigris.controller.quality.worker import Worker\n"
        "from verdigris.testing.samples import a_sample\n"
        "async def main():\n"
        "    worker = Worker(scorers=[('f-pid', {}), ('f-endless', {})])\n"
        "    word = await worker.ask(0, 'score', a_sample(), timeout=60)\n"
        "    asked = asyncio.create_task(worker.ask(1, 'score', a_sample(input='for ever'), timeout=600))\n"
        "    await asyncio.sleep(0.2)\n"
        "    print(word.label, flush=True)\n"
        "    await asked\n"
        "asyncio.run(main())\n"
    )

    async def story():
        parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            child = int(await parent.stdout.readline())
        parent.kill()
        await parent.wait()
        await until_gone(child)

    asyncio.run(story())
