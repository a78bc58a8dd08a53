"""Summaries add, keep their accuracy, and come back as they were."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.stats.confidence import mean_interval, quantile_ranks, rate_interval
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.sketch import ACCURACY, Sketch

VALUES = st.lists(st.floats(0.0, 1e5), max_size=50).map(np.array)


def sketch_of(values: np.ndarray) -> Sketch:
    sketch = Sketch()
    sketch.add(values)
    return sketch


@settings(deadline=None)
@given(VALUES, VALUES)
def test_moments_add(a: np.ndarray, b: np.ndarray) -> None:
    whole, parts = Moments.of(np.concatenate((a, b))), Moments.of(a) + Moments.of(b)
    assert whole.n == parts.n
    assert whole.total == pytest.approx(parts.total)
    assert whole.squares == pytest.approx(parts.squares)
    assert Moments.load(whole.dump()) == whole


@settings(deadline=None)
@given(VALUES, VALUES)
def test_sketches_add(a: np.ndarray, b: np.ndarray) -> None:
    whole, parts = sketch_of(np.concatenate((a, b))), sketch_of(a) + sketch_of(b)
    assert np.array_equal(whole.counts, parts.counts)
    assert np.array_equal(Sketch.load(whole.dump()).counts, whole.counts)


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200).map(np.array), st.sampled_from([0.5, 0.95, 0.99]))
def test_sketch_quantiles_are_right_to_one_percent(values: np.ndarray, q: float) -> None:
    exact = np.sort(values)[max(1, int(np.ceil(q * values.size))) - 1]
    assert sketch_of(values).quantile(q) == pytest.approx(exact, rel=ACCURACY * 1.001)


def test_sketch_holds_zero_and_refuses_ranks_outside() -> None:
    sketch = sketch_of(np.zeros(3))
    assert sketch.quantile(0.5) == 0.0
    assert sketch.at_rank(4) is None
    assert Sketch().quantile(0.5) is None
    assert sketch.capped_mean(1.0) == 0.0


def test_sketch_holds_values_beyond_its_range_at_its_ends() -> None:
    sketch = sketch_of(np.array([0.0, 5e-324, 1e-12, 1e7, 1e308]))
    assert sketch.n == 5
    assert [sketch.at_rank(rank) for rank in (1, 2, 3)] == [0.0, 0.0, 0.0]
    assert [sketch.at_rank(rank) for rank in (4, 5)] == pytest.approx([1e6, 1e6], rel=ACCURACY)


def test_the_last_rank_of_parts_of_values_is_there() -> None:
    """Ten tenths are one, whichever way they are summed up."""
    sketch = Sketch()
    sketch.counts[100:110] = 0.1
    assert sketch.n == 1
    assert sketch.at_rank(1) == sketch.quantile(1.0)
    assert 0.0 < (sketch.at_rank(1) or 0.0) < 1e-7


def test_sketch_forgets_by_halves() -> None:
    sketch = sketch_of(np.full(100, 2.0))
    sketch.halve()
    assert sketch.n == 50
    assert sketch.quantile(0.5) == pytest.approx(2.0, rel=ACCURACY)


@pytest.mark.parametrize("q", [0.5, 0.99, 0.995])
def test_many_halvings_leave_the_tail_where_it_is(q: float) -> None:
    sketch, halvings, normal = Sketch(), 0, NormalDist()
    for batch in range(500):
        shares = (np.arange(500) + 0.01 + batch * 0.618 % 0.98) / 500  # evenly spread, so that chance plays no part
        sketch.add(np.exp([normal.inv_cdf(share) for share in shares]))
        if sketch.n > 5_000:
            sketch.halve()
            halvings += 1
    assert halvings > 50
    assert 2_500 <= sketch.n <= 5_000
    assert sketch.quantile(q) == pytest.approx(math.exp(normal.inv_cdf(q)), rel=0.03)
    assert np.array_equal(Sketch.load(sketch.dump()).counts, sketch.counts)


def test_what_weighs_next_to_nothing_is_forgotten() -> None:
    sketch = sketch_of(np.array([3.0]))
    for _ in range(20):
        sketch.halve()
    assert sketch.quantile(0.5) == pytest.approx(3.0, rel=ACCURACY)
    sketch.halve()
    assert sketch.dump() == [[], []]
    assert sketch.quantile(0.5) is None


@pytest.mark.parametrize("count", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_sketch_of_impossible_counts_is_not_loaded(count: float) -> None:
    with pytest.raises(ValueError, match="no positive number"):
        Sketch.load([[3], [count]])


def test_moments_of_nothing_are_unknown() -> None:
    assert Moments().mean is None
    assert Moments().variance == 0.0
    assert mean_interval(Moments()) is None


@pytest.mark.parametrize(("n", "bad"), [(10, 0), (10, 10), (1_000, 3), (1_000, 500)])
def test_rate_interval_holds_the_estimate(n: int, bad: int) -> None:
    low, high = rate_interval(n, bad)
    assert 0.0 <= low <= bad / n <= high <= 1.0
    wider = rate_interval(n, bad, alpha=0.001)
    assert wider[0] <= low
    assert wider[1] >= high


def test_intervals_narrow_with_data() -> None:
    assert rate_interval(0, 0.0) == (0.0, 1.0)
    low, high = rate_interval(10_000, 100)
    assert 0.006 < low < 0.01 < high < 0.0145


def test_quantile_ranks_surround_the_quantile_and_may_be_open() -> None:
    low, high = quantile_ranks(10_000, 0.99)
    assert 9_800 < low < 9_900 < high < 9_960
    assert quantile_ranks(20, 0.99)[1] > 20
