"""How soon harm is found: medians over seeded simulations with all five default guardrails, counted in requests.

The bounds are the ones this project promises.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.judge import judge
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Outcome

pytestmark = pytest.mark.statistical
RUNS = 21


def median_requests(
    *, stable: Behaviour, candidate: Behaviour, share: float, known: bool = True, batch: int = 20, limit: int = 6_000
) -> float:
    """Requests of both roles until FAIL; a run that never fails counts as `limit`."""
    rng = np.random.default_rng(30)
    past = baseline(rng, stable=stable) if known else None
    return float(
        np.median(
            [
                feed(ledger(baseline=past), rng, limit, batch=batch, share=share, stable=stable, candidate=candidate)
                for _ in range(RUNS)
            ]
        )
    )


@pytest.mark.parametrize("known", [True, False], ids=["with a baseline", "without"])
@pytest.mark.parametrize(
    ("stable", "candidate", "share", "bound"),
    [
        (Behaviour(quality=0.80), Behaviour(quality=0.72), 0.5, 600),
        (Behaviour(quality=0.80), Behaviour(quality=0.64), 0.1, 500),
        (Behaviour(errors=0.01), Behaviour(errors=0.10), 0.1, 800),
        (Behaviour(refusals=0.02), Behaviour(refusals=0.06), 0.5, 1_600),
        (Behaviour(), Behaviour(cost=0.015), 0.5, 900),
    ],
    ids=["quality -10 %", "quality -20 %, a tenth", "errors 1 to 10 %, a tenth", "refusals 2 to 6 %", "cost +50 %"],
)
def test_harm_is_found_soon(stable: Behaviour, candidate: Behaviour, share: float, bound: int, *, known: bool) -> None:
    assert median_requests(stable=stable, candidate=candidate, share=share, known=known) <= bound


def test_larger_batches_cost_no_more_than_themselves() -> None:
    """Blocks as large as a busy controller folds them are as powerful as small ones."""
    harm = Behaviour(quality=0.76)
    small = median_requests(stable=Behaviour(), candidate=harm, share=0.5, batch=20)
    large = median_requests(stable=Behaviour(), candidate=harm, share=0.5, batch=150)
    assert large <= small + 150


@pytest.mark.parametrize("share", [0.1, 0.05, 0.01])
def test_a_candidate_that_only_fails_is_found_at_once(share: float) -> None:
    rng = np.random.default_rng(31)
    known = baseline(rng)
    for past in (known, None):
        for _ in range(10):
            book = ledger(baseline=past)
            book.fold(observations(rng, 100, share=0.0))
            feed(book, rng, 3_000, batch=1, share=share, candidate=Behaviour(errors=1.0))
            assert book.failure is not None
            assert book.samples(Role.CANDIDATE) <= 6


def test_harm_that_starts_late_is_found() -> None:
    rng = np.random.default_rng(32)
    known, late = baseline(rng), []
    for _ in range(RUNS):
        book = ledger(baseline=known)
        feed(book, rng, 3_000, batch=100)
        assert book.failure is None
        late.append(feed(book, rng, 3_000, batch=20, candidate=Behaviour(quality=0.6)))
    assert np.median(late) <= 600


def test_a_healthy_candidate_is_promoted() -> None:
    rng = np.random.default_rng(33)
    known, passed = baseline(rng), []
    for _ in range(RUNS):
        book = ledger(baseline=known)
        passed.append(feed(book, rng, 8_000, batch=100, until=lambda book: judge(book, at=0.0).outcome is Outcome.PASS))
    assert np.median(passed) <= 3_000
    assert np.mean(np.array(passed) < 8_000) >= 0.9


def test_a_stall_before_the_rollout_does_not_leave_latency_unprovable() -> None:
    """A threshold learned in bad times lies so high that nobody exceeds it: it has to follow what stable does now."""
    rng = np.random.default_rng(34)
    stalled = [
        replace(seen, duration=seen.duration + 1.0) if i % 20 == 0 else seen
        for i, seen in enumerate(observations(rng, 1_500, share=0.0))
    ]
    known = Baseline()
    known.fold(stalled, stable="blue")
    passed = []
    for _ in range(RUNS):
        book = ledger(baseline=known)
        passed.append(feed(book, rng, 8_000, batch=100, until=lambda book: judge(book, at=0.0).outcome is Outcome.PASS))
    assert np.median(passed) <= 4_000
    assert np.mean(np.array(passed) < 8_000) >= 0.9
