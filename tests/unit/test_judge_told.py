"""What a verdict tells beside its outcome: pairs counted over batches, slices with a standing each, proofs that are forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import FAIL_THRESHOLD
from verdigris.core.analysis.track import SAFE_THRESHOLD
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome, Standing

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)


def pairs(values: list[tuple[float, float]], *, scorer: str = "judge-1", start: float = 0.0) -> list[Pair]:
    """Pairs of stable's and the candidate's qualities, one a second."""
    return [
        Pair(at=start + i, stable=Answer(quality=s), candidate=Answer(quality=c), scorer=scorer)
        for i, (s, c) in enumerate(values)
    ]


def test_pairs_that_come_in_several_batches_are_counted_and_averaged_together() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(pairs([(0.2, 0.4), (0.4, 0.4)]))
    book.pair(pairs([(0.6, 1.0)], start=10.0))
    told = judge(book, at=20.0).findings[0].paired
    assert book.pairs == 3
    assert told is not None
    assert told.n == 3
    assert (told.stable, told.candidate) == pytest.approx((0.4, 0.6))
    test = book.tracks[0].twins.test
    assert test is not None
    assert (told.harm, told.non_inferiority) == (test.value(0), test.value(2))


def test_what_only_pairs_show_is_told_by_them() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(pairs([(0.5, 0.1)] * 200))
    verdict = judge(book, at=200.0)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith(
        f"in {book.pairs} shadow pairs quality fell by 0.400 (0.500 → 0.100, \N{MINUS SIGN}80.0 %)"
    )


def test_harm_that_pairs_show_and_requests_do_not_is_told_by_pairs() -> None:
    rng = np.random.default_rng(9)
    book = ledger(guardrails=QUALITY, pairs=0.25, baseline=baseline(rng))
    feed(book, rng, 200, batch=50)
    book.pair(pairs([(0.5, 0.1)] * 300))
    reason = judge(book, at=20.0).reason
    assert reason.startswith(f"in {book.pairs} shadow pairs quality fell by 0.400")


def test_requests_that_speak_more_clearly_are_told_first() -> None:
    rng = np.random.default_rng(8)
    book = ledger(guardrails=QUALITY, pairs=0.25, baseline=baseline(rng))
    book.pair(pairs([(0.5, 0.5)] * 10))
    feed(book, rng, 4_000, batch=50, candidate=Behaviour(quality=0.5))
    reason = judge(book, at=20.0).reason
    assert reason.startswith("quality fell by 0.3")
    assert "pairs" not in reason


def test_before_any_pair_there_is_no_evidence_in_them() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5)
    twins = book.tracks[0].twins
    assert twins.n == 0
    assert twins.test is not None
    assert twins.test.value(0) == 1.0


def test_another_scorer_takes_the_proof_of_pairs_back() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(pairs([(0.8, 0.8)] * 1_000))
    track = book.tracks[0]
    assert track.safe
    assert track.proofs[0] >= SAFE_THRESHOLD
    book.pair(pairs([(0.8, 0.8)] * 40, scorer="judge-2", start=1_000.0))
    assert not track.proven[0]
    assert not track.within
    assert track.proofs[0] < SAFE_THRESHOLD


def test_two_scorers_in_turn_never_take_over_from_each_other() -> None:
    """As while a deployment replaces one by the other: only many in a row count as the new one."""
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(pairs([(0.8, 0.8)] * 100))
    for turn in range(40):
        book.pair(pairs([(0.8, 0.1)] * 3, scorer="judge-2", start=1_000.0 + 10 * turn))
        book.pair(pairs([(0.8, 0.8)] * 3, scorer="judge-1", start=1_005.0 + 10 * turn))
    assert book.tracks[0].twins.candidate.mean == pytest.approx(0.8)
    assert book.tracks[0].twins.n == 220


def in_strata(rng: np.random.Generator, n: int, *, start: float, pro: Behaviour) -> list:
    """Half of the requests are `free`, where both sides are alike; in `pro` the candidate behaves as given."""
    alike = observations(rng, n // 2, start=start)
    other = observations(rng, n // 2, start=start, candidate=pro)
    return [_in(row, "free") for row in alike] + [_in(row, "pro") for row in other]


def _in(row, stratum: str):
    return replace(row, stratum=stratum)


def test_each_slice_has_its_own_numbers_and_standing() -> None:
    rng = np.random.default_rng(4)
    wide = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), tolerance=Margin(relative=0.5)),)
    book = ledger(guardrails=wide, stratified=True)
    book.fold([_in(row, "free") for row in observations(rng, 1_000)])
    for start in range(1_000, 5_000, 100):
        book.fold(in_strata(rng, 100, start=start / 400, pro=Behaviour(quality=0.25)))
    found = {cut.stratum: cut for cut in judge(book, at=20.0).slices}
    assert set(found) == {"free", "pro"}
    assert {cut.metric for cut in found.values()} == {Metric.QUALITY}
    free, pro = found["free"], found["pro"]
    assert free.standing is Standing.SAFE
    assert free.non_inferiority >= SAFE_THRESHOLD > pro.non_inferiority
    assert pro.standing is Standing.HARMFUL
    assert pro.harm >= FAIL_THRESHOLD > free.harm
    assert pro.stable.value == pytest.approx(0.85, abs=0.02)
    assert pro.candidate.value == pytest.approx(0.25, abs=0.02)
    assert free.stable.n + free.candidate.n > 1_000 > pro.stable.n + pro.candidate.n


def test_a_slice_of_one_role_alone_has_no_data() -> None:
    rng = np.random.default_rng(5)
    book = ledger(guardrails=QUALITY, stratified=True)
    book.fold([_in(row, "lonely") for row in observations(rng, 200, share=0.0)])
    book.fold([_in(row, "both") for row in observations(rng, 40, start=1.0)])
    found = {cut.stratum: cut for cut in judge(book, at=3.0).slices}
    assert found["lonely"].standing is Standing.NO_DATA
    assert found["lonely"].candidate.n == 0
    assert (found["lonely"].harm, found["lonely"].non_inferiority) == (1.0, 1.0)
    assert found["both"].standing is Standing.UNDECIDED


def test_a_broken_limit_is_told_with_its_number_and_the_evidence_at_that_moment() -> None:
    """Both sides are equally bad, so only the limit can speak."""
    rng = np.random.default_rng(6)
    limited = (Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.05), limit=0.02),)
    bad = Behaviour(errors=0.06)
    book = ledger(guardrails=limited, baseline=baseline(rng, stable=bad))
    feed(book, rng, 8_000, batch=20, stable=bad, candidate=bad)
    verdict = judge(book, at=30.0)
    assert verdict.outcome is Outcome.FAIL
    assert book.failure is not None
    share = verdict.findings[0].candidate.value
    assert share is not None
    assert f"error_rate is {share * 100:.1f} %, proven above the limit of 2.0 %" in verdict.reason
    assert f"(evidence {book.failure.evidence:.1f} of 20 needed)" in verdict.reason


def test_a_restart_counts_evidence_from_nothing() -> None:
    rng = np.random.default_rng(7)
    book = ledger(guardrails=QUALITY)
    feed(book, rng, 400, batch=50)
    before = dict(book.attendance.counts)
    book._restart()
    assert book.attendance.counted == dict.fromkeys(Role, 0)
    assert book.attendance.counts == before
    assert all(tally.n == 0 for tally in book.series[book.tracks[0].source].tallies.values())
    feed(book, rng, 50, batch=50)
    assert sum(book.attendance.counted.values()) == 50
