"""Refusals are told in layers: by the provider, by how the answer ended, by its words, by a judge. All of them count, on both sides alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from support.quality import FakeTill
from verdigris.adapters.scorers.heuristics import Heuristics
from verdigris.adapters.scorers.judge import REFUSED, Judge
from verdigris.controller.evidence import Measured
from verdigris.controller.quality.bench import Bench, Seat
from verdigris.controller.quality.meaning import Gates, meaning
from verdigris.core.model.metric import Metric
from verdigris.core.model.quality import Quality, ScorerUse
from verdigris.core.model.reading import Format, Reading
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, Scored, ScoreFailure, Trouble
from verdigris.testing.samples import a_sample

GATES = Gates(samples=frozenset({"heuristics", "judge"}), refusals=frozenset({"heuristics", "judge"}))
SAID_NO = Score(scorer="heuristics", version="1", passed=True, label="refusal: text")
NONE = Score(scorer="heuristics", version="1", passed=True)
DECLINED = Score(scorer="judge", version="j", value=0.0, label=REFUSED)
FINE = Score(scorer="judge", version="j", value=1.0, label="pass")
SILENT = ScoreFailure(scorer="judge", version="j", trouble=Trouble.TIMEOUT, reason="30 s")


def answered(text: str = "Three metres.", **reading: Any) -> Sample:
    return replace(a_sample(), output=text, reading=Reading(format=Format.OPENAI_CHAT, text=text, **reading))


def meant(*scores: Score | ScoreFailure, sample: Sample | None = None, gates: Gates = GATES) -> Scored:
    return meaning(replace(sample or answered(refusal=False), scores=scores), gates, cost=None)


def told(*scores: Score | ScoreFailure, **more: Any) -> tuple[bool | None, str]:
    scored = meant(*scores, **more)
    return scored.refusal, scored.refusal_kind


def test_the_first_layer_that_speaks_names_it() -> None:
    provider = answered("", refusal=True, refusal_kind="safety")
    assert told(SAID_NO, DECLINED, sample=provider) == (True, "safety")
    assert told(SAID_NO, DECLINED) == (True, "text")
    assert told(NONE, DECLINED) == (True, "judge")
    assert told(NONE, FINE) == (False, "")


def test_a_scorer_that_should_have_told_and_failed_leaves_it_unknown() -> None:
    assert told(NONE, SILENT) == (None, "")
    assert told(SAID_NO, SILENT) == (None, ""), "else only the refusals of what failed would be left"
    asked_of_quality = replace(GATES, refusals=frozenset({"heuristics"}))
    assert told(NONE, SILENT, gates=asked_of_quality) == (False, "")
    assert meant(NONE, SILENT, gates=asked_of_quality).quality is None


def test_a_word_that_counts_for_nothing_tells_no_refusal() -> None:
    uncalibrated = Gates(samples=frozenset({"heuristics"}), refusals=frozenset({"heuristics"}))
    assert told(NONE, DECLINED, gates=uncalibrated) == (False, "")


# ------------------------------------------------------------------ who tells, and what follows from it


@dataclass(kw_only=True)
class Plug:
    words: list[Any] = field(default_factory=list)
    is_free: bool = True
    version: str = "v1"

    async def score(self, _: Any) -> Any:
        return self.words[0]


def seat(plug: Any, *, gates: bool = True) -> Seat:
    return Seat(use=ScorerUse(use="plug"), plug=plug, gates=gates)


def a_bench(*seats: Seat) -> Bench:
    return Bench(seats=list(seats), till=FakeTill(), rollout=lambda: "ro-1")


@pytest.mark.parametrize(
    ("one", "tells"),
    [
        (seat(Heuristics()), True),
        (seat(Heuristics(), gates=False), False),
        (seat(Judge(model="m", on="samples")), False),
        (seat(Judge(model="m", on="samples", refusals=True)), True),
        (seat(Judge(model="m", on="both", refusals=True), gates=False), False),
        (seat(Plug()), False),
    ],
)
def test_refusals_are_told_by_scorers_that_can_and_that_count(*, one: Seat, tells: bool) -> None:
    assert a_bench(one).tells_refusals is tells
    assert a_bench(seat(Plug()), one).tells_refusals is tells


def test_the_bench_gives_the_words_on_refusals_their_meaning() -> None:
    bench = a_bench(seat(Heuristics()))
    sample = answered("I'm sorry, but I can't help with that.", refusal=False, finish_reason="stop")
    words = asyncio.run(bench.score(sample))
    scored = bench.scored(replace(sample, scores=words), cost=None)
    assert (scored.refusal, scored.refusal_kind) == (True, "text")


def test_where_they_are_told_of_samples_what_requests_report_of_them_is_not_read() -> None:
    assert Measured.by(Quality(), refusals=True).metrics == (Metric.REFUSAL_RATE,)
    assert Measured.by(Quality(), gates=True, refusals=True).metrics == (Metric.QUALITY, Metric.REFUSAL_RATE)
    assert Measured.by(Quality()).metrics == ()
