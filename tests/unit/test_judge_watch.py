"""What restarts a comparison, and what people are told without it deciding anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Outcome


def from_models(rows: list[Observation], **names: str) -> list[Observation]:
    return [replace(row, response_model=names[row.environment]) for row in rows]


def keys(book: Ledger) -> list[str]:
    return [caution.key for caution in judge(book, at=100.0).cautions]


def test_a_new_model_behind_the_candidate_restarts_the_comparison() -> None:
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng))
    for start in range(0, 8_000, 100):
        book.fold(from_models(observations(rng, 100, start=start / 400), blue="m-1", green="m-2"))
    assert outcome(book) is Outcome.PASS
    assert keys(book) == []
    for start in range(8_000, 8_400, 100):
        book.fold(from_models(observations(rng, 100, start=start / 400), blue="m-1", green="m-3"))
    verdict = judge(book, at=21.0)
    assert verdict.outcome is Outcome.WAITING
    assert [caution.text for caution in verdict.cautions] == [
        "candidate's answers come from m-3 where they came from m-2: the comparison begins anew"
    ]
    for start in range(8_400, 16_000, 100):
        book.fold(from_models(observations(rng, 100, start=start / 400), blue="m-1", green="m-3"))
    assert outcome(book) is Outcome.PASS


def test_harm_proven_on_the_old_model_is_not_held_against_the_new_one() -> None:
    rng = np.random.default_rng(2)
    book = ledger(baseline=baseline(rng))
    feed_models = {"blue": "m-1", "green": "m-2"}
    while book.evidence < 5.0:
        rows = observations(rng, 50, candidate=Behaviour(quality=0.78))
        book.fold(from_models(rows, **feed_models))
    assert book.failure is None
    book.fold(from_models(observations(rng, 200), blue="m-1", green="m-3"))
    assert book.evidence < 1.6


def test_two_models_behind_one_side_are_no_change() -> None:
    rng = np.random.default_rng(3)
    book = ledger()
    for _ in range(40):
        rows = observations(rng, 100)
        book.fold([replace(row, response_model=str(rng.choice(["m-1", "m-2"]))) for row in rows])
    assert keys(book) == []


def test_stable_that_moves_is_told_and_the_candidate_is_not_blamed() -> None:
    rng = np.random.default_rng(4)
    book = ledger(baseline=baseline(rng))
    feed(book, rng, 2_000, batch=100)
    assert keys(book) == []
    worse = Behaviour(quality=0.7)
    feed(book, rng, 4_000, batch=100, stable=worse, candidate=worse)
    assert book.failure is None
    assert keys(book) == ["stable:quality"]
    text = judge(book, at=1.0).cautions[0].text
    assert text.startswith("stable's own quality fell since before")


@pytest.mark.parametrize("known", [True, False])
def test_a_stable_side_that_stays_is_not_told_to_move(*, known: bool) -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        book = ledger(baseline=baseline(rng) if known else None)
        feed(book, rng, 5_000, batch=100, candidate=Behaviour(latency=0.16))
        assert keys(book) == []


def test_answers_that_end_for_other_reasons_or_grow_longer_are_told() -> None:
    rng = np.random.default_rng(6)
    book = ledger(baseline=baseline(rng))
    for start in range(0, 4_000, 100):
        rows = observations(rng, 100, start=start / 400)
        book.fold(
            [
                replace(
                    row,
                    finish_reason="length" if row.environment == "green" and i % 3 == 0 else "stop",
                    output_tokens=int(rng.normal(300 if row.environment == "green" else 200, 40)),
                )
                for i, row in enumerate(rows)
            ]
        )
    assert keys(book) == ["finish_reason", "length"]
    assert book.failure is None
    assert keys(Ledger.decode(book.encode())) == ["finish_reason", "length"]


def test_alike_answers_are_not_told_to_differ() -> None:
    rng = np.random.default_rng(7)
    for _ in range(10):
        book = ledger()
        for start in range(0, 3_000, 100):
            rows = observations(rng, 100, start=start / 400)
            book.fold(
                [
                    replace(
                        row,
                        finish_reason=str(rng.choice(["stop", "length", "tool_calls"], p=[0.8, 0.1, 0.1])),
                        output_tokens=int(rng.normal(200, 40)),
                    )
                    for row in rows
                ]
            )
        assert keys(book) == []
