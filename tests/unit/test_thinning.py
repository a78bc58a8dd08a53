"""Thinning: who is kept depends on the label alone, how many on the rate of the past; nothing grows."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.thinning import PATIENCE, WINDOW, Thinning
from verdigris.core.analysis.units import mix
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.observation import Observation

NOW = 1_700_000_000.0


def stream(rate, seconds, *, begin=NOW, seed=1, users=0, share=0.5, slow=0.1, harm=True):
    """Requests in the order of their ends; the candidate's quality and latency differ from stable's."""
    draw = random.Random(seed)
    rows = []
    for number in range(int(rate * seconds)):
        green = draw.random() < share
        duration = draw.expovariate(1.0 / (slow * (3 if green else 1)))
        rows.append(
            Observation(
                at=begin + number / rate + duration,
                environment="green" if green else "blue",
                status=500 if draw.random() < 0.1 else 200,
                duration=duration,
                quality=draw.random() * (0.5 if green and harm else 1.0),
                unit=draw.randrange(users) if users else None,
            )
        )
    return in_order(rows)


def in_order(rows):
    return sorted(rows, key=lambda row: row.at)


def one(**members):
    return Observation(**{"environment": "blue", "status": 200, "duration": 1.0, **members})


def kept(thinning, rows, size=100):
    return [row for at in range(0, len(rows), size) for row in thinning.keep(rows[at : at + size])]


def settled(k=2, most=100.0):
    """One that has seen 2^k times as much as it may keep, for a while."""
    thinning = Thinning(most=most)
    kept(thinning, stream(most * 2**k * 0.9, 4 * WINDOW))
    assert thinning.k == k
    return thinning


def sure(observed, n, p):
    """Within five standard deviations of a binomial."""
    return abs(observed - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 1


def test_below_the_rate_nothing_is_thinned():
    thinning = Thinning(most=100.0)
    rows = stream(95.0, 60.0)
    assert kept(thinning, rows) == rows
    assert (thinning.seen, thinning.kept, thinning.k) == (len(rows), len(rows), 0)


def test_without_a_limit_nothing_is_thinned():
    thinning = Thinning(most=math.inf)
    rows = stream(20_000.0, 2 * WINDOW)
    assert len(kept(thinning, rows, 1_000)) == len(rows)
    assert thinning.changes == []


@pytest.mark.parametrize("factor", [1.5, 3.0, 11.0])
def test_on_average_no_more_than_the_limit_is_kept(factor):
    thinning = Thinning(most=100.0)
    rows = stream(100.0 * factor, 100.0)
    left = [row for row in kept(thinning, rows) if row.at > NOW + 2 * WINDOW]
    assert len(left) / (100.0 - 2 * WINDOW) <= 100.0 * 1.1
    assert len(left) / (100.0 - 2 * WINDOW) >= 100.0 / 2 * 0.9
    assert thinning.seen - thinning.kept == len(rows) - thinning.kept > 0


@pytest.mark.parametrize("users", [0, 5_000])
def test_who_is_kept_depends_on_no_role_and_no_value(users):
    thinning = settled()
    rows = stream(360.0, 60.0, begin=NOW + 5 * WINDOW, users=users)
    taken = {id(row) for row in kept(thinning, rows)}
    p = 0.25
    by_role = [[id(row) in taken for row in rows if row.environment == side] for side in ("blue", "green")]
    failed = [id(row) in taken for row in rows if row.status == 500]
    slow = [id(row) in taken for row in sorted(rows, key=lambda row: row.duration)[-len(rows) // 10 :]]
    low = [id(row) in taken for row in sorted(rows, key=lambda row: row.quality)[: len(rows) // 10]]
    if not users:
        for group in (*by_role, failed, slow, low):
            assert sure(sum(group), len(group), p)
    else:  # requests of one user stand or fall together
        known = {row.unit for row in rows}
        chosen = {row.unit for row in rows if id(row) in taken}
        assert sure(len(chosen), len(known), p)
    statistic = sum(
        (sum(group) - len(group) * p) ** 2 / (len(group) * p) + (sum(group) - len(group) * p) ** 2 / (len(group) * 0.75)
        for group in by_role
    )
    assert users or statistic < 13.8  # chi-square with two degrees of freedom, 1 in 1,000


def test_a_unit_is_in_or_out_as_a_whole():
    thinning = settled()
    rows = stream(360.0, 30.0, begin=NOW + 5 * WINDOW, users=500)
    inside = {row.unit for row in kept(thinning, rows)}
    outside = {row.unit for row in rows} - inside
    assert inside
    assert outside
    assert [row for row in rows if row.unit in inside] == kept(settled(), rows)


def test_what_is_kept_of_less_is_part_of_what_is_kept_of_more():
    rows = stream(360.0, 4.0, begin=NOW + 5 * WINDOW, users=3_000)
    few, many = ({row.unit for row in settled(k=k, most=360.0 / 2**k / 0.9).keep(rows)} for k in (3, 1))
    assert few < many


def test_another_salt_is_another_draw():
    rows = stream(360.0, 4.0, begin=NOW + 5 * WINDOW, users=3_000)
    usual, other = settled(), settled()
    other.salt = 99
    assert {row.unit for row in usual.keep(rows)} != {row.unit for row in other.keep(rows)}


def test_kept_units_are_spread_over_the_map_of_units_seen():
    kept_units = [row.unit for row in settled().keep(stream(360.0, 4.0, begin=NOW + 5 * WINDOW, users=10**9))]
    places = mix(np.array(kept_units, dtype=np.uint64)) % np.uint64(4)
    assert np.unique(places).size == 4


def test_a_request_is_thinned_by_when_it_began():
    """A slow one that began before the rate rose is not less likely to be kept than a quick one of that moment."""
    thinning = settled(k=3, most=50.0)
    change = thinning.changes[1][0]
    rows = [replace(row, at=change + 20.0, duration=20.0 + 0.1) for row in stream(100.0, 10.0)]
    assert thinning.keep(rows) == rows
    later = [replace(row, at=change + 40.0, duration=1.0) for row in stream(100.0, 10.0)]
    assert len(thinning.keep(later)) < len(later) / 4


def test_it_keeps_more_again_only_after_a_while_of_less():
    thinning = settled(k=3, most=100.0)
    begin = NOW + 4 * WINDOW
    kept(thinning, stream(200.0, WINDOW * (PATIENCE - 1), begin=begin), 10)
    assert thinning.k == 3
    kept(thinning, stream(200.0, WINDOW * 3 * (PATIENCE + 1), begin=begin + WINDOW * (PATIENCE - 1)), 10)
    assert thinning.k in (1, 2)
    kept(thinning, stream(10.0, WINDOW * 12, begin=begin + WINDOW * 30), 10)
    assert thinning.k == 0


def test_a_rate_at_the_edge_does_not_go_up_and_down():
    thinning = Thinning(most=100.0)
    draw = random.Random(3)
    begin = NOW
    for _ in range(60):
        rate = 100.0 * draw.uniform(0.85, 1.15)
        kept(thinning, stream(rate, WINDOW, begin=begin, seed=draw.randrange(10**6)))
        begin += WINDOW
    assert len(thinning.changes) <= 2


def test_the_sample_ratio_is_what_it_was():
    """Thinned by half and more while the weight stays: the split still looks as configured."""
    thinning = settled(k=3, most=50.0)
    quality = tuple(each for each in DEFAULT_GUARDRAILS if each.metric is Metric.QUALITY)
    ledger = Ledger.begin(Terms(guardrails=quality, stable="blue", candidate="green"))
    begin = NOW + 5 * WINDOW
    ledger.expect(at=begin, share=0.2)
    rows = []
    for part in range(60):
        rate = (360.0, 40.0, 700.0)[part // 4 % 3]
        rows += stream(rate, 5.0, begin=begin + 5.0 * part, share=0.2, seed=part, slow=0.5, harm=False)
    ledger.fold(kept(thinning, in_order(rows)))
    assert len({k for _, k in thinning.changes}) > 1
    assert not ledger.ratio.mismatch
    assert ledger.ratio.candidate > 500


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf, 1e300, -1.0])
@pytest.mark.parametrize("duration", [math.nan, math.inf, -5.0, 1e300])
def test_whatever_comes_nothing_raises(at, duration):
    for thinning in (Thinning(most=10.0), settled()):
        odd = one(at=at, duration=duration, unit=2**70)
        thinning.keep([odd])
        thinning.keep([odd, *stream(100.0, 30.0)])
        thinning.keep([])


def test_one_time_from_the_future_does_not_stop_it():
    thinning = Thinning(most=100.0)
    thinning.keep([one(at=NOW + 86_400.0)])
    kept(thinning, stream(400.0, 4 * WINDOW))
    assert thinning.k == 2
    assert thinning.changes[-1][0] < NOW + 100.0


def test_a_late_batch_is_no_clock_that_went_back():
    thinning = settled()
    before = list(thinning.changes)
    thinning.keep([one(at=NOW + 4 * WINDOW - 60.0)])
    assert thinning.changes == before


def test_it_does_not_grow():
    thinning, begin = Thinning(most=10.0), NOW
    for part in range(400):
        rate = 40.0 if part // 4 % 2 else 2.0
        kept(thinning, stream(rate, WINDOW * 2, begin=begin), 20)
        begin += WINDOW * 2
    assert thinning.changes
    assert begin - NOW > 3_600.0
    assert thinning.changes[0][0] >= begin - 3_600.0 - 200.0
    kept(thinning, stream(2.0, 4_000.0, begin=begin), 20)
    assert thinning.changes == []


@pytest.mark.parametrize("most", [0.0, -1.0, math.nan])
def test_a_limit_that_is_none_is_refused(most):
    with pytest.raises(ValueError, match="most"):
        Thinning(most=most)
