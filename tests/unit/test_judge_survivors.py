"""What ends first is not like what ends last: none of it may decide, and no clock, stall or flood may upset the judge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis import Analysis, Guardrail, Margin, Metric, Observation, Outcome
from verdigris.core.analysis import waiting as waiting_room
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.lanes import answer_lag
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS
from verdigris.core.model.strata import MOST_STRATA

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)


def slower(seed: int, times: float, n: int) -> list[Observation]:
    """Hard requests take longer and score higher; the candidate takes `times` as long for the same scores."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        candidate, hard = bool(rng.random() < 0.5), float(rng.normal())
        duration = 2.0 * math.exp(0.5 * hard) * (times if candidate else 1.0)
        quality = min(max(0.75 + 0.12 * hard + 0.05 * float(rng.normal()), 0.0), 1.0)
        rows.append(
            Observation(
                at=number / 50 + duration,
                environment="candidate" if candidate else "stable",
                status=200,
                duration=duration,
                quality=quality,
            )
        )
    return sorted(rows, key=lambda row: row.at)


def ends_as(seed: int, *, times: float, lag: float) -> Outcome:
    analysis = Analysis(QUALITY, lag=lag)
    analysis.expect(0.5)
    for row in slower(seed, times, 3_000):
        analysis.observe(row)
        if analysis.outcome in (Outcome.FAIL, Outcome.PASS):
            break
    return analysis.outcome


@pytest.mark.parametrize("times", [1.0, 1.5, 3.0])
def test_a_slower_candidate_of_the_same_quality_is_not_rolled_back_for_its_quick_answers(times: float) -> None:
    assert [ends_as(seed, times=times, lag=20.0) for seed in range(6)].count(Outcome.FAIL) == 0


def test_without_a_lag_it_would_be() -> None:
    assert [ends_as(seed, times=2.0, lag=0.0) for seed in range(6)].count(Outcome.FAIL) >= 3


def test_answers_wait_no_longer_than_a_much_slower_candidate_needs() -> None:
    rng = np.random.default_rng(1)
    terms = Terms(guardrails=DEFAULT_GUARDRAILS, stable="blue", candidate="green", lag=120.0)
    known = baseline(rng)  # a median of 0.15 s
    assert 1.0 <= answer_lag(terms.lag, known.sketches[Source.LATENCY]) < 2.0
    assert answer_lag(terms.lag, None) == 120.0
    slow = baseline(rng, stable=Behaviour(latency=100.0))
    assert answer_lag(terms.lag, slow.sketches[Source.LATENCY]) == 120.0


def test_harm_in_answers_is_found_a_little_after_they_began() -> None:
    rng = np.random.default_rng(2)
    book = ledger(baseline=baseline(rng), lag=120.0)
    assert feed(book, rng, 4_000, batch=50, candidate=Behaviour(quality=0.6)) < 1_500
    assert book.failure is not None
    assert book.failure.at < 4.0


def test_a_stall_that_hits_both_sides_breaks_no_limit_of_latency() -> None:
    rng, failures = np.random.default_rng(3), 0
    for _ in range(10):
        book = ledger(baseline=baseline(rng))
        feed(book, rng, 400, batch=20)
        stalled = [replace(row, duration=7.0) for row in observations(rng, 60, start=1.0)]
        book.fold([replace(row, at=1.5) for row in stalled])
        failures += outcome(book) is Outcome.FAIL
    assert failures == 0


def test_a_slow_candidate_is_not_taken_for_a_missing_one() -> None:
    rows = slower(4, 45.0, 3_000)
    book = ledger(guardrails=QUALITY, lag=300.0)
    book.expect(0.0, 0.5)
    sides = {"candidate": "green", "stable": "blue"}
    for start in range(0, len(rows), 50):
        book.fold([replace(row, environment=sides[row.environment]) for row in rows[start : start + 50]])
        assert outcome(book) is not Outcome.INVALID


def test_one_clock_from_the_future_moves_nothing() -> None:
    rng = np.random.default_rng(5)
    book = ledger(guardrails=QUALITY, baseline=baseline(rng), lag=600.0)
    book.expect(0.0, 0.5)
    feed(book, rng, 100, batch=50)
    book.fold([replace(observations(rng, 1)[0], at=1e7)])
    feed(book, rng, 4_000, batch=50, share=0.1)
    assert book.live.settled is not None
    assert book.live.settled.lane.trials[0].compared == 0  # nothing is 600 seconds old
    assert book.ratio.open < 100


def test_what_waits_is_thinned_also_when_it_came_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "MOST", 100)
    rng = np.random.default_rng(6)
    book = ledger(guardrails=QUALITY, lag=1e5)
    for row in observations(rng, 900):
        book.fold([row])
    assert book.live.settled is not None
    assert 50 <= book.live.settled.waiting.count <= 100


def test_whole_numbers_beyond_every_float_are_no_values() -> None:
    analysis = Analysis()
    row = Observation(at=1.0, environment="stable", status=200, duration=0.1, cost=10**400)
    analysis.observe_all([row, replace(row, at=10**400), replace(row, cost=None, quality=10**400)])
    verdict = analysis.verdict()
    assert verdict.samples_stable == 2
    assert verdict.findings[0].stable.n == 0


def test_evidence_of_latency_comes_no_later_in_large_batches() -> None:
    guardrails = (Guardrail(metric=Metric.LATENCY_P50, margin=Margin(relative=0.5)),)
    rng = np.random.default_rng(7)
    rows = [
        replace(row, at=row.at * 40)
        for row in observations(rng, 3_000, candidate=Behaviour(latency=0.3))  # ten a second
    ]
    needed = {}
    for batch in (20, 1_000):
        book = ledger(guardrails=guardrails, baseline=baseline(np.random.default_rng(7)))
        for start in range(0, len(rows), batch):
            book.fold(rows[start : start + batch])
            if book.failure is not None:
                needed[batch] = start + batch
                break
    assert needed[1_000] <= needed[20] + 1_000


def test_a_stratum_that_comes_late_must_be_proven_too() -> None:
    rng = np.random.default_rng(8)
    book = ledger(guardrails=QUALITY, baseline=baseline(rng), stratified=True)
    for start in range(0, 2_000, 50):
        book.fold([replace(row, stratum="old") for row in observations(rng, 50, start=start / 400)])
    assert outcome(book) is Outcome.PASS
    for start in range(2_000, 2_300, 50):
        rows = observations(rng, 50, start=start / 400)
        lucky = {row: float(rng.random() < (0.8 if row.environment == "blue" else 0.66)) for row in rows}
        book.fold([replace(row, stratum="new", quality=quality) for row, quality in lucky.items()])
    assert outcome(book) is Outcome.WAITING
    assert "not yet proven inside 'new'" in judge(book, at=1.0).missing[-1]
    assert len(book.strata.names) < MOST_STRATA


def test_a_side_that_goes_on_changing_its_model_is_judged_all_the_same() -> None:
    rng = np.random.default_rng(9)
    book = ledger(baseline=baseline(rng))
    for start in range(0, 8_000, 50):
        rows = observations(rng, 50, start=start / 400)
        book.fold([replace(row, response_model=f"m-{start // 200}") for row in rows])
    assert outcome(book) is Outcome.PASS
    texts = [caution.text for caution in book.watch.cautions()]
    assert any(text.endswith("it changes too often to begin anew") for text in texts)


def test_the_moment_of_failure_is_that_of_its_chunk() -> None:
    rng = np.random.default_rng(10)
    book = ledger(baseline=baseline(rng))
    book.fold(observations(rng, 20_000, candidate=Behaviour(quality=0.5)))
    assert book.failure is not None
    assert book.failure.at < 10.0


def test_a_candidate_well_within_the_margin_is_not_rolled_back_while_its_proof_waits() -> None:
    """Two per cent worse where ten are allowed: harm is certain long before the lag is over, and is no reason."""
    rng = np.random.default_rng(11)
    book = ledger(guardrails=QUALITY, baseline=baseline(rng), lag=120.0)
    feed(book, rng, 24_000, batch=500, candidate=Behaviour(quality=0.833))
    assert book.tracks[0].value(0) > 20.0
    assert outcome(book) is Outcome.WAITING


def test_without_a_past_answers_wait_as_long_as_stable_takes_now() -> None:
    rng = np.random.default_rng(12)
    book = ledger(lag=120.0)
    assert feed(book, rng, 6_000, batch=50, candidate=Behaviour(quality=0.6)) < 2_500
    assert book.failure is not None
    assert judge(book, at=10.0).reason.startswith("quality fell")
