"""Strata: compared among themselves, guarded each, shown each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Outcome, Standing

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)


def labelled(rows: list[Observation], rng: np.random.Generator, shares: dict[str, float]) -> list[Observation]:
    names = rng.choice(list(shares), size=len(rows), p=list(shares.values()))
    return [replace(row, stratum=str(name)) for row, name in zip(rows, names, strict=True)]


def simpson(rng: np.random.Generator, n: int, start: float) -> list[Observation]:
    """Inside each kind both sides are alike; the candidate gets more of the hard kind, which scores lower."""
    rows = []
    for row in observations(rng, n, start=start):
        hard = rng.random() < (0.8 if row.environment == "green" else 0.2)
        quality = None if row.quality is None else row.quality - (0.3 if hard else 0.0)
        rows.append(replace(row, stratum="hard" if hard else "easy", quality=quality))
    return rows


@pytest.mark.parametrize(("stratified", "sound"), [(True, True), (False, False)])
def test_a_mix_that_differs_between_the_sides_is_no_harm(*, stratified: bool, sound: bool) -> None:
    """Simpson's paradox: without strata the same stream rolls an equal candidate back."""
    rng, rolled_back = np.random.default_rng(1), 0
    for _ in range(20):
        book = ledger(guardrails=QUALITY, stratified=stratified)
        for start in range(0, 2_000, 50):
            book.fold(simpson(rng, 50, start / 400))
        rolled_back += outcome(book) is Outcome.FAIL
    assert (rolled_back <= 1) is sound
    assert (rolled_back == 20) is not sound


def hidden(rng: np.random.Generator, n: int, start: float) -> list[Observation]:
    """Fine for nine in ten, a third worse for one in ten."""
    rows = labelled(observations(rng, n, start=start), rng, {"free": 0.8, "pro": 0.2})
    return [
        replace(row, quality=row.quality * 0.72)
        if row.environment == "green" and row.stratum == "pro" and row.quality is not None
        else row
        for row in rows
    ]


@pytest.mark.parametrize("stratified", [True, False])
def test_harm_hidden_in_a_stratum_is_not_promoted(*, stratified: bool) -> None:
    rng, promoted = np.random.default_rng(2), 0
    for _ in range(10):
        book = ledger(guardrails=(replace(QUALITY[0], tolerance=Margin(relative=0.09)),), stratified=stratified)
        for start in range(0, 4_000, 50):
            book.fold(hidden(rng, 50, start / 400))
            if outcome(book) is not Outcome.WAITING:
                break
        promoted += outcome(book) is Outcome.PASS
    assert promoted == (0 if stratified else 10)


def test_each_stratum_is_shown_with_its_own_numbers() -> None:
    rng = np.random.default_rng(3)
    book = ledger(guardrails=QUALITY, stratified=True, baseline=baseline(rng))
    for start in range(0, 1_000, 50):
        book.fold(hidden(rng, 50, start / 400))
    verdict = judge(book, at=5.0)
    by_name = {part.stratum: part for part in verdict.slices}
    assert set(by_name) == {"free", "pro"}
    pro, free = by_name["pro"], by_name["free"]
    assert pro.candidate.value == pytest.approx(0.72 * 0.85, abs=0.03)
    assert pro.stable.value == pytest.approx(0.85, abs=0.03)
    assert free.candidate.value == pytest.approx(0.85, abs=0.03)
    assert pro.harm > 100 > free.harm
    assert pro.standing is Standing.HARMFUL
    assert verdict.overlap == 1.0


def test_kinds_that_only_one_side_meets_leave_no_overlap_and_no_pass() -> None:
    rng = np.random.default_rng(4)
    book = ledger(guardrails=QUALITY, stratified=True, baseline=baseline(rng))
    for start in range(0, 4_000, 50):
        rows = observations(rng, 50, start=start / 400)
        book.fold(
            [
                replace(row, stratum="new" if row.environment == "green" and i % 4 == 0 else "old")
                for i, row in enumerate(rows)
            ]
        )
    verdict = judge(book, at=10.0)
    assert verdict.outcome is Outcome.WAITING
    assert verdict.overlap == pytest.approx(0.75, abs=0.02)
    assert "of kinds that both roles met, of 90 %" in verdict.missing[-1]


def test_starved_strata_wait_for_their_partner_and_healthy_ones_pass() -> None:
    rng = np.random.default_rng(5)
    shares = {"a": 0.5, "b": 0.42, **{f"rare-{number}": 0.02 for number in range(4)}}
    book = ledger(guardrails=QUALITY, stratified=True, baseline=baseline(rng))
    for start in range(0, 6_000, 50):
        book.fold(labelled(observations(rng, 50, start=start / 400, share=0.1), rng, shares))
    assert outcome(book) is Outcome.PASS


def test_strata_are_kept_across_a_restart() -> None:
    rng = np.random.default_rng(6)
    book = ledger(stratified=True, multiples=(1.0, 4.0))
    for start in range(0, 1_000, 50):
        book.fold(hidden(rng, 50, start / 400))
    copy = Ledger.decode(book.encode())
    rows = hidden(rng, 500, 3.0)
    book.fold(rows)
    copy.fold(rows)
    assert copy.encode() == book.encode()
    assert judge(copy, at=9.0) == judge(book, at=9.0)


def test_without_strata_there_are_no_slices() -> None:
    book = ledger()
    feed(book, np.random.default_rng(7), 500, batch=50, candidate=Behaviour(quality=0.8))
    verdict = judge(book, at=1.0)
    assert verdict.slices == ()
    assert verdict.overlap is None
