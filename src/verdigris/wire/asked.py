"""What is asked: to start a rollout, and words about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Advance, Otherwise
from verdigris.wire.base import Body

LONGEST_REASON = 1_000
"""Characters of a reason given by a person."""

LONGEST_NAME = 200
"""Characters of a name or version."""

MOST_STEPS = 100


class PolicyBody(Body):
    """What happens at the end of the time, by the verdict's outcome then. What is left out is `rollback`.

    With a horizon, a step that leaves out `inconclusive` takes the strategy's.
    """

    waiting: Otherwise | None = None
    inconclusive: Otherwise | None = None
    no_data: Otherwise | None = None
    invalid: Otherwise | None = None


def _one_word(value: Any) -> Any:
    """`"hold"` says it for every outcome."""
    if not isinstance(value, str):
        return value
    if value not in list(Otherwise):
        raise PydanticCustomError(
            "otherwise", "Input should be 'rollback', 'hold' or 'approve', or one for each outcome"
        )
    return dict.fromkeys(PolicyBody.model_fields, value)


OtherwiseBody = Annotated[PolicyBody, BeforeValidator(_one_word, json_schema_input_type=PolicyBody | Otherwise)]


class WeightStepBody(Body):
    """Give the candidate `weight` percent. `advance` defaults to `proven` at 100 and to the strategy's below."""

    kind: Literal["weight"]
    weight: float = Field(gt=0, le=FULL)
    hold: float = Field(default=900.0, ge=0)
    min_samples: int = Field(default=50, ge=0)
    advance: Advance | None = None
    timeout: float | None = Field(default=None, gt=0)
    otherwise: OtherwiseBody = PolicyBody()


class PauseStepBody(Body):
    """Wait for `resume`, or `duration` seconds."""

    kind: Literal["pause"]
    duration: float | None = Field(default=None, gt=0)


class ApproveStepBody(Body):
    """Wait for a person's word; after `timeout` seconds `otherwise` decides."""

    kind: Literal["approve"]
    timeout: float | None = Field(default=None, gt=0)
    otherwise: Otherwise = Otherwise.ROLLBACK


StepBody = Annotated[WeightStepBody | PauseStepBody | ApproveStepBody, Field(discriminator="kind")]


class StrategyBody(Body):
    """A strategy for one rollout, in place of the configured one.

    `advance` is for the steps below 100 that say nothing themselves, but for the first. `horizon`: the requests of both
    roles after which an undecided comparison is inconclusive.
    """

    steps: tuple[StepBody, ...] = Field(max_length=MOST_STEPS)
    bake: float = Field(default=900.0, ge=0)
    keep_previous: float = Field(default=86_400.0, ge=0)
    time_limit: float = Field(default=21_600.0, gt=0)
    advance: Advance = Advance.SAFE
    otherwise: OtherwiseBody = PolicyBody()
    horizon: int | None = Field(default=None, ge=1)


class StartRollout(Body):
    """Start a rollout to the environment `to` (default: the only other one), whose release has `version`."""

    to: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    version: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    strategy: StrategyBody | None = None


class StepWord(Body):
    """Approve, advance. `step` is the one the person saw: when it has passed meanwhile, the word is refused."""

    step: int | None = Field(default=None, ge=0)


class ReasonWord(Body):
    """Pause, abort, rollback. `reason` is kept in the event log."""

    reason: str = Field(default="", max_length=LONGEST_REASON)


class NoWord(Body):
    """Resume: there is nothing to add."""
