"""Verdicts: which outcome, for which reason, in which words."""

from __future__ import annotations

import doctest
from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core import analysis
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Finding, Outcome, Standing, Verdict


def finding(verdict: Verdict, metric: Metric) -> Finding:
    return next(one for one in verdict.findings if one.metric is metric)


def judged(book: Ledger) -> Verdict:
    return judge(book, at=100.0)


def run(n: int, *, seed: int = 1, batch: int = 50, share: float = 0.5, **kinds: Behaviour) -> Verdict:
    rng = np.random.default_rng(seed)
    book = ledger(baseline=baseline(rng))
    feed(book, rng, n, batch=batch, share=share, **kinds)
    return judged(book)


def without(rows: list[Observation], environment: str, **fields: object) -> list[Observation]:
    return [replace(row, **fields) if row.environment == environment else row for row in rows]


def test_nothing_folded_is_no_data() -> None:
    verdict = judged(ledger())
    assert verdict.outcome is Outcome.NO_DATA
    assert verdict.missing[:2] == ("no stable requests yet", "no candidate requests yet")
    assert verdict.evidence == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "silent"), [(0.0, "candidate"), (1.0, "stable")])
def test_one_role_without_requests_is_no_data(share: float, silent: str) -> None:
    verdict = run(2_000, share=share)
    assert verdict.outcome is Outcome.NO_DATA
    assert f"no {silent} requests yet" in verdict.reason


def test_a_healthy_candidate_passes() -> None:
    verdict = run(6_000)
    assert verdict.outcome is Outcome.PASS
    assert verdict.missing == ()
    assert verdict.reason.startswith("proven no worse than the margin in quality, cost")
    assert all(one.standing is Standing.SAFE for one in verdict.findings)


def test_before_that_it_waits_and_says_for_what() -> None:
    verdict = run(600)
    assert verdict.outcome is Outcome.WAITING
    assert any(phrase.startswith("error_rate: no worse than +1 point not yet proven (e ") for phrase in verdict.missing)
    needed = finding(verdict, Metric.ERROR_RATE).needed
    assert needed is not None
    assert 100 < needed < 10_000


def test_few_candidate_requests_do_not_pass() -> None:
    rng = np.random.default_rng(1)
    book = ledger()
    feed(book, rng, 6_000, batch=100)
    assert judge(book, at=1.0).outcome is Outcome.PASS
    verdict = judge(book, at=1.0, min_candidate=100_000)
    assert verdict.outcome is Outcome.WAITING
    assert "of 100,000 candidate requests" in verdict.missing[0]


@pytest.mark.parametrize(
    ("metric", "candidate"),
    [
        (Metric.QUALITY, Behaviour(quality=0.75)),
        (Metric.COST, Behaviour(cost=0.02)),
        (Metric.ERROR_RATE, Behaviour(errors=0.15)),
        (Metric.LATENCY_P99, Behaviour(latency=0.6)),
        (Metric.REFUSAL_RATE, Behaviour(refusals=0.15)),
    ],
)
def test_each_guardrail_fails_for_its_own_reason(metric: Metric, candidate: Behaviour) -> None:
    verdict = run(3_000, candidate=candidate)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith(f"{metric} {'fell' if metric is Metric.QUALITY else 'rose'} by ")
    assert "proven worse" in verdict.reason
    assert verdict.evidence >= verdict.threshold
    assert finding(verdict, metric).standing is Standing.HARMFUL


def test_the_reason_is_numbers() -> None:
    rng = np.random.default_rng(4)
    book = ledger(baseline=baseline(rng))
    feed(book, rng, 3_000, batch=50, candidate=Behaviour(quality=0.76))
    one = finding(judged(book), Metric.QUALITY)
    assert one.stable.value is not None
    assert one.candidate.value is not None
    assert f"({one.stable.value:.3f} → {one.candidate.value:.3f}, " in one.reason


def test_better_is_never_a_failure() -> None:
    better = Behaviour(quality=0.95, errors=0.0, refusals=0.0, latency=0.05, cost=0.001)
    assert run(6_000, candidate=better).outcome is Outcome.PASS


def test_a_limit_fails_where_both_sides_are_alike() -> None:
    broken = Behaviour(errors=0.2)
    verdict = run(2_000, stable=broken, candidate=broken)
    assert verdict.outcome is Outcome.FAIL
    assert "proven above the limit of 5.0 %" in verdict.reason
    assert finding(verdict, Metric.ERROR_RATE).harm < 20


def test_a_quality_floor_fails_too() -> None:
    rng = np.random.default_rng(1)
    book = ledger(guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), limit=0.7),))
    feed(book, rng, 3_000, batch=50, stable=Behaviour(quality=0.6), candidate=Behaviour(quality=0.6))
    assert "proven below the floor of 0.700" in judged(book).reason


def test_limits_watch_the_candidate_alone_after_the_switch() -> None:
    rng = np.random.default_rng(1)
    book = ledger()
    feed(book, rng, 6_000, batch=100)
    feed(book, rng, 6_000, batch=100, share=1.0)
    assert judged(book).outcome is Outcome.PASS
    feed(book, rng, 300, batch=20, share=1.0, candidate=Behaviour(errors=0.5))
    assert judged(book).outcome is Outcome.FAIL


def test_a_candidate_that_no_longer_reports_quality_fails() -> None:
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng))
    for _ in range(10):
        book.fold(without(observations(rng, 100), "green", quality=None))
    verdict = judged(book)
    assert verdict.outcome is Outcome.FAIL
    assert "quality is missing in 100.0 % of the candidate's answers and in 0.0 % of stable's" in verdict.reason


def test_quality_missing_alike_in_both_is_no_harm_and_no_pass() -> None:
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng))
    for _ in range(60):
        book.fold([replace(row, quality=None) for row in observations(rng, 100)])
    verdict = judged(book)
    assert verdict.outcome is Outcome.WAITING
    assert verdict.missing == ("quality: no values from stable and candidate",)
    assert finding(verdict, Metric.QUALITY).standing is Standing.NO_DATA


def test_what_was_never_reported_does_not_gate_unless_required() -> None:
    rng = np.random.default_rng(1)
    book = ledger()
    required = ledger(guardrails=(replace(DEFAULT_GUARDRAILS[0], required=True), *DEFAULT_GUARDRAILS[1:]))
    for _ in range(60):
        rows = [replace(row, quality=None) for row in observations(rng, 100)]
        book.fold(rows)
        required.fold(rows)
    verdict = judged(book)
    assert verdict.outcome is Outcome.PASS
    assert finding(verdict, Metric.QUALITY).standing is Standing.NOT_MEASURED
    assert finding(verdict, Metric.QUALITY).share == pytest.approx(finding(verdict, Metric.QUALITY).weight)
    verdict = judged(required)
    assert verdict.outcome is Outcome.WAITING
    assert verdict.missing == ("quality: no values from stable and candidate",)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 85.0])
def test_impossible_quality_is_counted_and_never_used(bad: float) -> None:
    rng = np.random.default_rng(1)
    book = ledger()
    for _ in range(60):
        book.fold([replace(row, quality=bad) for row in observations(rng, 100)])
    verdict = judged(book)
    one = finding(verdict, Metric.QUALITY)
    assert one.standing is Standing.NOT_MEASURED
    assert one.candidate.n == 0
    assert "left out as no possible values" in one.reason
    assert np.isfinite(verdict.evidence)


def test_without_any_guardrail_nothing_passes() -> None:
    book = ledger(guardrails=())
    feed(book, np.random.default_rng(1), 1_000, batch=100)
    verdict = judged(book)
    assert verdict.outcome is Outcome.WAITING
    assert verdict.missing == ("no guardrail has anything to judge",)


def test_a_drop_that_was_proven_small_is_no_failure() -> None:
    """Provably a little worse while ten percent were allowed: once that is proven, only more than that is harm."""
    book = ledger(guardrails=DEFAULT_GUARDRAILS[:1])
    feed(book, np.random.default_rng(8), 20_000, batch=500, candidate=Behaviour(quality=0.835))
    verdict = judged(book)
    assert verdict.findings[0].harm > 20
    assert verdict.outcome is Outcome.PASS


def test_a_service_that_costs_nothing_can_pass() -> None:
    free = Behaviour(cost=0.0)
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng, stable=free))
    feed(book, rng, 1_000, batch=100, stable=free, candidate=free)
    assert finding(judged(book), Metric.COST).standing is Standing.SAFE


def test_looking_changes_nothing() -> None:
    rng, book = np.random.default_rng(1), ledger()
    feed(book, rng, 1_000, batch=50)
    before = book.encode()
    assert judged(book) == judged(book)
    assert book.encode() == before


def test_weights_are_the_families() -> None:
    verdict = judged(ledger())
    assert [one.weight for one in verdict.findings] == pytest.approx([0.30, 0.15, 0.20, 0.20, 0.15])


def test_intervals_surround_the_estimates() -> None:
    for one in run(3_000).findings:
        for side in (one.stable, one.candidate):
            assert side.value is not None
            assert side.low is not None
            assert side.low <= side.value
            assert side.high is None or side.value <= side.high


def test_the_example_in_the_docstring_runs() -> None:
    results = doctest.testmod(analysis)
    assert results.attempted > 5
    assert results.failed == 0
