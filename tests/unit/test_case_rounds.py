"""Cases while a rollout runs: one after the other, of both sides, shown and no evidence."""

import asyncio
from dataclasses import dataclass, field

from support.answering import Said, answering, output
from verdigris.adapters.samples.resend import HttpResender
from verdigris.cases.model import Case, Question
from verdigris.cases.rules import Equals, Rubric
from verdigris.controller.quality.cases import CaseRounds
from verdigris.controller.quality.reader import Reader
from verdigris.core.model.compared import PairKind
from verdigris.core.model.quality import Redaction
from verdigris.core.model.score import Score, ScoreFailure
from verdigris.core.model.service import Telemetry
from verdigris.core.reading.redaction import Redactor
from verdigris.testing.builders import a_rollout


@dataclass
class Judge:
    """What the judge was told."""

    heard: list = field(default_factory=list)

    def score(self, scored): ...

    def scorers(self, failing): ...

    def pair(self, rollout, pairs):
        self.heard += [(rollout, pair) for pair in pairs]


def a_case(name, *rules):
    return Case(id=name, question=Question(body=b'{"input":"Hi"}', path="/api"), rules=rules or (Equals(text="Hello"),))


async def asked(cases, blue, green, *, until, rollout=a_rollout, interval=0.0, **more):
    """Rounds with these sides until `until(kept, judge)`; what was kept and heard."""
    kept, judge, booked = [], Judge(), []

    async def book(cost):
        booked.append(cost)

    resender, reader = HttpResender(), Reader(telemetry=Telemetry(), redact=Redactor(Redaction()).redact)
    rounds = CaseRounds(
        cases=cases,
        interval=interval,
        urls={"blue": blue, "green": green},
        resender=resender,
        reader=reader,
        judging=judge,
        rollout=rollout,
        keep=kept.append,
        book=book,
        **more,
    )
    running = asyncio.ensure_future(rounds.run())
    try:
        async with asyncio.timeout(20):
            while not until(kept, judge):
                await asyncio.sleep(0)
                if running.done():
                    running.result()
    finally:
        running.cancel()
        await asyncio.wait({running})
        await resender.close()
        reader.close()
    return kept, judge.heard, booked, rounds


def test_each_case_in_turn_of_both_sides():
    with (
        answering(lambda _: output("Hello", _cost=0.5)) as blue,
        answering(lambda _: output("Bye, ada@example.com", _cost=0.25)) as green,
    ):
        kept, heard, booked, rounds = asyncio.run(
            asked([a_case("a"), a_case("b")], blue.url, green.url, until=lambda kept, _: len(kept) >= 3)
        )
    first = kept[0]
    rollout = a_rollout()
    assert [pair.case for pair in kept[:3]] == ["a", "b", "a"]
    assert (first.rollout, first.kind, first.spent) == (rollout.id, PairKind.CASE, 0.75)
    assert (first.stable.environment, first.other.environment) == ("blue", "green")
    assert (first.stable.release, first.other.release) == (rollout.stable.release.id, rollout.candidate.release.id)
    assert (first.stable.output, first.other.output) == ("Hello", "Bye, [email]")
    assert [score.value for score in first.stable.scores] == [1.0, 1.0]
    assert [(score.scorer, score.value) for score in first.other.scores] == [("case-equals", 0.0), ("case", 0.0)]
    told = heard[0]
    assert told[0] == rollout.id
    assert (told[1].kind, told[1].stable.quality, told[1].candidate.quality) == (PairKind.CASE, 1.0, 0.0)
    assert (told[1].stable.cost, told[1].candidate.cost) == (0.5, 0.25)
    assert len({pair.scorer for _, pair in heard}) == 1
    assert sorted(booked[:2]) == [0.25, 0.5]
    assert rounds.made["pairs"] >= 3
    assert {request.headers["x-shadow"] for request in (*blue.asked, *green.asked)} == {"1"}


def test_an_answer_that_does_not_come_is_told_and_makes_no_pair():
    with answering(lambda _: output("Hello")) as blue:
        kept, heard, _, rounds = asyncio.run(
            asked([a_case("a")], blue.url, "http://127.0.0.1:1", until=lambda _, judge: judge.heard)
        )
    assert kept == []
    assert rounds.made["unanswered"] >= 1
    assert heard[0][1].candidate.failed
    assert not heard[0][1].stable.failed


def test_a_server_error_is_a_failed_answer_and_a_pair_to_look_at():
    with answering(lambda _: output("Hello")) as blue, answering(lambda _: Said(b"{}", status=503)) as green:
        kept, heard, _, _ = asyncio.run(asked([a_case("a")], blue.url, green.url, until=lambda kept, _: kept))
    assert kept[0].other.status == 503
    assert heard[0][1].candidate.failed


def test_a_judge_without_a_word_is_a_failure_and_no_score():
    class Says:
        in_loop, is_free = True, True

        async def score(self, sample):
            if sample.reading.text == "Hello":
                return Score(scorer="judge", version="1", value=1.0, explanation="quotes ada@example.com")
            raise RuntimeError

    rubric = Rubric(text="Friendly?", scorer="judge", plug=Says())
    with answering(lambda _: output("Hello")) as blue, answering(lambda _: output("Bye")) as green:
        kept, heard, _, _ = asyncio.run(asked([a_case("a", rubric)], blue.url, green.url, until=lambda kept, _: kept))
    assert kept[0].stable.scores[0].explanation == "quotes [email]"
    assert [type(score) for score in kept[0].other.scores] == [ScoreFailure]
    assert heard[0][1].candidate.quality is None


def test_nothing_is_asked_while_no_rollout_is_judged(monkeypatch):
    monkeypatch.setattr("verdigris.controller.quality.cases.LOOK", 0.0)
    looks = []

    def nobody():
        looks.append(1)

    with answering(lambda _: output("Hello")) as app:
        asyncio.run(asked([a_case("a")], app.url, app.url, until=lambda *_: len(looks) > 20, rollout=nobody))
    assert app.asked == []
