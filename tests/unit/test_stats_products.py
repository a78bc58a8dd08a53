"""The growth of all stakes, against the plain sum of logarithms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.stats.arrays import exponential
from verdigris.core.stats.capital import STAKES
from verdigris.core.stats.products import factors, log_products


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bets=st.integers(1, 4),
    n=st.one_of(st.integers(0, 130), st.integers(2_000, 4_200)),
    high=st.sampled_from([0.0, 1.0, 1e4]),
)
def test_products_are_those_of_all_values(seed: int, bets: int, n: int, high: float) -> None:
    distances = np.random.default_rng(seed).uniform(-1.0, high, (bets, n))
    plain = np.log1p(STAKES[:, None] * distances[:, None, :]).sum(axis=-1)
    assert log_products(distances) == pytest.approx(plain, rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("n", [1, 33, 101, 1_000, 5_000])
def test_the_worst_and_the_best_values_stay_in_range(n: int) -> None:
    assert log_products(np.full((1, n), -1.0))[0] == pytest.approx(n * np.log1p(-STAKES), rel=1e-9)
    for far in (1e9, 1e100, 1e308, np.inf):
        assert log_products(np.full((1, n), far))[0] == pytest.approx(n * np.log1p(1e9 * STAKES))
    mixed = np.where(np.arange(n) % 2, -1.0, 1e308)[None, :]
    assert np.isfinite(log_products(mixed)).all()
    assert np.isfinite(factors(mixed)).all()


def test_a_value_beyond_its_bound_ends_a_stake_and_nothing_else() -> None:
    """It may not be there; if it is, no bet gains by it."""
    for n in (1, 500):
        distances = np.zeros((2, n))
        distances[1, 0] = -50.0
        grown = factors(distances)
        assert grown[0] == pytest.approx(np.ones(8))
        assert (grown[1, :5] < 1e-100).all()


def test_exponentials_are_clipped() -> None:
    assert exponential(np.array([-np.inf, -1e9, 0.0, 1e9])) == pytest.approx(np.exp([-300.0, -300.0, 0.0, 300.0]))
