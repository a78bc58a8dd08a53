"""Input that makes no sense: nothing raises, nothing counts as a pass, and the verdict says what is missing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.rows import Strata
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.strata import MOST_STRATA
from verdigris.core.model.verdict import Outcome

WILD = (math.nan, math.inf, -math.inf, -1.0, 1e308, 5e-324)


def finite(book: Ledger) -> bool:
    """Whether everything that is told is a number, and what is kept can be read again."""
    verdict = judge(Ledger.decode(book.encode()), at=1_000.0)
    numbers = [verdict.evidence]
    for finding in verdict.findings:
        numbers += [finding.harm, finding.far, finding.non_inferiority, finding.absolute, finding.share]
    return all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("field", ["quality", "cost", "duration", "time_to_first_byte", "output_tokens"])
def test_values_that_make_no_sense_are_left_out(field: str, wild: float) -> None:
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng))
    rows = observations(rng, 2_000)
    book.fold([replace(row, **{field: wild}) if i % 3 == 0 else row for i, row in enumerate(rows)])
    assert finite(book)
    assert sum(book.attendance.counts.values()) == 2_000


def test_a_time_that_is_none_is_left_out_and_jumps_do_not_stop_the_judge() -> None:
    rng = np.random.default_rng(2)
    book = ledger(baseline=baseline(rng), lag=30.0)
    book.expect(0.0, 0.5)
    feed(book, rng, 1_000, batch=50)
    book.fold([replace(row, at=row.at + 1e9) for row in observations(rng, 50)])  # a clock far ahead
    book.fold([replace(row, at=row.at - 1e9) for row in observations(rng, 50)])  # and far behind
    book.fold([Observation(at=math.nan, environment="green", status=200, duration=0.1)])
    feed(book, rng, 1_000, batch=50)
    assert sum(book.attendance.counts.values()) == 2_100
    assert finite(book)
    assert outcome(book) is not Outcome.FAIL


def test_out_of_order_batches_prove_the_same_harm() -> None:
    rng = np.random.default_rng(3)
    rows = observations(rng, 3_000, candidate=Behaviour(quality=0.6))
    batches = [rows[start : start + 100] for start in range(0, 3_000, 100)]
    book = ledger(baseline=baseline(rng))
    for place in rng.permutation(len(batches)).tolist():
        book.fold(batches[place])
    assert outcome(book) is Outcome.FAIL


def test_a_metric_that_appears_mid_rollout_is_judged_from_then_on() -> None:
    rng = np.random.default_rng(4)
    book = ledger(baseline=baseline(rng))
    for start in range(0, 1_000, 50):
        book.fold([replace(row, quality=None) for row in observations(rng, 50, start=start / 400)])
    assert judge(book, at=1.0).findings[0].stable.n == 0
    feed(book, rng, 4_000, batch=50, candidate=Behaviour(quality=0.6))
    assert outcome(book) is Outcome.FAIL
    assert judge(book, at=1.0).reason.startswith("quality fell")


def test_one_role_silent_for_an_hour_is_no_data_even_after_a_proof() -> None:
    rng = np.random.default_rng(5)
    book = ledger(baseline=baseline(rng))
    book.expect(0.0, 0.5)
    feed(book, rng, 8_000, batch=100)
    assert judge(book, at=21.0).outcome is Outcome.PASS
    for number in range(6):  # none for the candidate, and too few for stable to say that the split is wrong
        book.fold(observations(rng, 1, share=0.0, start=21.0 + 600.0 * number))
    verdict = judge(book, at=3_621.0)
    assert verdict.outcome is Outcome.NO_DATA
    assert verdict.reason == "no candidate requests for 60 min"
    book.fold(observations(rng, 100, start=3_700.0))
    assert judge(book, at=3_701.0).outcome is Outcome.PASS


def test_nobody_is_silent_who_should_have_no_traffic() -> None:
    rng = np.random.default_rng(6)
    book = ledger(baseline=baseline(rng))
    book.expect(0.0, 0.5)
    feed(book, rng, 8_000, batch=100)
    book.expect(21.0, 1.0)
    assert judge(book, at=100_000.0).outcome is Outcome.PASS


def test_a_million_strata_are_told_apart_up_to_a_bound() -> None:
    strata = Strata()
    book = ledger(stratified=True)
    rng = np.random.default_rng(7)
    for start in range(0, 20_000, 2_000):
        rows = observations(rng, 2_000, start=start / 400)
        book.fold([replace(row, stratum=f"tenant-{start + i}") for i, row in enumerate(rows)])
    assert len(book.slices.tallies) == MOST_STRATA
    assert book.strata.name(MOST_STRATA - 1) == "other"
    assert len(book.encode()) < 2_000_000
    assert finite(book)
    for number in range(1_000_000):
        strata._place(f"kind-{number}")
    assert len(strata.names) == MOST_STRATA - 1


@pytest.mark.parametrize("metric", list(Metric))
def test_a_margin_of_zero_is_never_proven_and_never_raises(metric: Metric) -> None:
    rng = np.random.default_rng(8)
    book = ledger(guardrails=(Guardrail(metric=metric, margin=Margin()),), baseline=baseline(rng))
    feed(book, rng, 3_000, batch=100)
    assert outcome(book) in (Outcome.WAITING, Outcome.FAIL)
    assert finite(book)


def test_a_margin_of_more_than_everything_is_all_of_it() -> None:
    rng = np.random.default_rng(9)
    guardrail = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=3.0))
    book = ledger(guardrails=(guardrail,), multiples=(1.0, 4.0))
    feed(book, rng, 1_000, batch=50, candidate=Behaviour(quality=0.84))
    assert finite(book)


@pytest.mark.parametrize("wild", WILD)
def test_pairs_that_make_no_sense_are_left_out(wild: float) -> None:
    book = ledger(pairs=0.5)
    answer = Answer(quality=0.5, cost=0.01, refusal=False)
    book.pair([Pair(at=wild, stable=answer, candidate=answer)])
    book.pair([Pair(at=1.0, stable=replace(answer, quality=wild, cost=wild), candidate=answer)] * 50)
    assert finite(book)
    timed, sound = math.isfinite(wild), wild == 5e-324
    assert book.tracks[0].twins.n == timed + 50 * sound


def test_a_batch_of_nothing_changes_nothing() -> None:
    book = ledger(lag=10.0, pairs=0.5, stratified=True, sticky=True)
    before = book.encode()
    book.fold([])
    book.pair([])
    assert book.encode() == before
    assert book.samples(Role.STABLE) == 0
