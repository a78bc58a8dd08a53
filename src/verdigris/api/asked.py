"""What endpoints share: the controller they ask, who is asking, and the strategies people send."""

from __future__ import annotations

from typing import Annotated, assert_never

from fastapi import Depends, Path, Request

from verdigris.controller.service import Controller
from verdigris.core.model.errors import RequestError
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, Step, Strategy, WeightStep
from verdigris.wire import LONGEST_NAME, ApproveStepBody, PauseStepBody, StepBody, StrategyBody, WeightStepBody


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
            steps=tuple(_step(step) for step in body.steps),
            bake=body.bake,
            keep_previous=body.keep_previous,
            time_limit=body.time_limit,
            otherwise=body.otherwise,
        )
    except ValueError as error:
        raise RequestError(f"strategy: {error}", hint="durations are seconds, weights percent") from error


def _step(body: StepBody) -> Step:
    match body:
        case WeightStepBody():
            advance = body.advance or (Advance.PROVEN if body.weight == FULL else Advance.SAFE)
            return WeightStep(
                weight=body.weight,
                hold=body.hold,
                min_samples=body.min_samples,
                advance=advance,
                timeout=body.timeout,
                otherwise=body.otherwise,
            )
        case PauseStepBody():
            return PauseStep(duration=body.duration)
        case ApproveStepBody():
            return ApproveStep(timeout=body.timeout, otherwise=body.otherwise)
        case _:
            assert_never(body)
