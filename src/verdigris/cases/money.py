"""What cases cost: scorers' words within their budgets, answers counted beside."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

from verdigris.cases.rules import Reference, Rubric
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreError
from verdigris.core.model.paid import most_cost
from verdigris.core.model.quality import DEFAULT_BUDGET, Budget, Quality, ScorerUse
from verdigris.core.model.sample import Sample
from verdigris.ports import Reservation, Till

JUDGE = "judge"
"""The plug that rubrics are put to."""

PURSE = "cases"
"""What answers to cases cost. It has no budget of its own: how many are asked is declared."""

Settle = Callable[[float | None], Awaitable[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseMoney:
    """`uses` are the scorers that the service declares, by plug, whose purses are the bench's: both spend the same money.

    `rollout` names the one that runs; `now` is unix time.
    """

    till: Till
    uses: Mapping[str, ScorerUse]
    now: Callable[[], float]
    rollout: Callable[[], str] = str

    @classmethod
    def of(cls, quality: Quality, till: Till, *, now: Callable[[], float], rollout: Callable[[], str] = str) -> Self:
        """Of several uses of one plug, the first pays."""
        uses = {use.use: use for use in reversed(quality.scorers)}
        return cls(till=till, now=now, rollout=rollout, uses=uses)

    async def spend(self, rule: Reference | Rubric, item: Sample | ComparedPair) -> Settle | None:
        """Sets aside what a word can cost at most, within the budget of the scorer that is declared, or the one that scorers have by
        default; None where there is no money left, or no till.
        """
        if rule.plug.is_free:
            return _nothing
        use = self.uses.get(rule.scorer, ScorerUse(use=rule.scorer))
        purse, budget = f"scorer:{use.name or use.use}", use.budget or DEFAULT_BUDGET
        held = await self._reserve(purse, most_cost(rule.plug, item), budget)
        if held is None:
            return None

        async def settle(cost: float | None) -> float:
            with contextlib.suppress(StoreError):  # then all that was reserved stays spent
                await self.till.settle(held, cost)
            return held.amount if cost is None else cost

        return settle

    async def book(self, cost: float) -> None:
        """Counts what answers cost. Never raises."""
        if cost > 0.0 and (held := await self._reserve(PURSE, cost, Budget())) is not None:
            with contextlib.suppress(StoreError):
                await self.till.settle(held, cost)

    async def _reserve(self, purse: str, amount: float | None, budget: Budget) -> Reservation | None:
        try:
            return await self.till.reserve(purse, amount, budget=budget, rollout=self.rollout(), at=self.now())
        except StoreError:
            return None


async def _nothing(cost: float | None) -> float:
    return cost or 0.0
