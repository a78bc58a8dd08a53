"""Capital: its ceiling, its restarts, and many of them as one."""

from __future__ import annotations

import numpy as np
import pytest

from verdigris.core.stats.arrays import HUGE
from verdigris.core.stats.capital import Capital, Capitals


def test_capital_stays_at_its_ceiling() -> None:
    capital, capitals = Capital.start(), Capitals.start(2)
    for factor in (1e130, 1e130, 1e130, 0.0, 1e130):
        capital.step(np.full(8, factor), 20)
        capitals.step(np.full((2, 8), factor), 20)
        assert capital.value == capitals.values[1] <= 9 * HUGE
    assert capital.peak == pytest.approx(8 * HUGE)


def test_a_restarted_capital_bets_what_is_left() -> None:
    capital, capitals = Capital.start(), Capitals.start(2)
    lost, won = np.full(8, 0.5), np.full(8, 3.0)
    capital.step(lost, 100)
    capitals.step(np.array([lost, won]), 100)
    left = capital.value
    capital.restart()
    capitals.restart()
    assert capital.value == capital.peak == pytest.approx(left)
    assert [capitals.values[0], capitals.values[1]] == pytest.approx([left, 1.0])
    assert capital.seen == capitals.seen == 0.0
    for _ in range(500):
        capital.step(np.ones(8), 20)
        capitals.step(np.ones((2, 8)), 20)
    assert capital.value == pytest.approx(left)
    assert [capitals.values[0], capitals.values[1]] == pytest.approx([left, 1.0])
    assert capital.cash < 0.03


@pytest.mark.parametrize("stakes", range(1, 30))
def test_untouched_capital_comes_back_as_it_was(stakes: int) -> None:
    one, other = Capital.start(stakes), Capital.start(stakes)
    other.restore(one.dump())
    assert other.value == one.value == pytest.approx(1.0)
    one.step(np.full(stakes, 1.7), 20)
    other.restore(one.dump())
    assert other.value == one.value > 1.5
    many, others = Capitals.start(2, stakes), Capitals.start(2, stakes)
    others.restore(many.dump())
    assert others.values == many.values == pytest.approx([1.0, 1.0])


def test_many_capitals_are_each_as_one() -> None:
    rng, capital, capitals = np.random.default_rng(5), Capital.start(), Capitals.start(3)
    for _ in range(50):
        factors = rng.uniform(0.5, 1.6, (3, 8))
        capital.step(factors[1], 30)
        capitals.step(factors, 30)
    assert capitals.values[1] == capital.value
    assert capitals.best(1) == capital.best


@pytest.mark.parametrize("other", [Capitals.start(3), Capitals.start(2, 5)], ids=["bets", "stakes"])
def test_capital_of_other_bets_is_not_restored(other: Capitals) -> None:
    with pytest.raises(ValueError, match="is not the capital of 2 bets with 8 stakes"):
        Capitals.start(2).restore(other.dump())
