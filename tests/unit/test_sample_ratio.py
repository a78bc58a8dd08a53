"""Was the traffic split as configured? Looked up by the moment at which a request began."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from support.streams import Behaviour, ledger, observations
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.verdict import Outcome

ERRORS_ONLY = tuple(guardrail for guardrail in DEFAULT_GUARDRAILS if guardrail.metric is Metric.ERROR_RATE)


def traffic(real: float, *, seconds: float, start: float = 0.0, seed: int = 1, **kinds: Behaviour) -> list[Observation]:
    """Requests that begin during `seconds` and are really split at `real`."""
    rows = observations(np.random.default_rng(seed), int(400 * seconds), share=real, start=start, **kinds)
    return [replace(row, at=row.at + row.duration) for row in rows]


def fold(book: Ledger, rows: list[Observation]) -> None:
    """In batches, in the order in which the requests end."""
    rows = sorted(rows, key=lambda row: row.at)
    for begin in range(0, len(rows), 200):
        book.fold(rows[begin : begin + 200])


def split(book: Ledger, real: float, *, seconds: float, start: float = 0.0, **kinds: Behaviour) -> None:
    fold(book, traffic(real, seconds=seconds, start=start, **kinds))


def test_a_wrong_split_is_invalid_and_says_so() -> None:
    book = ledger()
    book.expect(0.0, 0.5)
    split(book, 0.4, seconds=60)
    verdict = judge(book, at=60.0)
    assert verdict.outcome is Outcome.INVALID
    assert "not split as configured" in verdict.reason
    assert "the traffic is not split as configured" in verdict.missing


def test_the_right_split_is_not_blamed() -> None:
    book = ledger()
    book.expect(0.0, 0.1)
    split(book, 0.1, seconds=60)
    assert book.ratio.candidate + book.ratio.stable > 10_000
    assert book.ratio.capital.peak < 50


def test_a_slow_candidate_is_not_a_missing_one() -> None:
    """Its requests are still under way when stable's are counted."""
    book = ledger(guardrails=ERRORS_ONLY)
    book.expect(0.0, 0.5)
    split(book, 0.5, seconds=60, candidate=Behaviour(latency=4.0))
    assert not book.ratio.mismatch
    assert book.ratio.candidate > 3_000


def test_changes_count_by_the_beginning_of_a_request() -> None:
    """Requests of five seconds that began before the change end well after it."""
    book = ledger(guardrails=ERRORS_ONLY)
    for at, share in ((0.0, 0.1), (20.0, None), (20.2, 0.6)):
        book.expect(at, share)
    slow = Behaviour(latency=5.0)
    before = traffic(0.1, seconds=20, stable=slow, candidate=slow)
    fold(book, before + traffic(0.6, seconds=70, start=20.2, seed=2, stable=slow, candidate=slow))
    assert not book.ratio.mismatch
    assert book.ratio.expected > 3_000


def test_a_change_may_take_a_moment_to_reach_every_request() -> None:
    book = ledger(guardrails=ERRORS_ONLY)
    book.expect(0.0, 0.1)
    book.expect(20.0, 0.6)
    fold(book, traffic(0.1, seconds=20.4) + traffic(0.6, seconds=40, start=20.4, seed=2))
    assert not book.ratio.mismatch
    assert book.ratio.expected > 3_000


def test_nothing_is_tested_before_a_share_is_known_at_zero_or_at_one() -> None:
    book = ledger()
    split(book, 0.5, seconds=40)
    book.expect(40.0, 0.0)
    split(book, 0.3, seconds=40, start=41.0)
    book.expect(81.0, 1.0)
    split(book, 0.9, seconds=40, start=82.0)
    assert book.ratio.candidate + book.ratio.stable == 0
    assert book.samples(Role.CANDIDATE) > 0


def test_memory_is_bounded() -> None:
    book = ledger()
    for second in range(2_000):
        book.expect(float(second), 0.4 + 0.2 * (second % 2))
        book.expect(float(second), 0.4 + 0.2 * (second % 2))
    assert len(book.ratio.shares) == 64
    split(book, 0.5, seconds=30, start=2_000.0)
    assert len(book.ratio.waiting) < 310
