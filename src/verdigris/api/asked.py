"""What endpoints share: the controller they ask, who is asking, and the strategies people send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, assert_never

from fastapi import Depends, Path, Request

from verdigris.controller.service import Controller
from verdigris.core.model.errors import RequestError
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import (
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Step,
    Strategy,
    WeightStep,
)
from verdigris.wire import (
    LONGEST_NAME,
    ApproveStepBody,
    PauseStepBody,
    PolicyBody,
    StepBody,
    StrategyBody,
    WeightStepBody,
)


def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


def _actor(request: Request) -> str:
    name: str = request.state.actor
    return name


Asked = Annotated[Controller, Depends(_controller)]
"""The controller."""

Actor = Annotated[str, Depends(_actor)]
"""Who asks, as the event log will name it."""

RolloutName = Annotated[str, Path(max_length=LONGEST_NAME, description="A rollout's id, or `latest`.")]


def strategy_of(body: StrategyBody | None) -> Strategy | None:
    """Raises: RequestError when the steps do not make a strategy."""
    if body is None:
        return None
    try:
        return Strategy(
            steps=tuple(_steps(body)),
            bake=body.bake,
            keep_previous=body.keep_previous,
            time_limit=body.time_limit,
            otherwise=_policy(body.otherwise),
            horizon=body.horizon,
        )
    except ValueError as error:
        raise RequestError(f"strategy: {error}", hint="durations are seconds, weights percent") from error


def _steps(body: StrategyBody) -> Iterator[Step]:
    """The steps, with what the strategy says for those that leave it out; the first leaves no weight to prove from."""
    inconclusive = Otherwise.ROLLBACK if body.horizon is None else _policy(body.otherwise).inconclusive
    advance = Advance.SAFE
    for written in body.steps:
        step = _step(written, advance, inconclusive)
        advance = body.advance if isinstance(step, WeightStep) else advance
        yield step


def _policy(written: PolicyBody, inconclusive: Otherwise = Otherwise.ROLLBACK) -> Policy:
    said = written.model_dump(exclude_none=True)
    return replace(Policy(inconclusive=inconclusive), **said)


def _step(body: StepBody, advance: Advance, inconclusive: Otherwise) -> Step:
    match body:
        case WeightStepBody():
            advance = body.advance or (Advance.PROVEN if body.weight == FULL else advance)
            return WeightStep(
                weight=body.weight,
                hold=body.hold,
                min_samples=body.min_samples,
                advance=advance,
                timeout=body.timeout,
                otherwise=_policy(body.otherwise, inconclusive),
            )
        case PauseStepBody():
            return PauseStep(duration=body.duration)
        case ApproveStepBody():
            return ApproveStep(timeout=body.timeout, otherwise=body.otherwise)
        case _:
            assert_never(body)
