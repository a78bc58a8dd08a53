"""What cases cost: judges' words within the judge's budget, answers counted beside."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from verdigris.cases.rules import Rubric
from verdigris.core.model.errors import StoreError
from verdigris.core.model.quality import DEFAULT_BUDGET, Budget, Quality, ScorerUse
from verdigris.core.model.sample import Sample
from verdigris.ports import Reservation, Till

JUDGE = "judge"
"""The plug that rubrics are put to."""

PURSE = "cases"
"""What answers to cases cost. It has no budget of its own: how many are asked is declared."""

Settle = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseMoney:
    """`budget` is that of the scorer `judge`, whose purse is the bench's: both spend the same money.

    `rollout` names the one that runs, empty before it begins; `now` is unix time.
    """

    till: Till
    budget: Budget
    now: Callable[[], float]
    rollout: Callable[[], str] = str
    judge: str = JUDGE

    @classmethod
    def of(cls, quality: Quality, till: Till, *, now: Callable[[], float], rollout: Callable[[], str] = str) -> Self:
        """Within the budget of the judge that the service declares, or the one that scorers have by default."""
        judge = next((use for use in quality.scorers if use.use == JUDGE), ScorerUse(use=JUDGE))
        return cls(
            till=till,
            budget=judge.budget or DEFAULT_BUDGET,
            now=now,
            rollout=rollout,
            judge=judge.name or judge.use,
        )

    async def spend(self, rule: Rubric, sample: Sample) -> Settle | None:
        """Sets aside what a word can cost at most; None where there is no money left, or no till."""
        if rule.plug.is_free:
            return _nothing
        most = rule.plug.most(sample) if hasattr(rule.plug, "most") else None
        held = await self._reserve(f"scorer:{self.judge}", most, self.budget)
        if held is None:
            return None

        async def settle(cost: float) -> None:
            with contextlib.suppress(StoreError):  # then all that was reserved stays spent
                await self.till.settle(held, cost)

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


async def _nothing(_: float) -> None:
    pass
