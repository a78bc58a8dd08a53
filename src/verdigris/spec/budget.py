"""Budgets of the file: `20 USD/day`, `5 USD/rollout`, or both and a number of requests as keys."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from verdigris.core.model.quality import Budget
from verdigris.spec.types import Doc, Money
from verdigris.spec.wrong import Wrong

BUDGET_PATTERN = r"^.+/ ?(day|rollout)$"
MOST_REQUESTS = 10_000_000
_HINT = "such as 20 USD/day, 5 USD/rollout or { per_day: 20 USD, requests: 1000 }"
_KEYS = {"day": "per_day", "rollout": "per_rollout"}


class BudgetDoc(Doc):
    """US dollars per UTC day, per rollout, or both; whichever ends first.

    `requests` bounds the paid requests of a rollout whose price is not known: without it none are sent.
    """

    per_day: Money | None = None
    per_rollout: Money | None = None
    requests: Annotated[int, Field(ge=0, le=MOST_REQUESTS)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.per_day is None and self.per_rollout is None:
            raise Wrong("bounds no money", hint=_HINT)
        return self

    def model(self) -> Budget:
        return Budget(per_day=self.per_day, per_rollout=self.per_rollout, requests=self.requests)


def _short(value: Any) -> Any:
    """`20 USD/day` says `{ per_day: 20 USD }`."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(.+?) ?/ ?(day|rollout)", value.strip())
    if found is None:
        raise Wrong("is no budget: it does not say for how long", hint=_HINT)
    return {_KEYS[found[2]]: found[1]}


BudgetValue = Annotated[
    BudgetDoc,
    BeforeValidator(_short, json_schema_input_type=BudgetDoc | Annotated[str, Field(pattern=BUDGET_PATTERN)]),
]
