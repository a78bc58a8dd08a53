"""Every factor has an expectation of at most 1 when its hypothesis is true: computed exactly, over all outcomes.

This is what makes the capital a supermartingale, and with it every promise of the judge.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product as outcomes
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.comparison import Boundary
from verdigris.core.stats.one_sample import ceiling_factors, floor_factors, rate_limit_factors
from verdigris.core.stats.sample_ratio import ratio_factors
from verdigris.core.stats.two_sample_mean import stake_above, two_sample_factors
from verdigris.core.stats.two_sample_rate import Counts, boundary_factors, odds_factors

RATES = st.floats(0.0, 1.0)
SIZES = st.integers(1, 5)
ONE = 1.0 + 1e-9


def binomial(n: int, k: int, rate: float) -> float:
    return comb(n, k) * rate**k * (1.0 - rate) ** (n - k)


def expected(n: int, m: int, candidate: float, stable: float, factors: Callable[[Counts], Floats]) -> Floats:
    total = np.zeros(8)
    for bad, other in outcomes(range(n + 1), range(m + 1)):
        block = Counts(candidate_n=n, candidate_bad=bad, stable_n=m, stable_bad=other)
        total += binomial(n, bad, candidate) * binomial(m, other, stable) * factors(block)
    return total


@settings(deadline=None)
@given(n=SIZES, m=SIZES, stable=RATES, part=RATES, guess=RATES)
def test_odds_when_the_candidate_is_no_worse(n: int, m: int, stable: float, part: float, guess: float) -> None:
    assert np.all(expected(n, m, part * stable, stable, lambda block: odds_factors(block, guess)) <= ONE)


@settings(deadline=None)
@given(n=SIZES, m=SIZES, stable=RATES, scale=st.floats(0.2, 4.0), shift=st.floats(0.0, 0.5), guess=RATES)
def test_boundary_from_both_sides(n: int, m: int, stable: float, scale: float, shift: float, guess: float) -> None:
    boundary = Boundary(scale=scale, shift=shift)
    edge = min(1.0, scale * stable + shift)
    above = expected(n, m, edge, stable, lambda block: boundary_factors(block, boundary, guess, above=True))
    assert np.all(above <= ONE)
    if scale * stable + shift <= 1.0:
        below = expected(n, m, edge, stable, lambda block: boundary_factors(block, boundary, guess, above=False))
        assert np.all(below <= ONE)


@settings(deadline=None)
@given(n=st.integers(1, 3), m=st.integers(1, 3), low=RATES, high=RATES, weight=RATES, guess=RATES)
def test_bounded_means_of_any_shape(n: int, m: int, low: float, high: float, weight: float, guess: float) -> None:
    """x takes two values and y is constant at their mean: equal means, different shapes."""
    mean = weight * low + (1.0 - weight) * high
    total = np.zeros(8)
    for drawn in outcomes(((low, weight), (high, 1.0 - weight)), repeat=n):
        chance = float(np.prod([p for _, p in drawn]))
        x, y = np.array([value for value, _ in drawn]), np.full(m, mean)
        total += chance * two_sample_factors([stake_above(n, m, guess, Boundary())], x, y[None, :])[0]
    assert np.all(total <= ONE)


@settings(deadline=None)
@given(n=SIZES, limit=st.floats(0.001, 0.999), part=RATES)
def test_rate_limit_when_kept(n: int, limit: float, part: float) -> None:
    total = sum(binomial(n, bad, part * limit) * rate_limit_factors(n, bad, limit) for bad in range(n + 1))
    assert np.all(total <= ONE)


@settings(deadline=None)
@given(limit=st.floats(0.05, 0.95), spread=RATES)
def test_mean_limits_when_kept(limit: float, spread: float) -> None:
    room = spread * min(limit, 1.0 - limit)
    low, high = np.array([limit - room]), np.array([limit + room])
    assert np.all((floor_factors(low, limit) + floor_factors(high, limit)) / 2 <= ONE)
    assert np.all((ceiling_factors(low, limit) + ceiling_factors(high, limit)) / 2 <= ONE)


@settings(deadline=None)
@given(n=SIZES, share=st.floats(0.01, 0.99))
def test_ratio_when_split_as_configured(n: int, share: float) -> None:
    total = sum(binomial(n, k, share) * ratio_factors(k, n - k, share) for k in range(n + 1))
    assert np.all(total <= ONE)


def test_expectation_exceeds_one_when_the_candidate_is_worse() -> None:
    """The other side of the promise: these sums can fail."""
    assert expected(3, 3, 0.6, 0.1, lambda block: odds_factors(block, 0.1)).max() > 1.5


def test_capital_never_makes_money_from_nothing() -> None:
    capital = Capital.start()
    for _ in range(1_000):
        capital.step(np.ones(8), 20.0)
    assert capital.value == pytest.approx(1.0)
    assert capital.cash < 0.02


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0.0, 3.0), min_size=8, max_size=8), max_size=20))
def test_capital_comes_back_to_the_last_bit(steps: list[list[float]]) -> None:
    one = Capital.start()
    for factors in steps:
        one.step(np.array(factors), 20.0)
    other = Capital.start()
    other.restore(one.dump())
    for capital in (one, other):
        capital.step(np.full(8, 1.1), 7.0)
    assert one.dump() == other.dump()
