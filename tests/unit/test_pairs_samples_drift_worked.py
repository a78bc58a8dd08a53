"""Pairs, samples and drift by hand: what is counted apart, which words samples become, and where lengths are cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.sampled import scored
from verdigris.core.analysis.columns import Columns, Trait
from verdigris.core.analysis.contrast import WORTH_TELLING
from verdigris.core.analysis.drift import Drift, Likeness
from verdigris.core.analysis.pairing import Pairing
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.samples import samples
from verdigris.core.model.compared import PairKind
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.stats.sketch import Sketch


def pair(stable: float | None, candidate: float | None, *, scorer: str = "judge@1", **more) -> Pair:
    return Pair(
        at=1.0,
        stable=Answer(quality=stable, cost=0.01),
        candidate=Answer(quality=candidate, cost=0.02),
        scorer=scorer,
        **more,
    )


def told(pairing: Pairing) -> list[tuple[str, str, int, float, float]]:
    return [
        (one.kind, one.scorer, one.n, pytest.approx(one.stable), pytest.approx(one.candidate)) for one in pairing.told()
    ]


# ------------------------------------------------------------------ pairs


def test_cases_are_told_by_the_mean_of_each_side() -> None:
    pairing = Pairing.start(sticky=False)
    cases = [pair(0.2, 0.6, kind=PairKind.CASE), pair(0.4, 1.0, kind=PairKind.CASE)]
    assert list(pairing.counted(cases)) == []
    assert told(pairing) == [("case", "judge@1", 2, 0.3, 0.8)]


def test_a_quality_of_zero_is_one_and_what_lies_outside_or_is_missing_is_none() -> None:
    pairing = Pairing.start(sticky=False)
    cases = [pair(0.0, 0.0), pair(1.5, 0.5), pair(0.5, 1.5), pair(None, 0.5), pair(0.5, None), pair(-0.1, 0.5)]
    assert list(pairing.counted([replace(case, kind=PairKind.CASE) for case in cases])) == []
    assert told(pairing) == [("case", "judge@1", 1, 0.0, 0.0)]


def test_without_quality_neither_side_keeps_its_own_and_all_else_stays() -> None:
    (counted,) = Pairing.start(sticky=False).counted([pair(0.2, 0.6)], without_quality=True)
    assert counted == ((pair(None, None),), True, False)


def test_the_qualities_of_pairs_count_unless_it_is_said_that_they_do_not() -> None:
    (counted,) = Pairing.start(sticky=False).counted([pair(0.2, 0.6)])
    assert counted == ((pair(0.2, 0.6),), True, False)


def test_one_sides_score_is_a_word_of_its_version_and_no_score_is_none() -> None:
    pairing = Pairing.start(sticky=False)
    assert [one.quality for one in pairing.counted([pair(0.2, 0.6)])] == [True]
    assert [one.quality for one in pairing.counted([pair(0.2, None, scorer="judge@2")])] == [False]
    assert [one.quality for one in pairing.counted([pair(None, 0.6, scorer="judge@3")])] == [False]
    assert [one.quality for one in pairing.counted([pair(None, None, scorer="judge@2")])] == [True]
    assert pairing.succession.current == "judge@1"


def test_a_version_that_takes_over_is_no_longer_told_apart() -> None:
    pairing = Pairing.start(sticky=False)
    assert [one.anew for one in pairing.counted([pair(0.2, 0.6)])] == [False]
    assert [one[1:] for one in pairing.counted([pair(0.5, 0.25, scorer="judge@2")] * 12)] == [(False, False)]
    assert told(pairing) == [("shadow", "judge@2", 12, 0.5, 0.25)]
    assert [one[1:] for one in pairing.counted([pair(0.5, 0.25, scorer="judge@2")] * 8)] == [(True, True)]
    assert told(pairing) == []


# ------------------------------------------------------------------ samples


def words(columns: Columns, trait: Trait) -> list[str]:
    labels = columns.traits[trait]
    return [labels.names[code] for code in labels.codes.tolist()]


def test_of_each_sample_it_is_told_which_word_it_has_and_nothing_where_nobody_said() -> None:
    rows = scored(4)
    rows[0] = replace(rows[0], tools=True, defect=True, defect_label="empty", refusal=True, refusal_kind="polite")
    rows[1] = replace(rows[1], tools=False, defect=False, defect_label="empty", refusal=False)
    rows[2] = replace(rows[2], tools=None, defect=None, defect_label="empty", refusal=None, refusal_kind="polite")
    rows[3] = replace(rows[3], tools=True, defect=True, refusal=True)
    columns = samples(rows, stable="blue", candidate="green")
    assert words(columns, Trait.TOOLS) == ["a tool", "none", "", "a tool"]
    assert words(columns, Trait.DEFECT) == ["empty", "none", "", "other"]
    assert words(columns, Trait.REFUSAL) == ["polite", "none", "", "other"]
    assert columns.finishes.names == columns.models.names == ("",)


def test_units_and_strata_are_read_only_where_they_are_asked_for() -> None:
    rows = scored(2, unit=7, stratum="pro")
    plain = samples(rows, stable="blue", candidate="green")
    assert (plain.units, plain.drawn, plain.strata) == (None, None, None)
    rows[1] = replace(rows[1], unit=None)
    asked = samples(rows, stable="blue", candidate="green", units=True, strata=True)
    assert asked.units is not None
    assert asked.drawn is not None
    assert asked.drawn.tolist() == [False, True]
    assert asked.strata is not None
    assert asked.strata.names == ("pro",)


def test_a_beginning_after_the_end_or_eleven_days_before_it_makes_no_sense() -> None:
    at = 2e6
    began = [at - 3.0, at, at + 1.0, at - 1e6, at - 1e6 - 1.0]
    rows = [replace(row, at=at, began=begin) for row, begin in zip(scored(5), began, strict=True)]
    assert samples(rows, stable="blue", candidate="green").began.tolist() == [at - 3.0, at, at, at - 1e6, at]


# ------------------------------------------------------------------ drift


def rows(candidate: list[float | None], stable: list[float | None]) -> Rows:
    told = [("green", length) for length in candidate] + [("blue", length) for length in stable]
    columns = Columns.of(
        [
            Observation(at=1.0, environment=side, status=200, duration=0.1, output_tokens=length)
            for side, length in told
        ],
        stable="blue",
        candidate="green",
    )
    return Rows(columns=columns, strata=np.zeros(len(told), dtype=np.int64), splits=np.zeros(len(told)))


def fold(drift: Drift, candidate: list[float | None], stable: list[float | None]) -> None:
    more = rows(candidate, stable)
    drift.fold(more, more.members()[0])


def test_lengths_alone_must_differ_by_a_tenth_of_the_answers() -> None:
    worth = {name: contrast.worth for name, contrast in Drift().contrasts.items()}
    assert worth.pop("length") == 0.10
    assert set(worth.values()) == {WORTH_TELLING}


def test_from_two_hundred_lengths_of_stable_on_its_tenths_are_known() -> None:
    drift = Drift()
    fold(drift, [7.0] * 30, [float(i) for i in range(1, 101)])
    fold(drift, [], [float(i) for i in range(1, 100)])
    assert drift.deciles == ()
    fold(drift, [], [100.0])
    assert drift.deciles == pytest.approx([10.0 * i for i in range(1, 10)], rel=0.011)
    assert drift.past.n == 200
    assert not drift.contrasts["length"].names


def test_each_length_is_counted_in_its_tenth_and_a_missing_one_in_none() -> None:
    drift, lengths = Drift(), Sketch()
    lengths.add(np.arange(1.0, 1001.0))
    drift.begin(lengths)
    fold(drift, [5.0, 5.0, 150.0, None], [999.0, 450.0, None])
    contrast = drift.contrasts["length"]
    candidate, stable = contrast.pending.tolist()
    told = {name: (candidate[place], stable[place]) for place, name in enumerate(contrast.names)}
    assert {name: counts for name, counts in told.items() if any(counts)} == {
        "shortest tenth": (2.0, 0.0),
        "tenth 2": (1.0, 0.0),
        "tenth 5": (0.0, 1.0),
        "longest tenth": (0.0, 1.0),
    }
    assert sum(candidate) + sum(stable) == 5.0


def test_where_nobody_says_a_length_none_is_counted() -> None:
    drift = Drift(deciles=tuple(map(float, range(1, 10))))
    fold(drift, [None], [None])
    assert not drift.contrasts["length"].names
    assert not drift.contrasts["length"].pending.any()


def likeness(candidate: float, stable: float) -> Likeness:
    made = Likeness()
    for _ in range(100):
        made.fold([pair(None, None, similarity=candidate) for _ in range(10)])
        made.fold([pair(None, None, similarity=stable, kind=PairKind.SELF) for _ in range(10)])
    return made


def test_answers_less_alike_by_less_than_a_twentieth_are_not_told() -> None:
    assert likeness(0.88, 0.90).told == ""


def test_answers_much_less_alike_are_told_by_the_means_of_both() -> None:
    assert likeness(0.5, 0.9).told == (
        "the candidate's answers are less like stable's (0.50) than stable's own second answers are (0.90)"
    )
