"""Intervals end exactly where their mixtures bid 1/alpha, worked out here in another way: by integrals, and step by step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from verdigris.core.stats.confidence import mean_interval, quantile_ranks, rate_interval
from verdigris.core.stats.moments import Moments

BARELY = 1e-9
ALPHAS = pytest.mark.parametrize("alpha", [0.05, 0.001])


def log_bid(n: int, bad: int, rate: float) -> float:
    """What betting on each event in turn at its odds so far (Krichevsky & Trofimov) grows to, in logarithms."""
    grown = sum(math.log((k + 0.5) / (k + 1.0)) for k in range(bad))
    grown += sum(math.log((k + 0.5) / (bad + k + 1.0)) for k in range(n - bad))
    return grown - float(stats.bernoulli(rate).logpmf(1)) * bad - float(stats.bernoulli(rate).logpmf(0)) * (n - bad)


@ALPHAS
@pytest.mark.parametrize(("n", "bad"), [(10, 1), (10, 9), (100, 3), (1_000, 500), (20_000, 7)])
def test_a_rate_interval_ends_where_the_mixture_bids_one_over_alpha(n: int, bad: int, alpha: float) -> None:
    for edge in rate_interval(n, bad, alpha=alpha):
        assert log_bid(n, bad, edge) == pytest.approx(-math.log(alpha), abs=1e-8)
    low, high = rate_interval(n, bad, alpha=alpha)
    assert low < bad / n < high


@pytest.mark.parametrize("n", [1, 10, 5_000])
def test_a_rate_of_nothing_and_of_everything_is_bounded_on_one_side(n: int) -> None:
    """(1 - rate) ** n = alpha * the mixture, solved for the rate."""
    mixture = math.exp(sum(math.log((k + 0.5) / (k + 1.0)) for k in range(n)))
    edge = 1.0 - (0.05 * mixture) ** (1.0 / n)
    assert rate_interval(n, 0.0) == pytest.approx((0.0, edge), rel=BARELY)
    assert rate_interval(n, float(n)) == pytest.approx((1.0 - edge, 1.0), rel=BARELY)


@ALPHAS
@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (20, 0.99), (20, 0.02), (300, 0.95), (500, 0.5)])
def test_ranks_are_those_whose_counts_are_not_outbid(n: int, q: float, alpha: float) -> None:
    inside = [count for count in range(n + 1) if log_bid(n, count, q) < -math.log(alpha)]
    assert quantile_ranks(n, q, alpha=alpha) == (inside[0], inside[-1] + 1)
    if alpha == 0.05:
        assert quantile_ranks(n, q) == (inside[0], inside[-1] + 1)


@ALPHAS
@pytest.mark.parametrize("n", [20, 500, 30_000])
def test_a_mean_interval_ends_where_a_normal_mixture_bids_one_over_alpha(n: int, alpha: float) -> None:
    """The bets exp(l * sum - n * l ** 2 / 2) on standardised values, over all l, normal around 0."""
    values = 3.0 + 2.0 * np.random.default_rng(n).standard_normal(n)
    interval = mean_interval(Moments.of(values), alpha=alpha)
    assert interval is not None
    deviation = (interval[1] - values.mean()) / values.std()
    steps = math.log(1.0 / alpha**2)
    spread = math.sqrt((steps + math.log(1.0 + steps)) / 500.0)

    def bid(stake: float) -> float:
        return math.exp(stake * n * deviation - n * stake**2 / 2.0) * float(stats.norm.pdf(stake, scale=spread))

    centre, width = deviation * n * spread**2 / (1.0 + n * spread**2), spread / math.sqrt(1.0 + n * spread**2)
    bids, _ = integrate.quad(bid, centre - 12 * width, centre + 12 * width, epsabs=0.0, epsrel=1e-11)
    assert bids == pytest.approx(1.0 / alpha, rel=1e-7)
    assert sum(interval) / 2.0 == pytest.approx(values.mean(), rel=BARELY)


def test_the_usual_alpha_is_five_percent_and_twenty_values_are_enough() -> None:
    values = np.arange(20.0)
    assert mean_interval(Moments.of(values[1:])) is None
    assert mean_interval(Moments.of(values)) == mean_interval(Moments.of(values), alpha=0.05) is not None
    assert rate_interval(50, 5.0) == rate_interval(50, 5.0, alpha=0.05)
