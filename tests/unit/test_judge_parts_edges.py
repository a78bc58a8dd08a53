"""What is decided between two counts that differ by one: records, ratios, what waits, and what the watch tells."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from hashlib import sha256

import numpy as np
import pytest

from verdigris.core.analysis import waiting as waiting_module
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.models import WINDOW
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.record import Begun, Entry, Expected, Folded, Looked, Rated, Recorder, digest
from verdigris.core.analysis.replay import Replayed, replay
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.stability import Footing
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.waiting import Waiting
from verdigris.core.analysis.watch import MOST_RESTARTS, Watch
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Estimate, Finding, Outcome, Sampled, Standing, Verdict

WIDE = (Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.9)),)
TERMS = Terms(guardrails=WIDE, stable="blue", candidate="green")


def columns(*at: float, green: int = 0, **more) -> Columns:
    told = [
        Observation(at=time, environment="green" if place < green else "blue", status=200, **{"duration": 0.0, **more})
        for place, time in enumerate(at)
    ]
    return Columns.of(told, stable="blue", candidate="green")


def rows(*at: float, green: int = 0, **more) -> Rows:
    told = columns(*at, green=green, **more)
    return Rows(columns=told, strata=np.zeros(len(told), dtype=np.int64), splits=np.full(len(told), -math.inf))


# ------------------------------------------------------------------ replay and record


def replayed(*entries: Entry, **more) -> Replayed:
    recorder = Recorder()
    for entry in (Begun(terms=TERMS, baseline=None), *entries):
        recorder.add(entry)
    return replay(recorder.segments().values(), **more)


def look(at: float, least: int) -> Looked:
    return Looked(at=at, min_candidate=least, outcome=Outcome.WAITING, digest="")


def test_a_timeline_tells_that_a_role_fell_silent() -> None:
    found = replayed(Folded(columns=columns(1.0, 2.0, 3.0, green=1)), look(700.0, 50))
    assert [(each.at, each.outcome) for each in found.original] == [(3.0, Outcome.WAITING), (700.0, Outcome.NO_DATA)]
    said = found.original[-1].reason.split("; ")
    assert sorted(said) == ["no candidate requests for 12 min", "no stable requests for 12 min"]


def test_a_replay_knows_who_should_have_had_no_traffic() -> None:
    told = Folded(columns=columns(1.0, 2.0, 3.0, green=1))
    late = Folded(columns=columns(700.0, green=1))
    found = replayed(told, Expected(at=4.0, share=1.0), late)
    assert [each.outcome for each in found.original] == [Outcome.WAITING], "nobody is silent who should be"
    assert replayed(told, late).original[-1].outcome is Outcome.NO_DATA


@pytest.mark.parametrize("name", ["take", "score"])
def test_a_replay_goes_on_where_the_controller_did(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def undigested(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(Ledger, name, undigested)
    found = replayed(Folded(columns=columns(1.0, 2.0)), Rated(scored=()), look(3.0, 50))
    assert (found.rejudged, found.until) == (1, 3.0)


def test_a_timeline_asks_for_as_many_candidates_as_the_looks_did() -> None:
    many = Folded(columns=columns(*(place / 10 for place in range(80)), green=40))
    strict = replayed(many, look(8.0, 41), guardrails=WIDE)
    assert [each.outcome for each in strict.original] == [Outcome.WAITING]
    assert strict.verdict is not None
    assert strict.verdict.missing == ("40 of 41 candidate requests",)
    mild = replayed(many, look(8.0, 40), guardrails=WIDE)
    assert [each.outcome for each in mild.original] == [Outcome.WAITING, Outcome.PASS]
    assert mild.verdict is not None
    assert mild.verdict.outcome is Outcome.PASS
    assert mild.other == mild.original


def test_a_record_without_its_beginning_says_what_to_do() -> None:
    with pytest.raises(StoreUnreadable) as caught:
        replay([])
    assert caught.value.message == "the record does not begin with the terms of its rollout"
    assert caught.value.hint == "restore a backup"
    with pytest.raises(StoreTooNew) as newer:
        replay([b"VGRC\x09"])
    assert newer.value.message == "segment 1 of the record has schema 9, this Verdigris knows 2"
    assert newer.value.hint == "replay with the newer Verdigris"


FINDING = Finding(
    metric=Metric.QUALITY, standing=Standing.UNDECIDED, stable=Estimate(n=1), candidate=Estimate(n=2), weight=1.0, harm=1.0,
    far=1.0, non_inferiority=1.0, absolute=1.0, share=1.0, gates=True, limit_text="", reason="",
)  # fmt: skip
VERDICT = Verdict(
    at=1.0, outcome=Outcome.WAITING, reason="", evidence=1.5, threshold=20.0, samples_stable=1, samples_candidate=2, findings=(FINDING,),
)  # fmt: skip


def test_a_digest_is_that_of_the_whole_verdict_without_what_later_versions_added() -> None:
    told = asdict(VERDICT)
    for name in ("sampled", "apart"):
        del told["findings"][0][name]
    assert digest(VERDICT) == sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    assert digest(replace(VERDICT, evidence=np.float64(1.5))) == digest(VERDICT)
    sampled = replace(VERDICT, findings=(replace(FINDING, sampled=Sampled(stable=1, candidate=1)),))
    assert len({digest(VERDICT), digest(sampled), digest(replace(VERDICT, evidence=math.nextafter(1.5, 2)))}) == 3


@pytest.mark.parametrize(
    ("most", "held", "full"), [(15, 100, True), (16, 100, False), (100, 9, True), (100, 10, False)]
)
def test_what_is_packed_and_open_counts_too(most: int, held: int, full: bool) -> None:  # noqa: FBT001 -- a column
    recorder = Recorder(size=10, most=most, held=held, closed={1: b"1234"})
    recorder._packed = 5
    assert recorder._is_full() is full


def test_packed_bytes_add_up_until_the_segment_closes() -> None:
    recorder, lots = Recorder(), np.random.default_rng(1)
    for place in range(40):
        recorder.add(Folded(columns=columns(*(place + lots.random(200)))))
    assert len(recorder._parts) == 40
    assert recorder._packed == sum(map(len, recorder._parts)) > 0
    assert recorder.closed == {}


# ------------------------------------------------------------------ ratio and series


def test_of_two_shares_at_one_time_the_later_word_counts() -> None:
    ratio = SampleRatio()
    ratio.expect(5.0, 0.5)
    ratio.expect(5.0, 0.1)
    assert ratio.share == 0.1
    ratio.expect(3.0, 0.9)
    assert [at for at, _ in ratio.shares] == [3.0, 5.0, 5.0]


def test_a_second_is_counted_over_all_batches_and_settled_after_three_times_the_longest() -> None:
    ratio = SampleRatio()
    ratio.expect(0.0, 0.5)
    for _ in range(2):
        ratio.fold(columns(5.1, 5.2, 5.3, green=1))
    assert ratio.waiting == {(5, 0.5): [2, 4]}
    ratio.fold(columns(60.0, duration=20.0))
    ratio.fold(columns(65.9, 65.9, 65.9))
    assert (ratio.longest, ratio.open, ratio.candidate) == (20.0, 5, 0)
    ratio.fold(columns(66.0, 66.0, 66.0))
    assert (ratio.open, ratio.candidate, ratio.stable, ratio.expected) == (6, 2, 4, 3.0)
    far = SampleRatio(least_lag=500.0)
    far.expect(0.0, 0.5)
    far.fold(columns(5.0, 504.0, 504.0, 504.0))
    assert far.open == 4
    slow = SampleRatio()
    slow.expect(0.0, 0.5)
    slow.fold(columns(400.0, duration=200.0))
    slow.fold(columns(500.0, 500.0, 500.0))
    assert slow.open == 200, "five minutes are enough for everybody"


def test_absence_is_counted_among_those_that_should_have_a_value() -> None:
    series = Series.start(Source.QUALITY)
    series.fold(rows(1.0, quality=0.5), rows(1.0).members()[1])
    mixed = rows(2.0, 3.0, 4.0, 5.0, 6.0, green=2, quality=0.5)
    mixed.columns.values[Source.QUALITY][[0, 2, 3]] = math.nan
    series.fold(mixed, mixed.members()[1])
    assert series.absence is not None
    assert series.absence.pending == [2, 1, 3, 2]


# ------------------------------------------------------------------ waiting


def test_a_part_is_settled_when_all_of_it_is_old_enough() -> None:
    waits = Waiting(lag=10.0, width=2.0)
    waits.add(rows(4.0, 5.9))
    waits.add(rows(15.9, 15.9, 15.9))
    assert list(waits.ripe()) == []
    waits.add(rows(16.0, 16.0, 16.0))
    assert [ripe.columns.began.tolist() for ripe in waits.ripe()] == [[4.0, 5.9]]


def test_as_many_as_may_wait_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "MOST", 4)
    waits = Waiting(lag=100.0, width=100.0)
    waits.add(rows(1.0, 2.0, 3.0, 4.0))
    assert (waits.count, waits.every) == (4, 1)
    waits.add(rows(5.0))
    assert (waits.count, waits.every) == (3, 2)


# ------------------------------------------------------------------ the watch


def test_a_change_of_model_begins_anew_three_times_and_is_told_each_time() -> None:
    watch = Watch.start(TERMS, None)

    def answered(model: str, *, green: bool) -> bool:
        return watch.changed(columns(*map(float, range(WINDOW)), green=WINDOW if green else 0, response_model=model))

    assert not answered("m0", green=True)
    assert not answered("s0", green=False)
    for turn in range(1, MOST_RESTARTS + 1):
        assert answered(f"m{turn}", green=True)
        assert watch.restarts == turn
        assert watch.told[-1].text == (
            f"candidate's answers come from m{turn} where they came from m{turn - 1}: the comparison begins anew"
        )
    assert not answered("s1", green=False)
    assert watch.restarts == MOST_RESTARTS
    assert watch.cautions()[-1].key == "model:stable:1:s1"
    assert watch.cautions()[-1].text == (
        "stable's answers come from s1 where they came from s0: it changes too often to begin anew"
    )
    assert len(watch.told) == MOST_RESTARTS + 1
    for turn in range(20):
        answered(f"n{turn}", green=True)
    assert len(watch.told) == 16
    assert watch.told[-1].text.startswith("candidate's answers come from n19")


def test_a_footing_comes_back_with_its_median_and_what_it_told() -> None:
    footing = Footing(source=Source.LATENCY, margin=Margin(relative=0.1))
    footing.fold(np.linspace(1.0, 2.0, 300))
    footing.fold(np.linspace(1.0, 2.0, 27))
    back = Footing(source=Source.LATENCY, margin=Margin(relative=0.1))
    back.restore(json.loads(json.dumps(footing.dump())))
    assert back.median == footing.median == pytest.approx(1.5, rel=0.02)
    assert back.rest.tolist() == footing.rest.tolist()
    assert (back.rest.size, back.means.size, back.means.dtype) == (7, 2, np.float64)
    for _ in range(20):
        back.fold(np.full(200, 5.0))
    assert back.told == "rose"
    again = Footing(source=Source.LATENCY, margin=Margin(relative=0.1))
    again.restore(json.loads(json.dumps(back.dump())))
    assert (again.told, again.caution()) == ("rose", back.caution())
    caution = again.caution()
    assert caution is not None
    assert caution.key == "stable:latency"
    assert caution.text.startswith("stable's own latency rose since before: ")
