"""Factors of a few values, worked out by hand: what one block brings, term by term."""

from __future__ import annotations

import numpy as np
import pytest

from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import STAKES
from verdigris.core.stats.capped_mean import CappedMean
from verdigris.core.stats.comparison import Bet, Boundary
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.one_sample import ceiling_factors, floor_factors, rate_limit_factors
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.regression import Predictor
from verdigris.core.stats.shift import Shift
from verdigris.core.stats.sketch import ACCURACY, Sketch
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import ODDS

WORSE = (Bet.start(Boundary(), worse=True),)


def worth(factors: np.ndarray) -> float:
    """What eight stakes of a tenth each have become, with the fifth that was not bet."""
    return 0.1 * float(factors.sum()) + 0.2


def test_a_rate_limit_is_a_ratio_of_likelihoods() -> None:
    odds = 0.1 / 0.9 * ODDS
    rate = odds / (1.0 + odds)
    assert rate_limit_factors(7, 2.0, 0.1) == pytest.approx(rate**2 * (1.0 - rate) ** 5 / (0.1**2 * 0.9**5))


def test_a_floor_and_a_ceiling_stake_what_one_value_can_take() -> None:
    values = np.array([0.1, 0.6])
    floor = (1.0 + STAKES * 0.2 / 0.7) * (1.0 - STAKES * 0.3 / 0.7)
    assert floor_factors(values, 0.3) == pytest.approx(floor)
    assert floor_factors(np.array([1.0]), 1.0) == pytest.approx(1.0)
    ceiling = (1.0 - STAKES * 0.15 / 0.25) * (1.0 + STAKES * 0.35 / 0.25)
    assert ceiling_factors(values, 0.25) == pytest.approx(ceiling)


@pytest.mark.parametrize(("value", "clipped"), [(0.3, 0.3), (0.0, 0.0), (7.0, 1.0), (-7.0, 0.0)])
def test_a_shift_stakes_what_one_value_can_take(value: float, clipped: float) -> None:
    shift = Shift.start(reference=0.4, band=0.1)
    shift.fold(np.array([value]))
    assert shift.up == pytest.approx(worth(1.0 + STAKES * (clipped - 0.5) / 0.5))
    assert shift.down == pytest.approx(worth(1.0 + STAKES * (0.3 - clipped) / 0.7))


def test_a_boundary_moves_the_centre_along() -> None:
    """Centre (0.5 + 0.5 + 0.2) / 2 = 0.6, so 1 / 0.6 may be staked on either side."""
    bets = (Bet.start(Boundary(shift=0.2), worse=True),)
    test = TwoSampleMean.start(bets, higher_is_better=False, prior=0.5)
    test.compare(Block(candidate=np.array([1.0]), stable=np.array([0.1])))
    assert test.value(0) == pytest.approx(worth((1.0 + STAKES * 0.4 / 0.6) * (1.0 + STAKES * 0.3 / 0.6)))


@pytest.mark.parametrize("side", ["candidate_offset", "stable_offset"])
def test_an_offset_of_one_side_alone_adjusts_nothing(side: str) -> None:
    one, other = (TwoSampleMean.start(WORSE, higher_is_better=True, prior=0.5) for _ in range(2))
    candidate, stable = np.array([0.2, 0.4]), np.array([0.7, 0.9])
    one.compare(Block(candidate=candidate, stable=stable, **{side: np.array([0.1, -0.1])}))
    other.compare(Block(candidate=candidate, stable=stable))
    assert one.dump() == other.dump()


def test_what_equals_a_threshold_does_not_exceed_it() -> None:
    """Of both sides, and of the raised one that a margin in the values' unit makes."""
    bets = (*WORSE, Bet.start(Boundary(shift=0.5), worse=True))
    on, below, above = (Exceedance.start(bets, threshold=1.0, rate=0.1, bursts=False) for _ in range(3))
    on.compare(Block(candidate=np.array([1.5, 1.0]), stable=np.array([1.0, 1.0])))
    below.compare(Block(candidate=np.array([1.4, 0.5]), stable=np.array([0.5, 0.5])))
    above.compare(Block(candidate=np.array([1.6, 0.5]), stable=np.array([0.5, 0.5])))
    assert [on.value(i) for i in (0, 1)] == [below.value(i) for i in (0, 1)]
    assert above.value(0) == on.value(0)
    assert above.value(1) > on.value(1)


def test_the_tail_beyond_a_cap_is_expected_to_be_a_two_hundredth() -> None:
    assert CappedMean.start(WORSE, cap=2.0, prior=0.5).tail.stable.mean == pytest.approx([0.005])


def test_moments_keep_mean_and_variance_whatever_they_weigh() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    whole = Moments.of(values)
    assert whole.variance == pytest.approx(values.var())
    for factor in (0.5, 3.0):
        scaled = whole.scaled(factor)
        assert (scaled.n, scaled.mean, scaled.variance) == pytest.approx((4.0 * factor, 4.0, values.var()))


def test_a_sketch_knows_its_first_its_last_and_its_largest_values() -> None:
    sketch = Sketch()
    sketch.add(np.array([1.0, 5.0, 1e9]))
    ranks = [sketch.at_rank(rank) for rank in (1, 2, 3)]
    assert ranks == pytest.approx([1.0, 5.0, 1e6], rel=ACCURACY)
    assert [sketch.at_rank(0), sketch.at_rank(4)] == [None, None]
    only = Sketch()
    only.add(np.array([1e9]))
    assert only.quantile(0.5) == only.at_rank(1) == ranks[2]


def test_a_predictor_that_weighs_half_keeps_its_line() -> None:
    predictor, covariates = Predictor(), np.arange(10_001.0)
    predictor.learn(covariates, np.log1p(covariates) / 50.0)
    assert predictor.n == 5_000.5
    assert predictor.beside / predictor.along == pytest.approx(0.02)
    logs = np.log1p(covariates)
    assert predictor.along == pytest.approx(logs.var() * 5_000.5)


def test_covariates_that_hardly_differ_predict_nothing() -> None:
    predictor = Predictor()
    predictor.restore([1_000.0, 3.0, 0.5, 1e-7, 1e-7])  # a variance of 1e-10
    assert predictor.predict(np.expm1([3.1])) == pytest.approx([0.0])
    predictor.restore([1_000.0, 3.0, 0.5, 1e-5, 1e-5])
    assert predictor.predict(np.expm1([3.1])) == pytest.approx([0.1])
