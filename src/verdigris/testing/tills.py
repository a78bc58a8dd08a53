# ruff: noqa: S101 -- a contract suite asserts
"""The contract of the Till socket. Needs pytest.

Inherit TillContract in a test class whose name begins with `Test` and say how a till is made:

    class TestMyTill(TillContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.path = tmp_path / "till"

        def a_till(self):
            return MyTill(path=self.path)

Call `pytest.register_assert_rewrite("verdigris.testing.tills")` before importing it to see the values in a failure.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from verdigris.core.model.quality import Budget
from verdigris.ports import Reservation, Till
from verdigris.testing.builders import START

C = TypeVar("C", bound="TillContract")
DAY = 86_400.0
MIDNIGHT = START - START % DAY + DAY
ONE_USD = Budget(per_rollout=1.0)


def with_till(test: Callable[[C, Till], Awaitable[None]]) -> Callable[[C], None]:
    """Gives the test an open, empty till, and closes it afterwards."""

    async def story(self: C) -> None:
        till = self.a_till()
        await till.open()
        try:
            await test(self, till)
        finally:
            await till.close()

    def run(self: C) -> None:
        asyncio.run(story(self))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def reserve(
    till: Till,
    amount: float | None,
    budget: Budget = ONE_USD,
    *,
    purse: str = "shadow",
    rollout: str = "r1",
    at: float = START,
) -> Reservation | None:
    return await till.reserve(purse, amount, budget=budget, rollout=rollout, at=at)


async def reserved(till: Till, amount: float | None, budget: Budget = ONE_USD, at: float = START) -> Reservation:
    """One that fits."""
    found = await reserve(till, amount, budget, at=at)
    assert found is not None
    return found


async def total(till: Till, *, purse: str = "shadow", rollout: str = "r1", at: float = START) -> tuple[float, float]:
    return await till.spent(purse, rollout=rollout, at=at)


class TillContract:
    """What every till promises. Each test begins with an empty one."""

    def a_till(self) -> Till:
        """A new, not yet opened one."""
        raise NotImplementedError

    @with_till
    async def test_an_empty_till_spent_nothing(self, till: Till) -> None:
        assert await total(till) == (0.0, 0.0)

    @with_till
    async def test_a_reservation_counts_as_spent_until_it_is_settled(self, till: Till) -> None:
        reservation = await reserved(till, 0.4)
        assert (reservation.purse, reservation.amount) == ("shadow", 0.4)
        assert await total(till) == (0.4, 0.4)
        await till.settle(reservation, 0.1)
        assert await total(till) == (0.1, 0.1)

    @with_till
    async def test_what_is_not_known_costs_all_that_was_reserved(self, till: Till) -> None:
        for spent in (None, math.nan, -1.0, math.inf):
            await till.settle(await reserved(till, 0.25), spent)
        assert await total(till) == (1.0, 1.0)

    @with_till
    async def test_settling_twice_changes_nothing(self, till: Till) -> None:
        reservation = await reserved(till, 0.4)
        await till.settle(reservation, 0.1)
        await till.settle(reservation, 0.3)
        assert await total(till) == (0.1, 0.1)

    @with_till
    async def test_the_budget_of_a_rollout_is_kept_to_the_last_cent(self, till: Till) -> None:
        """Ten times 10 cents are a dollar, which sums of doubles get wrong."""
        for _ in range(10):
            await reserved(till, 0.1)
        assert await reserve(till, 1e-9) is None
        assert await reserve(till, 0.0) is not None
        assert await reserve(till, 0.1, rollout="r2") is not None
        assert await total(till) == (1.0, 1.1)

    @with_till
    async def test_the_budget_of_a_day_ends_at_midnight_utc(self, till: Till) -> None:
        a_day = Budget(per_day=1.0)
        await reserved(till, 0.7, a_day, at=MIDNIGHT - 1.0)
        assert await reserve(till, 0.7, a_day, rollout="r2", at=MIDNIGHT - 0.001) is None
        assert await reserve(till, 0.7, a_day, at=MIDNIGHT) is not None
        assert await total(till, at=MIDNIGHT - 1.0) == (1.4, 0.7)

    @with_till
    async def test_a_call_is_booked_on_the_day_of_its_reservation(self, till: Till) -> None:
        reservation = await reserved(till, 0.7, Budget(per_day=1.0), at=MIDNIGHT - 1.0)
        await till.settle(reservation, 0.5)
        assert await total(till, at=MIDNIGHT) == (0.5, 0.0)
        assert await total(till, at=MIDNIGHT - 1.0) == (0.5, 0.5)

    @with_till
    async def test_both_budgets_bind(self, till: Till) -> None:
        both = Budget(per_day=1.0, per_rollout=0.5)
        assert await reserve(till, 0.6, both) is None
        await reserved(till, 0.5, both)
        assert await reserve(till, 0.5, both, rollout="r2") is not None
        assert await reserve(till, 0.1, both, rollout="r3") is None

    @with_till
    async def test_purses_do_not_mix(self, till: Till) -> None:
        await reserved(till, 1.0)
        assert await reserve(till, 1.0, purse="judge") is not None
        assert await total(till, purse="other") == (0.0, 0.0)

    @with_till
    async def test_without_a_budget_of_money_every_known_amount_fits(self, till: Till) -> None:
        assert await reserve(till, 1e6, Budget()) is not None

    @with_till
    async def test_calls_of_unknown_price_are_counted(self, till: Till) -> None:
        three = Budget(requests=3)
        assert [await reserve(till, None, three) is not None for _ in range(5)] == [True, True, True, False, False]
        assert await reserve(till, None, three, rollout="r2") is not None
        assert await total(till) == (0.0, 0.0)

    @with_till
    async def test_calls_of_unknown_price_need_leave_and_money(self, till: Till) -> None:
        assert await reserve(till, None) is None
        both = Budget(per_rollout=1.0, requests=10)
        await till.settle(await reserved(till, None, both), 0.25)
        assert await total(till) == (0.25, 0.25)
        await till.settle(await reserved(till, None, both), 2.0)
        assert await reserve(till, None, both) is None, "what there was is spent"

    @with_till
    async def test_what_a_call_cost_above_its_reservation_is_booked_in_full(self, till: Till) -> None:
        await till.settle(await reserved(till, 0.1), 3.0)
        assert await total(till) == (3.0, 3.0)
        assert await reserve(till, 0.0) is None, "there is nothing left, not even for what costs nothing"

    @with_till
    async def test_amounts_that_are_none_are_refused(self, till: Till) -> None:
        for amount in (-0.01, math.nan, math.inf):
            with pytest.raises(ValueError, match="amount of money"):
                await reserve(till, amount, Budget())
        assert await reserve(till, 1e12, Budget()) is None, "beyond any that makes sense"
        assert await total(till) == (0.0, 0.0)

    @with_till
    async def test_a_budget_that_is_no_number_is_no_money(self, till: Till) -> None:
        for limit in (math.nan, 0.0, -1.0):
            assert await reserve(till, 0.01, Budget(per_day=limit)) is None

    @with_till
    async def test_many_at_once_never_reserve_more_than_there_is(self, till: Till) -> None:
        found = await asyncio.gather(*(reserve(till, 0.03) for _ in range(100)))
        assert sum(each is not None for each in found) == 33
        assert len({each.id for each in found if each is not None}) == 33
        assert (await total(till))[0] == pytest.approx(0.99)
