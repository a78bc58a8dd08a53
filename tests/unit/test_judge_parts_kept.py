"""The judge's small parts through the store and back, what begins anew, and what a contrast says at its edges."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from verdigris.core.analysis import contrast as contrast_module
from verdigris.core.analysis.blocks import Cutter, Values
from verdigris.core.analysis.columns import Columns, Labels, Source, numbers
from verdigris.core.analysis.contrast import MOST_CATEGORIES, Contrast
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.record import Paired, Rated, Recorder, _lean, _pairs, read
from verdigris.core.analysis.rows import Group, Members, Rows
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.slices import Slices
from verdigris.core.analysis.stability import Stability
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.units import Units
from verdigris.core.analysis.waiting import Waiting
from verdigris.core.model.compared import PairKind
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.strata import MOST_STRATA
from verdigris.core.stats.regression import Predictor


def stored(dumped: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(dumped, allow_nan=False))


def rows(*at: float, green: int = 0, strata: list[int] | None = None, **more) -> Rows:
    told = [
        Observation(at=time, environment="green" if place < green else "blue", status=200, **{"duration": 0.5, **more})
        for place, time in enumerate(at)
    ]
    columns = Columns.of(told, stable="blue", candidate="green")
    return Rows(
        columns=columns,
        strata=np.array(strata or [0] * len(columns), dtype=np.int64),
        splits=np.full(len(columns), -math.inf),
    )


def fold(series: Series, given: Rows) -> None:
    series.fold(given, given.members()[1])


# ------------------------------------------------------------------ through the store


def test_what_waits_for_its_block_comes_back_with_covariates_and_groups() -> None:
    cutter, back = (Cutter(predictor=Predictor()) for _ in range(2))
    mine = Values(values=np.array([0.25, 0.5]), covariates=np.array([10.0, math.nan]))
    cutter.cut(Group(3, -math.inf), Values(), mine, at=1.0)
    cutter.cut(Group(4, 7.5), Values(values=np.array([1.0])), Values(), at=2.0)
    assert cutter.predictor is not None
    cutter.predictor.learn(np.arange(1.0, 400.0), np.arange(1.0, 400.0) / 400.0)
    back.restore(stored(cutter.dump()))
    assert set(back.pending) == {Group(3, -math.inf), Group(4, 7.5)}
    candidate, stable = back.pending[Group(3, -math.inf)]
    assert (candidate.values.size, candidate.covariates) == (0, None)
    assert stable.values.tolist() == [0.25, 0.5]
    assert stable.values.dtype == np.float64
    assert stable.covariates is not None
    assert stable.covariates.dtype == np.float64
    assert np.array_equal(stable.covariates, [10.0, math.nan], equal_nan=True)
    assert back.pending[Group(4, 7.5)][0].values.tolist() == [1.0]
    assert back.predictor is not None
    asked = np.array([5.0, 50.0])
    assert back.predictor.predict(asked).tolist() == cutter.predictor.predict(asked).tolist() != [0.0, 0.0]
    plain = Cutter()
    plain.restore(stored(plain.dump()))
    assert (plain.predictor, plain.pending) == (None, {})


def test_a_series_comes_back_with_what_was_missing_and_invalid() -> None:
    series, back = (Series.start(Source.QUALITY) for _ in range(2))
    fold(series, rows(1.0, 2.0, 3.0, green=1, quality=0.5))
    fold(series, rows(4.0, 5.0, 6.0, green=1))
    fold(series, rows(7.0, 8.0, quality=2.0))
    back.restore(stored(series.dump()))
    assert back.dump() == series.dump()
    stable, candidate = back.tallies[Role.STABLE], back.tallies[Role.CANDIDATE]
    assert (stable.n, stable.missing, stable.invalid) == (2, 4, 2)
    assert (candidate.n, candidate.missing, candidate.invalid) == (1, 1, 0)
    assert back.absence is not None
    assert back.absence.pending == [1, 1, 4, 4], "before stable said anything there was nothing to miss"
    plain = Series.start(Source.LATENCY)
    assert plain.absence is None
    fold(plain, rows(1.0))
    kept = Series.start(Source.LATENCY)
    kept.restore(stored(plain.dump()))
    assert kept.tallies[Role.STABLE].sketch.quantile(0.5) == plain.tallies[Role.STABLE].sketch.quantile(0.5)


def test_nobody_is_blamed_for_what_is_scored() -> None:
    assert Series.start(Source.QUALITY).harm is not None
    assert Series.start(Source.QUALITY, scored=True).harm is None
    assert Series.start(Source.LATENCY).harm is None


def test_what_is_blamed_for_is_not_withheld_as_well() -> None:
    for scored in (True, False):
        series = Series.start(Source.QUALITY, scored=scored)
        assert series.absence is not None
        series.absence.capital.value = 20.0
        assert series.is_withheld is scored
        series.absence.capital.value = 19.9
        assert not series.is_withheld


def test_a_series_begins_anew_but_for_what_was_lost() -> None:
    series = Series.start(Source.COST)
    fold(series, rows(1.0, cost=0.5))
    fold(series, rows(2.0, 3.0, green=1))
    assert series.absence is not None
    assert series.absence.pending == [1, 1, 1, 1]
    series.restart()
    assert series.absence.pending == [0, 0, 0, 0]
    assert [series.tallies[role].n for role in Role] == [0, 0]
    assert all(series.tallies[role].has_tail for role in Role)
    plain = Series.start(Source.ERRORS)
    plain.restart()
    assert plain.absence is None


def test_slices_come_back_whole_and_no_more_than_are_told_apart() -> None:
    slices = Slices()
    slices.fold(rows(1.0, 2.0, 3.0, green=1, strata=[0, 0, 5], cost=0.25, quality=0.5), (Source.COST, Source.QUALITY))
    dumped = stored(slices.dump())
    back = Slices.load(dumped)
    assert back.counts == {0: {Role.STABLE: 1, Role.CANDIDATE: 1}, 5: {Role.STABLE: 1, Role.CANDIDATE: 0}}
    assert set(back.tallies[5]) == {Source.COST, Source.QUALITY}
    assert back.dump() == slices.dump()
    assert back.tallies[0][Source.COST][Role.CANDIDATE].has_tail
    assert not back.tallies[0][Source.QUALITY][Role.CANDIDATE].has_tail
    assert len(Slices.load([[place, *dumped[0][1:]] for place in range(MOST_STRATA)]).counts) == MOST_STRATA
    with pytest.raises(ValueError, match=f"{MOST_STRATA + 1} strata where {MOST_STRATA} are told apart"):
        Slices.load([[place, *dumped[0][1:]] for place in range(MOST_STRATA + 1)])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        Slices.load([[0, [1], {}]])
    back.restart_source(Source.COST)
    assert [set(by_source) for by_source in back.tallies.values()] == [{Source.QUALITY}, {Source.QUALITY}]
    back.restart_source(Source.COST)


def test_a_ratio_comes_back_with_its_shares_and_what_waits() -> None:
    ratio, back = SampleRatio(), SampleRatio()
    ratio.expect(0.0, 0.25)
    ratio.fold(rows(5.0, 6.0, 7.0, 40.0, 41.0, 42.0, green=2).columns)
    ratio.expect(50.0, math.nan)
    back.restore(stored(ratio.dump()))
    assert back.shares[0] == (0.0, 0.25)
    assert back.shares[1][0] == 50.0
    assert math.isnan(back.shares[1][1])
    assert back.waiting == ratio.waiting != {}
    assert (back.open, back.longest) == (ratio.open, 0.5) == (10, 0.5)
    assert (back.candidate, back.stable, back.expected) == (2, 1, 0.75)
    assert (back.clock, back.capital.value) == (ratio.clock, ratio.capital.value)


def test_units_come_back_and_are_known() -> None:
    units, back, seen = Units(), Units(), np.array([1, 2, 3], dtype=np.uint64)
    alone = np.zeros(3, dtype=np.bool_)
    units.first(seen, alone)
    back.restore(stored(units.dump()))
    assert np.array_equal(back.bits, units.bits)
    assert back.first(np.array([3, 4, 4], dtype=np.uint64), alone).tolist() == [False, True, False]


def test_what_is_left_of_waiting_after_a_restart() -> None:
    waits = Waiting(lag=8.0, width=0.5, every=4)
    young = Waiting.load(stored(waits.dump()))
    assert (young.since, young.every, young.lag, young.width) == (-math.inf, 4, 8.0, 0.5)
    waits.add(rows(1.0, 2.0, 3.0, 4.0))
    back = Waiting.load(stored(waits.dump()))
    assert (back.since, back.seen, back.pieces, back.clock) == (2.0, 4, {}, waits.clock)


def test_one_quantity_of_what_waits_is_blanked() -> None:
    waits = Waiting(lag=1.0, width=100.0)
    waits.add(rows(1.0, 2.0, quality=0.5, cost=0.25))
    waits.blank(Source.QUALITY)
    (piece,) = waits.pieces[0]
    assert np.isnan(piece.columns.column(Source.QUALITY)).all()
    assert piece.columns.column(Source.COST).tolist() == [0.25, 0.25]
    assert len(piece) == waits.count == 2
    assert piece.values(Source.QUALITY).stable.size == 0


def test_pairs_of_an_older_record_are_shadow_pairs() -> None:
    (old,) = _pairs([{"at": 1.0, "stable": {"quality": 0.5}, "candidate": {}}])
    assert old == Pair(at=1.0, stable=Answer(quality=0.5), candidate=Answer(), kind=PairKind.SHADOW)
    case = Pair(at=2.0, stable=Answer(), candidate=Answer(cost=0.5), kind=PairKind.CASE)
    recorder = Recorder()
    recorder.add(Paired(pairs=(case,)))
    assert list(read(recorder.segments().values())) == [Paired(pairs=(case,))]


def test_a_record_leaves_out_only_what_was_not_said() -> None:
    assert _lean({"a": None, "b": "", "c": 0, "d": False, "e": 0.0, "f": "x"}) == {
        "c": 0,
        "d": False,
        "e": 0.0,
        "f": "x",
    }
    rated = Rated(scored=(Scored(at=2.0, began=1.0, environment="green", tools=False, quality=0.0),))
    recorder = Recorder()
    recorder.add(rated)
    assert list(read(recorder.segments().values())) == [rated]


def test_confirming_a_segment_twice_does_no_harm() -> None:
    recorder = Recorder()
    recorder.add(Paired(pairs=()))
    assert list(recorder.segments()) == [1]
    recorder.confirmed([1, 1, 9])
    assert recorder.closed == {}


def test_numbers_beyond_every_float_are_none_and_leave_the_others() -> None:
    found = numbers([10**400, None, 3])
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] == 3.0


# ------------------------------------------------------------------ what begins anew


def test_where_stable_stands_is_found_anew() -> None:
    terms = Terms(
        guardrails=(
            Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),
            Guardrail(metric=Metric.COST, margin=Margin(relative=0.5)),
        ),
        stable="blue",
        candidate="green",
    )
    stability = Stability.start(terms, None)
    fresh = {source: footing.dump() for source, footing in stability.footings.items()}
    for _ in range(2):
        stability.fold(rows(*map(float, range(300)), quality=0.5, cost=0.25), {Source.QUALITY, Source.COST})
    assert all(footing.shift is not None for footing in stability.footings.values())
    back = Stability.start(terms, None)
    back.restore(stored(stability.dump()))
    assert back.dump() == stability.dump()
    stability.restart_source(Source.ERRORS)
    stability.restart_source(Source.QUALITY)
    anew = stability.footings[Source.QUALITY]
    assert (anew.source, anew.margin) == (Source.QUALITY, Margin(relative=0.1))
    assert anew.dump() == fresh[Source.QUALITY]
    assert stability.footings[Source.COST].dump() == back.footings[Source.COST].dump()
    stability.restart()
    assert {source: footing.dump() for source, footing in stability.footings.items()} == fresh
    assert stability.footings[Source.COST].margin == Margin(relative=0.5)
    assert stability.cautions() == ()


def test_only_so_many_values_of_a_chunk_are_looked_at() -> None:
    terms = Terms(
        guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),), stable="blue", candidate="green"
    )
    stability = Stability.start(terms, None)
    stability.fold(rows(*map(float, range(1_000)), quality=0.5), {Source.QUALITY})
    assert stability.footings[Source.QUALITY].early.n == 200
    stability.fold(rows(1.0, quality=0.5), {Source.COST})
    assert stability.footings[Source.QUALITY].early.n == 200


# ------------------------------------------------------------------ what a contrast says


def contrasted(found: Contrast, candidate: list[str], stable: list[str]) -> Contrast:
    places = np.arange(len(candidate) + len(stable))
    found.fold(Labels.of([*candidate, *stable]), Members(places[: len(candidate)], places[len(candidate) :]))
    return found


def certain(**more) -> Contrast:
    """A contrast that is certain of a difference already, whatever comes."""
    found = Contrast(**more)
    found.test.highest = math.log(contrast_module.DIFFERENT) + 0.001
    return found


@pytest.mark.parametrize(
    ("candidate", "stable", "told"),
    [
        (["a"] * 6 + ["b"] * 4, ["b"] * 8 + ["c"] * 2, "'a' in 60.0 % of them, in 0.0 % of stable's"),
        (["a"] * 1 + ["b"] * 9, ["a"] * 8 + ["b", "c"], "'b' in 90.0 % of them, in 10.0 % of stable's"),
        (["a"] * 10, ["a"] * 10, ""),
        (
            [f"w{n}" for n in range(11)] + ["x"] * 9,
            ["w0"] * 2 + ["y"] * 18,
            "'others' in 45.0 % of them, in 90.0 % of stable's",
        ),
    ],
)
def test_a_contrast_names_what_differs_most(candidate: list[str], stable: list[str], told: str) -> None:
    assert contrasted(certain(), candidate, stable).told == told


def test_a_difference_is_worth_telling_from_its_share_on() -> None:
    more, fewer = (["a"] * 17 + ["b"] * 3, ["a"] * 20), (["a"] * 18 + ["b"] * 2, ["a"] * 20)
    assert contrasted(certain(worth=0.125), *more).told
    assert not contrasted(certain(worth=0.125), *fewer).told
    quarter = (["a"] * 12 + ["b"] * 4, ["a"] * 16)
    assert contrasted(certain(worth=0.25), *quarter).told, "just as much as is worth it"
    assert not contrasted(Contrast(worth=0.25), *quarter).told, "not certain yet"


def test_only_so_many_labels_wait_for_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrast_module, "_PENDING", 30)
    for sides in ((["a"] * 30, []), ([], ["a"] * 30)):
        contrast = contrasted(Contrast(), *sides)
        assert contrast.pending.sum() == 30.0
        contrasted(contrast, *([side[0]] if side else [] for side in sides))
        assert contrast.pending.tolist() == [[0.0] * MOST_CATEGORIES] * 2
        assert not contrast.counts.any()
