"""Requests that hang: they come in late, and a candidate may not be taken for safe before they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import baseline, ledger, observations
from verdigris.core.analysis.judge import outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.waiting import MOST
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Outcome

ERRORS = (Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01)),)
TIMEOUT = 120.0


def hanging(rng: np.random.Generator, n: int, *, share: float) -> list[Observation]:
    """Requests of 60 seconds in the order in which they end: a share of the candidate's hang until they time out."""
    rows = []
    for row in observations(rng, n):
        began = row.at / n * 400 * 60
        hangs = row.environment == "green" and rng.random() < share
        duration = TIMEOUT if hangs else 0.2
        rows.append(replace(row, at=began + duration, duration=duration, status=0 if hangs else 200))
    return sorted(rows, key=lambda row: row.at)


def passed_at(book: Ledger, rows: list[Observation]) -> float | None:
    for start in range(0, len(rows), 50):
        batch = rows[start : start + 50]
        book.fold(batch)
        if outcome(book) is Outcome.PASS:
            return batch[-1].at
    return None


@pytest.mark.parametrize(("lag", "fooled"), [(0.0, True), (TIMEOUT + 1.0, False)])
def test_a_candidate_that_hangs_is_not_taken_for_safe(lag: float, *, fooled: bool) -> None:
    """Without a lag the quick requests of the first minute are a proof; with one they are not: the guard is needed."""
    rng, proofs = np.random.default_rng(1), 0
    for _ in range(5):
        book = ledger(guardrails=ERRORS, baseline=baseline(rng), lag=lag)
        proofs += passed_at(book, hanging(rng, 6_000, share=0.05)) is not None
    assert (proofs == 5) is fooled
    assert (proofs == 0) is not fooled


def test_a_healthy_candidate_passes_once_its_requests_have_settled() -> None:
    rng = np.random.default_rng(2)
    rows = sorted(
        (replace(row, at=row.at * 20 + 0.2, duration=0.2) for row in observations(rng, 6_000)), key=lambda row: row.at
    )
    at_once = passed_at(ledger(guardrails=ERRORS, baseline=baseline(rng)), rows)
    settled = passed_at(ledger(guardrails=ERRORS, baseline=baseline(rng), lag=30.0), rows)
    assert at_once is not None
    assert settled is not None
    assert settled > at_once + 20.0


def test_harm_needs_no_lag() -> None:
    rng = np.random.default_rng(3)
    book = ledger(guardrails=ERRORS, baseline=baseline(rng), lag=1_000.0)
    rows = observations(rng, 400)
    book.fold([replace(row, status=503) if row.environment == "green" else row for row in rows])
    assert outcome(book) is Outcome.FAIL


def test_what_waits_is_bounded_and_thinned_whatever_it_was() -> None:
    rng = np.random.default_rng(4)
    book = ledger(guardrails=ERRORS, lag=1e6)
    rows = observations(rng, 20_000)
    assert book.live.settled is not None
    for _ in range(25):
        book.fold(rows)
    waiting = book.live.settled.waiting
    assert waiting.count <= MOST
    assert waiting.every == 4
    kept = np.concatenate([piece.columns.candidate for pieces in waiting.pieces.values() for piece in pieces])
    assert abs(kept.mean() - 0.5) < 0.01


def test_a_restart_forgets_what_waits_and_nothing_else() -> None:
    rng = np.random.default_rng(5)
    book = ledger(baseline=baseline(rng), lag=2.0, sticky=True, stratified=True, multiples=(1.0, 2.0))
    for start in range(0, 4_000, 100):
        book.fold(observations(rng, 100, start=start / 400))
    copy = Ledger.decode(book.encode())
    book.forget_waiting()
    for start in range(4_000, 8_000, 100):
        rows = observations(rng, 100, start=start / 400)
        book.fold(rows)
        copy.fold(rows)
    assert copy.encode() == book.encode()


def test_requests_that_began_under_different_splits_are_not_compared() -> None:
    """Long answers are better here. Right after a start only short ones of the candidate have ended."""
    failures = {True: 0, False: 0}
    quality = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)
    for told in (True, False):
        rng = np.random.default_rng(6)
        for _ in range(20):
            book = ledger(guardrails=quality)
            rows = []
            for row in observations(rng, 6_000):
                began = row.at * 4 - 30.0
                duration = float(rng.uniform(0.5, 30.0))
                side = "green" if began >= 0.0 and rng.random() < 0.5 else "blue"
                fields = {"at": began + duration, "duration": duration, "environment": side, "status": 200}
                rows.append(replace(row, quality=0.5 + duration / 60, **fields))
            rows = [row for row in sorted(rows, key=lambda row: row.at) if row.at >= 0.0]
            if told:
                book.expect(-100.0, 0.0)
                book.expect(0.0, 0.5)
            for start in range(0, len(rows), 50):
                book.fold(rows[start : start + 50])
            failures[told] += outcome(book) is Outcome.FAIL
    assert failures[False] >= 15
    assert failures[True] <= 2


def test_units_count_afresh_after_the_switch_in_what_their_answers_say() -> None:
    limited = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), limit=0.5)
    book = ledger(guardrails=(limited,), sticky=True, lag=1.0)
    row = Observation(at=1.0, environment="green", status=200, duration=0.1, quality=0.9)
    seen = []
    for at, share in ((1.0, 0.5), (101.0, 1.0), (201.0, 1.0)):
        book.expect(at, share)
        book.fold([replace(row, at=at + i / 100, unit=i) for i in range(20)])
        book.fold([replace(row, at=at + 50.0 + i / 100, unit=100 + i) for i in range(3)])
        absolute = book.tracks[0].absolute
        assert absolute is not None
        seen.append(absolute.seen)
    assert seen == [20.0, 20.0 + 3.0, 23.0]
