"""Simulated traffic has the moments it was asked for, and the same seed gives the same requests."""

import math
from dataclasses import replace

import numpy as np
import pytest

from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.planning.behaviour import ORDINARY, Behaviour, is_reported, known_from, quantile, worse
from verdigris.planning.traffic import (
    CANDIDATE,
    STABLE,
    Crowd,
    Kind,
    Traffic,
    answers,
    baseline,
    columns,
    observations,
    pairs,
    requests,
)

MANY = 40_000


def drawn(n=MANY, *, seed=1, share=0.5, **traffic):
    return columns(np.random.default_rng(seed), n, Traffic(**traffic), share=share)


def values(made, source, *, candidate):
    return made.values[source][made.candidate == candidate]


# ------------------------------------------------------------------ moments


def test_every_quantity_is_as_it_was_asked_for():
    side = Behaviour(quality=0.7, quality_spread=0.2, errors=0.02, refusals=0.05, latency=2.0, cost=0.5)
    made = drawn(candidate=side)
    quality = values(made, Source.QUALITY, candidate=True)
    assert np.nanmean(quality) == pytest.approx(0.7, abs=0.01)
    assert np.nanstd(quality) == pytest.approx(0.2, abs=0.01)
    assert made.failed[made.candidate].mean() == pytest.approx(0.02, abs=0.004)
    assert np.nanmean(values(made, Source.REFUSALS, candidate=True)) == pytest.approx(0.05, abs=0.006)
    assert np.nanmedian(values(made, Source.COST, candidate=True)) == pytest.approx(0.5, rel=0.03)
    latency = values(made, Source.LATENCY, candidate=True)
    assert np.nanmedian(latency) == pytest.approx(2.0, rel=0.02)
    assert np.nanquantile(latency, 0.99) == pytest.approx(quantile(side, Metric.LATENCY_P99), rel=0.05)
    assert np.nanmean(values(made, Source.QUALITY, candidate=False)) == pytest.approx(ORDINARY.quality, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_split_and_the_rate_are_kept(share):
    made = drawn(share=share, rate=50.0)
    assert made.candidate.mean() == pytest.approx(share, abs=0.01)
    assert made.began.max() - made.began.min() == pytest.approx(MANY / 50.0, rel=0.01)


def test_a_side_that_reports_nothing_has_no_values():
    made = drawn(2_000, candidate=Behaviour(quality=None, cost=None, refusals=None))
    for source in (Source.QUALITY, Source.COST, Source.REFUSALS):
        assert np.isnan(values(made, source, candidate=True)).all()
        assert not np.isnan(values(made, source, candidate=False)).all()


def test_requests_that_hang_end_at_the_timeout_and_fail():
    made = drawn(5_000, stable=Behaviour(errors=0.0), candidate=Behaviour(errors=0.0, hangs=0.2), timeout=30.0)
    assert made.failed[made.candidate].mean() == pytest.approx(0.2, abs=0.03)
    assert (made.at - made.began)[made.failed] == pytest.approx(30.0)


def test_quality_drifts_on_both_sides():
    made = drawn(rate=MANY / 7_200.0, drift=-0.1)
    late = made.began > 3_600.0
    for side in (made.candidate, ~made.candidate):
        quality = made.values[Source.QUALITY]
        assert np.nanmean(quality[side & ~late]) - np.nanmean(quality[side & late]) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("wrong", [{"errors": 1.5}, {"quality": -0.1}, {"latency": -1.0}, {"cost": math.inf}])
def test_behaviour_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Behaviour(**wrong)


# ------------------------------------------------------------------ seeds, and three forms of one draw


def test_the_same_seed_gives_the_same_requests():
    one, same, other = (drawn(500, seed=seed) for seed in (1, 1, 2))
    assert (one.at == same.at).all()
    assert (one.candidate == same.candidate).all()
    assert (one.at != other.at).any()


def test_columns_are_what_the_ledger_would_read_of_the_observations():
    kinds = (Kind(name="short", part=3.0), Kind(name="long", part=1.0, candidate=Behaviour(quality=0.5, errors=0.3)))
    traffic = Traffic(kinds=kinds, users=Crowd.of(np.random.default_rng(0), 50), rate=100.0)
    made = columns(np.random.default_rng(1), 800, traffic)
    seen = observations(np.random.default_rng(1), 800, traffic)
    read = Columns.of(seen, stable=STABLE, candidate=CANDIDATE, units=True, strata=True)
    assert (made.candidate == read.candidate).all()
    assert (made.units == read.units).all()
    assert (made.drawn == read.drawn).all()
    assert made.values.keys() == read.values.keys()
    for source, expected in read.values.items():
        np.testing.assert_allclose(made.values[source], expected, err_msg=source)
    assert [made.strata.names[code] for code in made.strata.codes] == [
        read.strata.names[code] for code in read.strata.codes
    ]


def test_requests_come_in_the_order_in_which_they_end_and_join_in_it():
    rng, traffic = np.random.default_rng(1), Traffic(rate=10.0)
    first = requests(rng, 200, traffic)
    both = first + requests(rng, 200, traffic, start=20.0)
    ended, rest = both.split_at(15.0)
    assert (np.diff(both.at) >= 0).all()
    assert (ended.at <= 15.0).all()
    assert (rest.at > 15.0).all()
    assert len(ended) + len(rest) == 400


def test_a_user_stays_on_its_side_and_never_moves_back():
    crowd = Crowd.of(np.random.default_rng(0), 200)
    low, high = (requests(np.random.default_rng(1), 5_000, Traffic(users=crowd), share=share) for share in (0.1, 0.5))
    at_low, at_high = set(low.unit[low.candidate].tolist()), set(high.unit[high.candidate].tolist())
    assert at_low
    assert not at_high & set(high.unit[~high.candidate].tolist())
    assert not at_low & set(high.unit[~high.candidate].tolist())


# ------------------------------------------------------------------ pairs and baselines


@pytest.mark.parametrize("together", [0.0, 0.6])
def test_two_answers_to_one_input_are_as_alike_as_asked(together):
    stable, candidate = answers(np.random.default_rng(1), MANY, Traffic(), together=together)
    there = ~np.isnan(stable["quality"]) & ~np.isnan(candidate["quality"])
    found = np.corrcoef(stable["quality"][there], candidate["quality"][there])[0, 1]
    assert found == pytest.approx(together, abs=0.02)


def test_pairs_show_the_difference_of_the_sides():
    made = pairs(
        np.random.default_rng(1), 3_000, Traffic(candidate=replace(ORDINARY, quality=0.7), rate=2.0), start=5.0
    )
    drop = [
        pair.stable.quality - pair.candidate.quality
        for pair in made
        if not pair.stable.failed and not pair.candidate.failed
    ]
    assert np.mean(drop) == pytest.approx(0.15, abs=0.01)
    assert (made[0].at, made[-1].at) == (5.5, 1_505.0)
    assert all(pair.stable.quality is None for pair in made if pair.stable.failed)


def test_what_a_baseline_tells_of_a_service_is_what_it_did():
    side = Behaviour(
        quality=0.6, quality_spread=0.15, errors=0.04, refusals=0.1, latency=3.0, latency_shape=0.5, cost=None
    )
    known = known_from(baseline(np.random.default_rng(1), Traffic(stable=side), n=8_000))
    assert known.quality == pytest.approx(0.6, abs=0.01)
    assert known.quality_spread == pytest.approx(0.15, abs=0.01)
    assert known.errors == pytest.approx(0.04, abs=0.01)
    assert known.refusals == pytest.approx(0.1, abs=0.02)
    assert known.latency == pytest.approx(3.0, rel=0.05)
    assert known.latency_shape == pytest.approx(0.5, rel=0.1)
    assert known.cost is None
    assert known_from(baseline(np.random.default_rng(1), Traffic(), n=10)) == ORDINARY


# ------------------------------------------------------------------ harm


@pytest.mark.parametrize(
    ("guardrail", "field", "value"),
    [
        (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)), "quality", 0.85 * 0.95),
        (Guardrail(metric=Metric.COST, margin=Margin(relative=0.5)), "cost", 0.0125),
        (Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01)), "errors", 0.010),
        (Guardrail(metric=Metric.REFUSAL_RATE, margin=Margin(absolute=0.02)), "refusals", 0.02),
        (Guardrail(metric=Metric.LATENCY_P99, margin=Margin(relative=2.0)), "latency", 2.0),
    ],
)
def test_a_harm_of_half_the_margin(guardrail, field, value):
    harmed = worse(ORDINARY, guardrail, 0.5)
    assert getattr(harmed, field) == pytest.approx(value)
    assert replace(harmed, **{field: getattr(ORDINARY, field)}) == ORDINARY


def test_an_absolute_margin_moves_the_guarded_quantile():
    guardrail = Guardrail(metric=Metric.TTFB_P95, margin=Margin(absolute=0.4))
    moved = quantile(worse(ORDINARY, guardrail, 1.0), Metric.TTFB_P95) - quantile(ORDINARY, Metric.TTFB_P95)
    assert moved == pytest.approx(0.4)


def test_what_is_reported():
    silent = Behaviour(quality=None, cost=None, refusals=None)
    assert [each.metric for each in DEFAULT_GUARDRAILS if is_reported(silent, each.metric)] == [
        Metric.ERROR_RATE,
        Metric.LATENCY_P99,
    ]
