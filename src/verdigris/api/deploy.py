"""/deploy/…: the four routes of the small controller some teams write for themselves, always with X-Admin-Token.

They speak about the latest rollout, in flat answers.
"""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from verdigris.api.asked import Actor, Asked
from verdigris.api.problems import documented
from verdigris.controller.service import Controller
from verdigris.core.model.errors import (
    Conflict,
    NotFound,
    RequestError,
    RolloutInProgress,
    StaleStep,
    StoreError,
    TrafficError,
    WrongPhase,
)
from verdigris.wire import LONGEST_NAME, Body, ReasonWord, StepWord, View

LATEST = "latest"

routes = APIRouter(prefix="/deploy", tags=["deploy"])


class DeployStart(Body):
    """`candidate` and `to` are the same: the environment to go to, by default the only other one."""

    candidate: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    to: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    version: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)


class DeployView(View):
    """`state` is `idle` before the first rollout, then the phase of the latest; `weight` is the candidate's percent.

    `active` is the stable environment. `candidate` is null, and `weight` 0, when no rollout is under way.
    """

    state: str
    active: str
    candidate: str | None
    weight: float
    reason: str


@routes.post("/start", responses=documented(NotFound, RolloutInProgress, Conflict, StoreError, TrafficError))
async def deploy_start(asked: Asked, actor: Actor, body: DeployStart | None = None) -> DeployView:
    """Start a rollout."""
    word = body or DeployStart()
    if word.candidate and word.to and word.candidate != word.to:
        raise RequestError("candidate and to name different environments", hint="send one of them")
    await asked.start(actor=actor, to=word.candidate or word.to, version=word.version)
    return await _view(asked)


@routes.post("/advance", responses=documented(NotFound, StaleStep, WrongPhase, StoreError, TrafficError))
async def deploy_advance(asked: Asked, actor: Actor, body: StepWord | None = None) -> DeployView:
    """Move on to the next step without waiting."""
    await asked.advance(LATEST, actor=actor, step=body.step if body else None)
    return await _view(asked)


@routes.post("/rollback", responses=documented(NotFound, WrongPhase, StoreError, TrafficError))
async def deploy_rollback(asked: Asked, actor: Actor, body: ReasonWord | None = None) -> DeployView:
    """Go back now."""
    await asked.rollback(LATEST, actor=actor, reason=body.reason if body else "")
    return await _view(asked)


@routes.get("/status", responses=documented(StoreError))
async def deploy_status(asked: Asked) -> DeployView:
    """Where the latest rollout stands."""
    return await _view(asked)


async def _view(controller: Controller) -> DeployView:
    status = await controller.status()
    rollout = status.rollout
    if rollout is None:
        return DeployView(state="idle", active=status.stable, candidate=None, weight=0.0, reason="")
    over = rollout.phase.is_final
    return DeployView(
        state=rollout.phase.value,
        active=status.stable,
        candidate=None if over else rollout.candidate.environment,
        weight=0.0 if over else rollout.weight,
        reason=rollout.reason or (rollout.verdict.reason if rollout.verdict else ""),
    )
