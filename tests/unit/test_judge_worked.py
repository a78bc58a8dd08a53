"""The judge's small parts, each held to what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from support.streams import baseline, ledger, observations
from verdigris.core.analysis import Analysis
from verdigris.core.analysis.columns import Labels
from verdigris.core.analysis.contrast import MOST_CATEGORIES, Contrast
from verdigris.core.analysis.findings import change_text
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.record import Begun, Folded, Looked, Paired, Recorder, digest
from verdigris.core.analysis.replay import replay
from verdigris.core.analysis.rows import Members
from verdigris.core.analysis.units import Units
from verdigris.core.analysis.wording import span
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Estimate

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.05)),)
COST = (Guardrail(metric=Metric.COST, margin=Margin(relative=0.1)),)


def pairs(n: int, *, candidate: float, cost: float = 5.0) -> list[Pair]:
    return [
        Pair(at=float(i), stable=Answer(quality=0.8, cost=cost), candidate=Answer(quality=candidate, cost=cost))
        for i in range(n)
    ]


def test_costs_above_one_count_in_pairs_and_qualities_above_one_do_not() -> None:
    book = ledger(guardrails=(*QUALITY, *COST), pairs=0.5, baseline=baseline(np.random.default_rng(1)))
    book.pair(pairs(7, candidate=1.2))
    assert [track.twins.n for track in book.tracks] == [0, 7]
    book.pair(pairs(4, candidate=0.9, cost=-1.0))
    assert [track.twins.n for track in book.tracks] == [4, 7]


def test_a_finding_tells_the_pairs_evidence_for_harm_and_for_safety() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(pairs(30, candidate=0.77))
    told, test = judge(book, at=30.0).findings[0].paired, book.tracks[0].twins.test
    assert told is not None
    assert test is not None
    assert len({test.value(0), test.value(1), test.value(2)}) == 3
    assert (told.harm, told.non_inferiority) == (test.value(0), test.value(2))


@pytest.mark.parametrize(
    ("stable", "candidate", "said"), [(0, 3, "stable"), (3, 0, "candidate"), (0, 0, "stable and candidate")]
)
def test_the_side_without_values_is_named(stable: int, candidate: int, said: str) -> None:
    sides = [Estimate(n=n, value=0.5 if n else None, low=None, high=None) for n in (stable, candidate)]
    assert change_text(Metric.QUALITY, *sides) == f"quality: no values from {said}"


def test_each_unit_takes_one_bit_and_gives_it_back() -> None:
    units, hashes = Units(), np.arange(20_000, dtype=np.uint64)
    drawn = np.zeros(hashes.size, dtype=np.bool_)
    counted = units.first(hashes, drawn)
    assert np.unpackbits(units.bits).sum() == np.count_nonzero(counted) > 19_800
    assert not units.first(hashes, drawn).any()
    units.forget()
    assert np.array_equal(units.first(hashes, drawn), counted)


def test_labels_wait_for_each_other_and_none_is_lost() -> None:
    contrast, labels = Contrast(), Labels.of(["stop", "length", None])
    nobody, first_two = np.array([], dtype=np.int64), np.array([0, 1, 2])
    for _ in range(30):
        contrast.fold(labels, Members(first_two, nobody))
    assert contrast.pending[0, :2].tolist() == [30.0, 30.0]
    contrast.fold(labels, Members(nobody, np.array([0])))
    assert not contrast.pending.any()
    fresh = Contrast().test
    assert (contrast.test.candidate - fresh.candidate).sum() == pytest.approx(60.0)
    assert (contrast.test.stable - fresh.stable).sum() == pytest.approx(1.0)


def test_what_is_not_among_the_first_labels_shares_the_last_place() -> None:
    contrast, words = Contrast(), [f"word-{number}" for number in range(MOST_CATEGORIES + 3)]
    contrast.fold(Labels.of(words), Members(np.arange(len(words)), np.array([], dtype=np.int64)))
    assert contrast.names == words[: MOST_CATEGORIES - 1]
    assert contrast.pending[0].tolist() == [1.0] * (MOST_CATEGORIES - 1) + [4.0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(119.4, "119 s"), (120.0, "2 min"), (7_199.0, "120 min"), (7_200.0, "2.0 h"), (12_600.0, "3.5 h")],
)
def test_a_span_is_told_in_its_own_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_verdict_is_that_of_the_moment_asked_for() -> None:
    analysis = Analysis(stable="blue", candidate="green")
    rows = observations(np.random.default_rng(2), 400)
    analysis.observe_all(rows)
    assert analysis.verdict().at == rows[-1].at
    later = analysis.verdict(at=rows[-1].at + 5_000.0)
    assert later.at == rows[-1].at + 5_000.0
    assert later.outcome == "no_data"


def test_a_record_is_replayed_with_its_past_and_its_pairs() -> None:
    rng = np.random.default_rng(3)
    known = baseline(rng)
    book = ledger(guardrails=COST, pairs=0.5, baseline=known)
    rows = observations(rng, 150)
    both, recorder = tuple(pairs(12, candidate=0.8, cost=0.01)), Recorder()
    recorder.add(Begun(terms=book.terms, baseline=known.encode()))
    recorder.add(Folded(columns=book.fold(rows)))
    book.pair(both)
    recorder.add(Paired(pairs=both))
    verdict = judge(book, at=2.0)
    recorder.add(Looked(at=2.0, min_candidate=50, outcome=verdict.outcome, digest=digest(verdict)))
    found = replay(recorder.segments().values())
    assert found.differing is None
    assert (found.rejudged, found.observations, found.pairs) == (1, 150, 12)
    assert found.verdict == verdict
    assert verdict.findings[0].candidate.n > 0


def test_an_analysis_takes_thresholds_from_history_and_tests_the_split() -> None:
    rng = np.random.default_rng(4)
    analysis = Analysis(COST, stable="blue", candidate="green", history=observations(rng, 1_000, share=0.0))
    analysis.expect(0.5)
    analysis.observe_all(observations(rng, 30_000, share=0.3))
    verdict = analysis.verdict()
    assert verdict.outcome == "invalid"
    assert "not split as configured" in verdict.reason
    early = Analysis(COST, stable="blue", candidate="green", history=observations(rng, 1_000, share=0.0))
    early.observe_all(observations(rng, 100))
    assert "from 1,000 requests of stable" in early.verdict().findings[0].basis
    early.expect(0.5, at=1e6)
    early.observe_all(observations(rng, 30_000, share=0.3, start=1.0))
    assert early.verdict().outcome != "invalid"
