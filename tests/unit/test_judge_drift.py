"""Drift: what the candidate does otherwise than stable is told once, when it is certain and large, and decides nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.sampled import ERRORS, GUARDRAILS, scored, terms
from support.streams import ledger, observations
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.compared import PairKind
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored


def cautions(book: Ledger) -> dict[str, str]:
    return {caution.key: caution.text for caution in judge(book, at=1.0).cautions}


def sampled(book: Ledger, n: int, say, *, seed: int = 1) -> None:
    """`n` samples in batches of 20; `say(row, draw)` gives what describes each."""
    rng = np.random.default_rng(seed)
    for start in range(0, n, 20):
        rows = scored(20, start=float(start))
        book.score([replace(row, **say(row, float(draw))) for row, draw in zip(rows, rng.random(20), strict=True)])


def is_candidate(row: Scored) -> bool:
    return row.environment == "green"


DIFFERENCES = {
    "language": lambda row, draw: {"language": "de" if is_candidate(row) and draw < 0.3 else "en"},
    "form": lambda row, draw: {"form": "broken json" if is_candidate(row) and draw < 0.2 else "json"},
    "tools": lambda row, draw: {"tools": draw < (0.8 if is_candidate(row) else 0.5)},
    "refusal": lambda row, draw: {"refusal": draw < 0.3, "refusal_kind": "safety" if is_candidate(row) else "policy"},
    "defect": lambda row, draw: {"defect": draw < 0.15, "defect_label": "loop" if is_candidate(row) else "empty"},
}


def book_of_samples() -> Ledger:
    return Ledger.begin(terms(guardrails=GUARDRAILS, lag=0.0, scoring=0.0))


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_told_with_what_it_was(name: str) -> None:
    book = book_of_samples()
    sampled(book, 1_000, DIFFERENCES[name])
    told = cautions(book)
    assert list(told) == [name]
    assert "% of them, in " in told[name]
    assert book.failure is None
    sampled(book, 200, DIFFERENCES[name], seed=2)
    assert cautions(book) == told  # the same words as long as it is the same thing
    assert cautions(Ledger.decode(book.encode())) == told


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_is_alike_is_not_told(name: str) -> None:
    book = book_of_samples()
    sampled(book, 1_000, lambda row, draw: DIFFERENCES[name](replace(row, environment="blue"), draw))
    assert cautions(book) == {}


def test_a_small_difference_is_not_told_however_certain() -> None:
    book = ledger(guardrails=(ERRORS,))
    rng = np.random.default_rng(3)
    for start in range(0, 60_000, 2_000):
        rows = observations(rng, 2_000, start=start / 400)
        book.fold(
            [
                replace(
                    row,
                    finish_reason="length" if rng.random() < (0.05 if row.environment == "green" else 0.02) else "stop",
                )
                for row in rows
            ]
        )
    contrast = book.watch.drift.contrasts["finish_reason"]
    assert contrast.test.peak > 1e6
    assert cautions(book) == {}


def test_lengths_say_which_of_them_are_more() -> None:
    rng, book = np.random.default_rng(4), ledger(guardrails=(ERRORS,))
    for start in range(0, 4_000, 200):
        rows = observations(rng, 200, start=start / 400)
        book.fold(
            [
                replace(row, output_tokens=int(rng.integers(50, 150)) * (2 if row.environment == "green" else 1))
                for row in rows
            ]
        )
    assert "'longest tenth' in " in cautions(book)["length"]


# ------------------------------------------------------------------ similarity


def alike(rng: np.random.Generator, n: int, *, shadow: float, own: float, each: int = 10) -> list[Pair]:
    """One in `each` pairs is stable with itself."""
    return [
        Pair(
            at=float(i),
            stable=Answer(quality=0.5),
            candidate=Answer(quality=0.5),
            kind=PairKind.SELF if i % each == 0 else PairKind.SHADOW,
            similarity=float(np.clip(rng.normal(own if i % each == 0 else shadow, 0.05), 0.0, 1.0)),
        )
        for i in range(n)
    ]


def test_answers_less_alike_than_stables_own_are_told() -> None:
    rng, book = np.random.default_rng(5), Ledger.begin(terms(pairs=0.25))
    book.pair(alike(rng, 600, shadow=0.6, own=0.85))
    assert list(cautions(book)) == ["similarity"]
    assert "less like stable's (0.6" in cautions(book)["similarity"]
    assert cautions(Ledger.decode(book.encode())) == cautions(book)
    assert book.failure is None


@pytest.mark.parametrize(("shadow", "own"), [(0.6, 0.6), (0.6, 0.62), (0.9, 0.6)])
def test_answers_as_alike_as_stables_own_are_not(shadow: float, own: float) -> None:
    rng, book = np.random.default_rng(6), Ledger.begin(terms(pairs=0.25))
    book.pair(alike(rng, 2_000, shadow=shadow, own=own))
    assert cautions(book) == {}


def test_without_stables_own_second_answers_nothing_is_said() -> None:
    rng, book = np.random.default_rng(7), Ledger.begin(terms(pairs=0.25))
    book.pair([pair for pair in alike(rng, 1_000, shadow=0.2, own=0.9) if pair.kind is PairKind.SHADOW])
    assert cautions(book) == {}


# ------------------------------------------------------------------ fingerprints


def fold_fingerprints(book: Ledger, names: list[str], *, start: int = 0) -> int:
    """Both sides' answers one after the other, the same fingerprint for two requests; returns how many there were by now."""
    rows = [
        Observation(
            at=float(start + i),
            environment=("blue", "green")[i % 2],
            status=200,
            duration=0.5,
            response_model="m",
            fingerprint=name,
        )
        for i, name in enumerate(name for name in names for _ in range(2))
    ]
    for place in range(0, len(rows), 20):
        book.fold(rows[place : place + 20])
    return start + len(rows)


def restarts(names: list[str]) -> tuple[int, list[str]]:
    book = Ledger.begin(Terms(guardrails=(ERRORS,), stable="blue", candidate="green"))
    fold_fingerprints(book, names)
    kept = Ledger.decode(book.encode())
    assert kept.encode() == book.encode()
    return book.watch.restarts, [caution.text for caution in judge(book, at=1.0).cautions]


def test_a_configuration_that_changes_for_good_restarts_the_comparison() -> None:
    number, told = restarts(["fp_a"] * 100 + ["fp_b"] * 400)
    assert number == 1
    assert told[0].startswith("stable's answers come from the model configuration fp_b where they came from fp_a")
    assert told[0].endswith("the comparison begins anew")


@pytest.mark.parametrize(
    "names",
    [
        ["fp_a", "fp_b", "fp_c"] * 300,  # in turn, all the time
        (["fp_a"] * 60 + ["fp_b"] * 60) * 8,  # in stretches
        [f"fp_{i}" for i in range(900)],  # each answer has its own
        [f"fp_{i // 50}" for i in range(900)],  # a new one every time one looks
        ["fp_a"] * 200 + ["fp_b"] * 70 + ["fp_a"] * 400,  # an episode
        ["fp_a"] * 100 + ["fp_a", "fp_a", "fp_b"] * 300,  # a third of the answers
    ],
    ids=["in turn", "in stretches", "each its own", "ever new", "an episode", "a third"],
)
def test_what_does_not_last_does_not(names: list[str]) -> None:
    assert restarts(names) == (0, [])


def test_one_that_comes_back_is_no_change() -> None:
    number, _ = restarts((["fp_a"] * 250 + ["fp_b"] * 250) * 5)
    assert number <= 2  # once for each side at the most


def test_a_new_set_of_several_is_a_change() -> None:
    number, told = restarts(["fp_a", "fp_b"] * 100 + ["fp_c", "fp_d"] * 300)
    assert number >= 1
    assert "fp_c, fp_d where they came from fp_a, fp_b" in told[0]


def test_a_change_is_seen_though_others_have_each_their_own() -> None:
    number, told = restarts(["fp_a"] * 100 + [each for i in range(300) for each in (f"fp_{i}", "fp_b", "fp_b")])
    assert number >= 1
    assert "fp_b where" in told[0]
