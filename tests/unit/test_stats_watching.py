"""What watches beside the verdict: bursts, label distributions, predictions from requests, moves of one side."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.stats.block import Block
from verdigris.core.stats.burst import GROWTH_PER_SECOND, Burst
from verdigris.core.stats.categories import DIFFERENT, Categories
from verdigris.core.stats.comparison import Bet, Boundary
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.regression import ENOUGH, Predictor
from verdigris.core.stats.shift import MOVED, Shift
from verdigris.core.stats.two_sample_mean import REACH, TwoSampleMean

# ---------------------------------------------------------------- bursts


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 1e3)), min_size=1, max_size=40).map(sorted))
def test_no_second_grows_beyond_its_factor_and_losses_stay(steps: list[tuple[float, float]]) -> None:
    burst, grown = Burst.start((1, 1)), dict.fromkeys(range(4), 1.0)
    for at, factor in steps:
        limited = float(burst.limit(np.array([[factor]]), at)[0, 0])
        assert limited <= factor
        if factor <= 1.0 and grown[int(at)] <= 1.0:
            assert limited == factor
        grown[int(at)] = max(grown[int(at)] * limited, 1e-300)
        assert grown[int(at)] <= GROWTH_PER_SECOND * (1.0 + 1e-12)


def test_every_second_has_an_allowance_of_its_own() -> None:
    burst = Burst.start((1, 1))
    growth = [float(burst.limit(np.array([[9.0]]), at)[0, 0]) for at in (0.0, 0.9, 1.0, 1.5, 7.2, 3.0)]
    assert growth == [2.0, 1.0, 2.0, 1.0, 2.0, 2.0]


def test_a_burst_goes_on_where_it_was() -> None:
    one, other = Burst.start((1, 2)), Burst.start((1, 2))
    one.limit(np.array([[1.5, 0.5]]), 5.1)
    other.restore(json.loads(json.dumps(one.dump())))
    assert other.limit(np.array([[9.0, 9.0]]), 5.9) == pytest.approx(np.array([[2.0 / 1.5, 4.0]]))
    one.restart()
    assert one.limit(np.array([[9.0, 9.0]]), 5.9) == pytest.approx(np.array([[2.0, 2.0]]))


def test_one_stall_proves_little_and_slowness_that_lasts_proves_much() -> None:
    """A thousand slow requests at once are one event; the bet that nothing is worse may lose as much as it likes."""
    bets = (Bet.start(Boundary(), worse=True), Bet.start(Boundary(), worse=False))
    test = Exceedance.start(bets, threshold=1.0, rate=0.05)
    stall = Block(candidate=np.full(500, 9.0), stable=np.full(500, 0.5), at=10.0)
    free = Exceedance.start(bets, threshold=1.0, rate=0.05, bursts=False)
    test.compare(stall)
    free.compare(stall)
    assert test.value(0) <= GROWTH_PER_SECOND
    assert free.value(0) > 1e100
    assert test.value(1) == free.value(1) < 1.0
    for second in range(11, 31):
        test.compare(Block(candidate=np.full(500, 9.0), stable=np.full(500, 0.5), at=float(second)))
    assert test.value(0) > 1e5


def test_nothing_is_won_back_by_the_limit() -> None:
    """A block that speaks against a bet costs it all that it should, whatever the second has brought before."""
    bets = (Bet.start(Boundary(), worse=True),)
    test, free = (Exceedance.start(bets, threshold=1.0, rate=0.5, bursts=bursts) for bursts in (True, False))
    good = Block(candidate=np.zeros(100), stable=np.full(100, 5.0), at=0.0)
    test.compare(good)
    free.compare(good)
    assert test.value(0) == pytest.approx(free.value(0))
    assert test.value(0) < 0.5


# ---------------------------------------------------------------- categories


def test_equal_labels_are_not_told_apart_and_others_are() -> None:
    rng, same, apart = np.random.default_rng(1), Categories.start(5), Categories.start(5)
    for _ in range(200):
        stable = rng.multinomial(40, [0.6, 0.2, 0.1, 0.1, 0.0])
        same.compare(rng.multinomial(10, [0.6, 0.2, 0.1, 0.1, 0.0]), stable)
        apart.compare(rng.multinomial(10, [0.4, 0.2, 0.1, 0.1, 0.2]), stable)
    assert same.peak < 20.0
    assert apart.peak == apart.value > DIFFERENT


def test_expectation_of_labels_is_at_most_one() -> None:
    """Over every outcome of a block of 1 against 2, from any past: the next factor's mean is no more than 1."""
    for past in ([0, 0, 0], [9, 1, 0], [0, 0, 50]):
        for chances in ([0.2, 0.3, 0.5], [0.98, 0.01, 0.01], [0.0, 0.0, 1.0]):
            total = 0.0
            for a in range(3):
                for b in range(3):
                    for c in range(3):
                        test = Categories.start(3)
                        test.compare(np.array(past), np.zeros(3))
                        assert test.value == 1.0
                        one, two = np.eye(3)[a], np.eye(3)[b] + np.eye(3)[c]
                        test.compare(one, two)
                        total += chances[a] * chances[b] * chances[c] * test.value
            assert total <= 1.0 + 1e-9


def test_one_side_alone_is_learned_and_proves_nothing() -> None:
    test = Categories.start(3)
    test.compare(np.array([0.0, 5.0, 0.0]), np.zeros(3))
    test.compare(np.zeros(3), np.zeros(3))
    assert test.value == test.peak == 1.0
    assert test.candidate.sum() == pytest.approx(25.0)


def test_categories_go_on_to_the_last_bit_and_stay_finite() -> None:
    one, other = Categories.start(2), Categories.start(2)
    for _ in range(50):
        one.compare(np.array([1e6, 0.0]), np.array([0.0, 1e6]))
    assert np.isfinite(one.value)
    one.compare(np.array([3.0, 5.0]), np.array([4.0, 1.0]))
    other.restore(json.loads(json.dumps(one.dump(), allow_nan=False)))
    for test in (one, other):
        test.compare(np.array([3.0, 5.0]), np.array([4.0, 1.0]))
    assert one.dump() == other.dump()


def test_the_peak_of_labels_stays_when_they_become_alike() -> None:
    test = Categories.start(2)
    for _ in range(20):
        test.compare(np.array([5.0, 25.0]), np.array([25.0, 5.0]))
    peak = test.peak
    for _ in range(20):
        test.compare(np.array([25.0, 5.0]), np.array([5.0, 25.0]))
    assert test.peak >= peak > 10.0 * test.value


# ---------------------------------------------------------------- predictions


def taught(n: int = 1_000, *, slope: float = -0.1, noise: float = 0.0) -> Predictor:
    rng, predictor = np.random.default_rng(2), Predictor()
    covariates = np.expm1(rng.uniform(3.0, 5.0, n))
    predictor.learn(covariates, 0.8 + slope * (np.log1p(covariates) - 4.0) + rng.normal(0.0, noise, n))
    return predictor


def test_a_prediction_is_a_line_over_the_logarithm() -> None:
    offsets = taught(noise=0.01).predict(np.expm1([3.5, 4.0, 4.5, np.nan, 700.0, 0.0]))
    assert offsets == pytest.approx([0.05, 0.0, -0.05, 0.0, -REACH, REACH], abs=0.005)


def test_nothing_is_predicted_until_enough_is_known() -> None:
    assert Predictor().predict(np.ones(3)) is None
    assert taught(ENOUGH - 1).predict(np.ones(3)) is None
    assert taught(ENOUGH).predict(np.ones(3)) is not None


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 299))
def test_what_is_learned_in_parts_is_what_is_learned_at_once(seed: int, cut: int) -> None:
    rng, whole, parts = np.random.default_rng(seed), Predictor(), Predictor()
    covariates, outcomes = rng.lognormal(3.0, 2.0, 300), rng.random(300)
    whole.learn(covariates, outcomes)
    parts.learn(covariates[:cut], outcomes[:cut])
    parts.learn(covariates[cut:], outcomes[cut:])
    assert parts.dump() == pytest.approx(whole.dump())
    slope = np.polyfit(np.log1p(covariates), outcomes, 1)[0]
    assert whole.beside / whole.along == pytest.approx(slope)


def test_what_cannot_be_learned_is_left_out() -> None:
    predictor = taught(noise=0.05)
    before = predictor.dump()
    odd = np.array([np.nan, np.inf, -5.0, -np.inf, 7.0, 7.0, 7.0])
    predictor.learn(odd, np.array([0.5, 0.5, 0.5, 0.5, np.nan, np.inf, -np.inf]))
    assert predictor.dump() == before
    assert predictor.predict(odd[:4]) == pytest.approx(np.zeros(4))


def test_equal_covariates_predict_nothing() -> None:
    predictor = Predictor()
    predictor.learn(np.full(500, 12.0), np.random.default_rng(3).random(500))
    assert predictor.predict(np.array([0.0, 12.0, 1e300])) == pytest.approx(np.zeros(3))


@pytest.mark.parametrize("outcome", [1e308, -1e308])
def test_predictions_are_always_finite(outcome: float) -> None:
    predictor = Predictor()
    with np.errstate(over="ignore", invalid="ignore"):
        for covariate in (0.0, 1e308) * 100:
            predictor.learn(np.array([covariate, 3.0]), np.array([outcome, -outcome]))
    offsets = predictor.predict(np.array([0.0, 5.0, 1e308]))
    assert offsets is not None
    assert (np.abs(offsets) <= REACH).all()


def test_a_slope_that_is_no_number_predicts_nothing() -> None:
    predictor = Predictor()
    predictor.restore([1_000.0, 3.0, 0.5, 10.0, float("inf")])
    assert predictor.predict(np.expm1([3.0, 4.0])) == pytest.approx(np.zeros(2))


def test_a_line_follows_what_changes() -> None:
    predictor, rng = taught(5_000), np.random.default_rng(4)
    for _ in range(60):
        covariates = np.expm1(rng.uniform(3.0, 5.0, 1_000))
        predictor.learn(covariates, 0.5 + 0.1 * (np.log1p(covariates) - 4.0))
    assert predictor.n <= 10_000
    assert predictor.predict(np.expm1([4.5])) == pytest.approx([0.05], abs=0.01)


def test_a_predictor_goes_on_to_the_last_bit() -> None:
    one, other = taught(noise=0.1), Predictor()
    other.restore(json.loads(json.dumps(one.dump())))
    for predictor in (one, other):
        predictor.learn(np.array([5.0, 8.0]), np.array([0.1, 0.9]))
    assert one.dump() == other.dump()


def adjusted(*, slope: float, worse: float, adjust: bool, seed: int = 5) -> TwoSampleMean:
    """80 blocks of 50 scores that depend on the request's length."""
    bets = (Bet.start(Boundary(), worse=True), Bet.start(Boundary(), worse=False))
    test = TwoSampleMean.start(bets, higher_is_better=True, prior=0.8)
    rng, predictor = np.random.default_rng(seed), taught(noise=0.05, slope=slope)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        logs = rng.uniform(3.0, 5.0, n)
        return np.expm1(logs), np.clip(0.7 + slope * (logs - 4.0) + rng.normal(0.0, 0.04, n), 0.0, 1.0)

    for _ in range(80):
        (a, candidate), (b, stable) = draw(25), draw(25)
        offsets = (predictor.predict(a), predictor.predict(b)) if adjust else (None, None)
        test.compare(
            Block(candidate=candidate - worse, stable=stable, candidate_offset=offsets[0], stable_offset=offsets[1])
        )
    return test


def test_an_adjustment_shows_a_difference_sooner() -> None:
    with_, without = (adjusted(slope=-0.2, worse=0.02, adjust=adjust) for adjust in (True, False))
    assert with_.value(0) > 100.0 * without.value(0)
    assert with_.value(1) < 1.0


@pytest.mark.parametrize("far", [REACH, 5.0, 1e300, np.inf])
@pytest.mark.parametrize("scale", [1.0, 0.9, 0.0])
@pytest.mark.parametrize("prior", [0.02, 0.5, 0.98])
def test_factors_stay_positive_however_far_an_offset_lies(far: float, scale: float, prior: float) -> None:
    """At least .03 of a bet comes back from each of two values; what was paid out meanwhile is less."""
    for direction, other, candidate, stable in product((-far, far), (-far, far), (0.0, 1.0), (0.0, 1.0)):
        boundary = Boundary(scale=scale)
        bets = (Bet.start(boundary, worse=True), Bet.start(boundary, worse=False))
        test = TwoSampleMean.start(bets, higher_is_better=True, prior=prior)
        test.compare(
            Block(
                candidate=np.array([candidate]),
                stable=np.array([stable]),
                candidate_offset=np.array([direction]),
                stable_offset=np.array([other]),
            )
        )
        assert test.capitals.stakes.min() > 0.1 * 0.03**2 + 0.06e-3


# ---------------------------------------------------------------- shifts


@pytest.mark.parametrize(("mean", "direction"), [(0.8, 0), (0.81, 0), (0.9, 1), (0.7, -1)])
def test_a_move_is_told_with_its_direction(mean: float, direction: int) -> None:
    rng, shift = np.random.default_rng(6), Shift.start(reference=0.8, band=0.02)
    for _ in range(60):
        shift.fold(np.clip(rng.normal(0.8, 0.1, 50), 0.0, 1.0))
    assert not shift.direction
    for _ in range(60):
        shift.fold(np.clip(rng.normal(mean, 0.05, 50), 0.0, 1.0))
    assert shift.direction == direction


def test_a_move_once_told_stays_told_and_comes_back_as_it_was() -> None:
    shift, other = Shift.start(reference=0.1, band=0.05), Shift.start(reference=0.5, band=0.5)
    for _ in range(20):
        shift.fold(np.ones(20))
    assert shift.direction == 1
    for _ in range(200):
        shift.fold(np.zeros(50))
    assert shift.direction == 1
    assert shift.down > MOVED
    other.restore(json.loads(json.dumps(shift.dump(), allow_nan=False)))
    for test in (shift, other):
        test.fold(np.array([0.3, 0.0]))
    assert other.dump() == shift.dump()


@pytest.mark.parametrize(("reference", "band"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 5.0)])
def test_a_band_at_the_bounds_gives_finite_numbers(reference: float, band: float) -> None:
    shift = Shift.start(reference=reference, band=band)
    for value in (0.0, 1.0, -1e308, 1e308) * 10:
        shift.fold(np.full(40, value))
        shift.fold(np.empty(0))
        json.dumps(shift.dump(), allow_nan=False)
        assert np.isfinite([shift.up, shift.down]).all()
