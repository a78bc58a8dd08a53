"""The judge's small parts, each by itself, at the edges where it decides otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from verdigris.core.analysis import waiting as waiting_module
from verdigris.core.analysis.attendance import Attendance
from verdigris.core.analysis.blocks import BLOCK, PENDING, Cutter, Values
from verdigris.core.analysis.clock import Clock
from verdigris.core.analysis.columns import Columns, Labels, Source, Trait
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.rows import Group, Rows, Strata, joined
from verdigris.core.analysis.series import Absence
from verdigris.core.analysis.slices import Slices
from verdigris.core.analysis.state import open_state, write_state
from verdigris.core.analysis.units import mix
from verdigris.core.analysis.waiting import Waiting
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import Covariate
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.strata import MOST_STRATA, OTHER


def seen(at: float, *, green: bool = False, **more) -> Observation:
    return Observation(at=at, environment="green" if green else "blue", status=200, **{"duration": 0.0, **more})


def columns(rows: list[Observation], **more) -> Columns:
    return Columns.of(rows, stable="blue", candidate="green", **more)


def as_rows(
    rows: list[Observation], *, strata: list[int] | None = None, splits: list[float] | None = None, **more
) -> Rows:
    told = columns(rows, **more)
    return Rows(
        columns=told,
        strata=np.array(strata or [0] * len(told), dtype=np.int64),
        splits=np.array(splits or [-math.inf] * len(told)),
    )


# ------------------------------------------------------------------ columns and rows


def test_a_pick_keeps_every_column() -> None:
    rows = [
        seen(1.0, unit=7, stratum="a", quality=0.5, request_bytes=10, fingerprint="f1", duration=0.25),
        seen(2.0, green=True, stratum="b", quality=3.0, request_bytes=20, finish_reason="stop"),
        seen(3.0, unit=9, stratum="a", quality=0.7, response_model="m"),
    ]
    whole = columns(rows, units=True, strata=True, covariates=(Covariate.REQUEST_BYTES,))
    some = whole.pick(np.array([2, 1]))
    assert some.at.tolist() == [3.0, 2.0]
    assert some.began.tolist() == [3.0, 2.0]
    assert some.candidate.tolist() == [False, True]
    assert some.failed.tolist() == [False, False]
    assert some.values[Source.QUALITY][0] == 0.7
    assert some.invalid[Source.QUALITY].tolist() == [False, True]
    assert some.units is not None
    assert some.units.tolist() == [9, 0]
    assert some.drawn is not None
    assert some.drawn.tolist() == [False, True]
    assert some.strata is not None
    assert [some.strata.names[code] for code in some.strata.codes] == ["a", "b"]
    assert [some.finishes.names[code] for code in some.finishes.codes] == ["", "stop"]
    assert [some.models.names[code] for code in some.models.codes] == ["m", ""]
    assert some.covariates[Covariate.REQUEST_BYTES][1] == 20.0
    assert [some.traits[Trait.FINGERPRINT].names[code] for code in some.traits[Trait.FINGERPRINT].codes] == ["", ""]
    assert whole.began.tolist() == [0.75, 2.0, 3.0]


def test_a_state_without_units_or_strata_names_none() -> None:
    state = columns([seen(1.0)]).state()
    assert not {"units", "drawn", "strata.codes", "strata.names"} & set(state)
    back = Columns.restored(state)
    assert (back.units, back.drawn, back.strata) == (None, None, None)


def test_what_is_joined_keeps_all_that_is_compared_in_the_order_of_beginnings() -> None:
    more = {"units": True, "covariates": (Covariate.REQUEST_BYTES,)}
    one = as_rows(
        [seen(5.0, unit=1, quality=0.1, request_bytes=1), seen(6.0, green=True, quality=0.2, request_bytes=2)],
        strata=[1, 2], splits=[0.0, 3.0], **more,
    )  # fmt: skip
    two = as_rows(
        [seen(5.5, unit=3, duration=1.5, quality=0.3, request_bytes=3), seen(6.0, unit=4, quality=0.4, request_bytes=4)],
        strata=[3, 4], splits=[0.0, 4.0], **more,
    )  # fmt: skip
    both = joined([one, two])
    told = both.columns
    assert told.began.tolist() == [4.0, 5.0, 6.0, 6.0]
    assert told.values[Source.QUALITY].tolist() == [0.3, 0.1, 0.2, 0.4], "what began together stays as it came"
    assert told.candidate.tolist() == [False, False, True, False]
    assert told.covariates[Covariate.REQUEST_BYTES].tolist() == [3.0, 1.0, 2.0, 4.0]
    assert told.units is not None
    assert told.units.tolist() == [3, 1, 0, 4]
    assert told.drawn is not None
    assert told.drawn.tolist() == [False, False, True, False]
    assert told.invalid == {}
    assert both.strata.tolist() == [3, 1, 2, 4]
    assert both.splits.tolist() == [0.0, 0.0, 3.0, 4.0]


def test_the_last_stratum_stands_for_all_further_ones() -> None:
    strata = Strata()
    names = [f"s{place}" for place in range(MOST_STRATA + 2)]
    places = strata.places(Labels.of([*names, OTHER, "s0"]))
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 0]
    assert [strata.name(place) for place in (0, MOST_STRATA - 2, MOST_STRATA - 1)] == ["s0", "s6", OTHER]
    assert len(strata.names) == MOST_STRATA - 1


def test_groups_are_cut_by_stratum_and_split() -> None:
    rows = as_rows(
        [seen(float(at), green=at % 2 == 0) for at in range(1, 5)], strata=[0, 1, 1, 1], splits=[0.0, 0.0, 5.0, 5.0]
    )
    found = {group: (own.candidate.tolist(), own.stable.tolist()) for group, own in rows.groups()}
    assert found == {Group(0, 0.0): ([], [0]), Group(1, 0.0): ([1], []), Group(1, 5.0): ([3], [2])}
    assert list(as_rows([]).groups()) == []


# ------------------------------------------------------------------ blocks


def values(*given: float, beside: list[float] | None = None) -> Values:
    return Values(values=np.array(given), covariates=None if beside is None else np.array(beside))


def test_values_are_joined_with_their_covariates_or_without() -> None:
    both = values(1.0, beside=[10.0]).joined(values(2.0, beside=[20.0]))
    assert both.values.tolist() == [1.0, 2.0]
    assert both.covariates is not None
    assert both.covariates.tolist() == [10.0, 20.0]
    for one, two in ((values(1.0), values(2.0, beside=[2.0])), (values(1.0, beside=[1.0]), values(2.0))):
        assert one.joined(two).covariates is None
        assert one.joined(two).values.tolist() == [1.0, 2.0]
    newest = values(1.0, 2.0, 3.0, beside=[1.0, 2.0, 3.0]).newest(2)
    assert newest.values.tolist() == [2.0, 3.0]
    assert newest.covariates is not None
    assert newest.covariates.tolist() == [2.0, 3.0]


def test_a_block_closes_with_the_twentieth_value_and_only_so_many_wait() -> None:
    cutter, group = Cutter(), Group(0, 0.0)
    assert cutter.cut(group, values(1.0), values(*[2.0] * (BLOCK - 2)), at=1.0) is None
    block = cutter.cut(group, values(), values(3.0), at=2.0, span=0.5)
    assert block is not None
    assert block.candidate.tolist() == [1.0]
    assert block.stable.tolist() == [2.0] * (BLOCK - 2) + [3.0]
    assert (block.at, block.span) == (2.0, 0.5)
    assert cutter.pending == {}
    cutter.cut(group, values(), values(*map(float, range(PENDING + 4))), at=3.0)
    assert cutter.pending[group][1].values.tolist() == [float(place) for place in range(4, PENDING + 4)]


# ------------------------------------------------------------------ clock, absence, attendance, ratio, slices


def test_a_clock_is_what_the_three_latest_agree_on() -> None:
    clock = Clock()
    clock.read(np.array([1.0, 2.0]))
    assert clock.now == -math.inf
    clock.read(np.array([0.0, 5.0, 6.0, 7.0, 99.0]))
    assert clock.latest == [6.0, 7.0, 99.0]
    assert clock.now == 6.0
    clock.read(np.array([3.0]))
    assert Clock.load(clock.dump()).latest == [6.0, 7.0, 99.0]


def test_absence_waits_for_a_block_of_both() -> None:
    absence = Absence()
    absence.fold(9, 3, 10, 1)
    assert absence.pending == [9, 3, 10, 1]
    absence.fold(1, 1, 0, 0)
    assert absence.pending == [0, 0, 0, 0], "ten and ten are a block"
    evidence = absence.capital.value
    assert evidence > 1.0
    absence.fold(0, 0, PENDING, PENDING)
    assert absence.pending == [0, 0, PENDING, PENDING]
    absence.fold(0, 0, 1, 0)
    assert absence.pending == [0, 0, 0, 0], "the other role is silent"
    assert absence.capital.value == evidence
    back = Absence()
    absence.fold(1, 0, 2, 1)
    back.restore(absence.dump())
    assert (back.pending, back.capital.value) == ([1, 0, 2, 1], evidence)


def test_attendance_counts_and_hears_each_role() -> None:
    attendance = Attendance()
    attendance.see(columns([seen(5.0), seen(7.0), seen(8.0, green=True)]))
    attendance.see(columns([seen(3.0), seen(6.0)]))
    assert attendance.counts == {Role.STABLE: 4, Role.CANDIDATE: 1}
    assert attendance.heard == {Role.STABLE: (3.0, 7.0), Role.CANDIDATE: (8.0, 8.0)}
    attendance.counted[Role.CANDIDATE] = 7
    assert Attendance.load(attendance.dump()) == attendance
    attendance.restart()
    assert attendance.counted == dict.fromkeys(Role, 0)


def test_a_share_is_noted_once_and_known_when_it_is_not_changing() -> None:
    ratio = SampleRatio()
    assert ratio.share is None
    assert [ratio.expect(at, share) for at, share in ((1.0, 0.1), (2.0, 0.1), (3.0, math.nan), (4.0, math.nan))] == [
        True,
        False,
        True,
        False,
    ]
    assert ratio.share is None
    assert ratio.expect(5.0, 0.0)
    assert ratio.share == 0.0
    assert ratio.split_of(np.array([0.0, 1.0, 2.9, 3.0, 9.0])).tolist() == [-math.inf, 1.0, 1.0, 3.0, 5.0]
    assert ratio.split_of(np.array([5.0, 6.0])).tolist() == [5.0, 5.0]


def test_seconds_are_counted_half_a_second_from_a_change_and_settled_after_the_lag() -> None:
    ratio = SampleRatio()
    ratio.expect(10.0, 0.25)
    ratio.expect(20.0, 0.5)
    times = [9.0, 10.4, 10.5, 10.9, 19.4, 19.5, 20.4, 20.5]
    ratio.fold(columns([seen(at, green=at in (10.9, 20.5)) for at in times]))
    assert ratio.waiting == {(10, 0.25): [1, 1], (19, 0.25): [0, 1], (20, 0.5): [1, 0]}
    assert (ratio.candidate, ratio.stable) == (0, 0)
    ratio.fold(columns([seen(49.5), seen(49.6), seen(49.7)]))
    assert ratio.open == 19
    assert (ratio.candidate, ratio.stable, ratio.expected) == (1, 1, 0.5)
    ratio.fold(columns([seen(51.5), seen(51.6), seen(51.7)]))
    assert (ratio.candidate, ratio.stable, ratio.expected) == (2, 2, 1.25)


def test_overlap_is_the_smaller_part_that_both_roles_met() -> None:
    slices = Slices()
    slices.fold(as_rows([seen(1.0), seen(2.0), seen(3.0), seen(4.0)], strata=[0, 0, 0, 1]), (Source.QUALITY,))
    assert slices.overlap() is None
    slices.fold(as_rows([seen(5.0, green=True), seen(6.0, green=True)], strata=[0, 2]), (Source.QUALITY,))
    assert slices.overlap() == 0.5
    slices.fold(as_rows([seen(7.0, green=True)], strata=[1]), (Source.QUALITY,), requests=False)
    assert slices.overlap() == 0.5, "samples are no requests of their own"
    assert Slices.load(slices.dump()).counts == slices.counts


# ------------------------------------------------------------------ what waits


def test_what_waits_is_settled_by_its_beginning_once_its_lag_is_over() -> None:
    waits = Waiting(lag=10.0, width=1.0)
    waits.add(as_rows([seen(5.0, duration=4.0), seen(5.2), seen(5.4)]))
    assert (waits.count, waits.seen) == (3, 3)
    assert sorted(waits.pieces) == [1, 5]
    waits.add(as_rows([seen(12.5), seen(12.6), seen(12.7)]))
    assert waits.seen == 6
    ripe = [rows.columns.began.tolist() for rows in waits.ripe()]
    assert ripe == [[1.0]]
    assert waits.count == 5
    waits.add(as_rows([seen(16.0), seen(16.1), seen(16.2)]))
    assert [rows.columns.began.tolist() for rows in waits.ripe()] == [[5.2, 5.4]]
    dumped = Waiting.load(waits.dump())
    assert (dumped.seen, dumped.since, dumped.count) == (9, 16.0, 0)
    waits.forget()
    waits.add(as_rows([seen(15.9), seen(16.0)]))
    assert (waits.count, waits.seen) == (1, 11), "what began before it was forgotten has lost its companions"


def test_one_in_so_many_arrivals_is_kept_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "MOST", 4)
    waits = Waiting(lag=100.0, width=100.0)
    for at in range(12):
        waits.add(as_rows([seen(float(at))]))
    assert waits.every == 4
    (pieces,) = waits.pieces.values()
    assert joined(pieces).columns.began.tolist() == [0.0, 4.0, 8.0]
    assert waits.count == 3


def test_only_so_many_parts_wait_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "_PLACES", 3)
    waits = Waiting(lag=100.0, width=1.0)
    waits.add(as_rows([seen(1.0), seen(2.0), seen(3.0)]))
    assert sorted(waits.pieces) == [1, 2, 3]
    waits.add(as_rows([seen(4.0), seen(4.1)]))
    assert sorted(waits.pieces) == [2, 3, 4]
    assert waits.count == 4


# ------------------------------------------------------------------ what is kept, and units


def test_a_state_is_compact_and_of_this_schema_or_the_ones_still_read() -> None:
    assert write_state({"schema": 3, "a": [1, 0.5]}) == b'{"schema":3,"a":[1,0.5]}'
    with pytest.raises(ValueError, match="Out of range"):
        write_state({"a": math.nan})
    state = write_state({"schema": 2})
    assert open_state(state, what="book", schema=2) == {"schema": 2}
    assert open_state(state, what="book", schema=3, oldest=2) == {"schema": 2}
    with pytest.raises(StoreUnreadable, match="the stored book has schema 2, this Verdigris reads 3"):
        open_state(state, what="book", schema=3)
    with pytest.raises(StoreTooNew, match="the stored book has schema 2, this Verdigris knows 1"):
        open_state(state, what="book", schema=1)
    with pytest.raises(StoreUnreadable, match="the stored book cannot be read"):
        open_state(b"{}", what="book", schema=1)


def test_hashes_are_mixed_as_splitmix64_does() -> None:
    """The first two numbers of SplitMix64 from the seed 0, whose state is raised by this step before each."""
    step = 0x9E3779B97F4A7C15
    mixed = mix(np.array([step, (2 * step) % 2**64], dtype=np.uint64))
    assert mixed.tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
