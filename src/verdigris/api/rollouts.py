"""/v1/rollouts: start one, look at it, give a word about it."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query, Response

from verdigris.api.asked import Actor, Asked, RolloutName, strategy_of
from verdigris.api.problems import documented
from verdigris.api.reasons import event_view, explanation_view
from verdigris.api.views import rollout_view
from verdigris.core.model.errors import (
    Conflict,
    NotFound,
    RolloutInProgress,
    StaleStep,
    StoreError,
    TrafficError,
    WrongPhase,
)
from verdigris.wire import (
    EventList,
    ExplanationView,
    NoWord,
    ReasonWord,
    RecordPage,
    RolloutList,
    RolloutView,
    StartRollout,
    StepWord,
)

MOST_LISTED = 1_000

routes = APIRouter(prefix="/v1/rollouts", tags=["rollouts"])

Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
After = Annotated[int, Query(ge=0, le=2**53, description="Only events numbered above this.")]

Pieces = Annotated[int, Query(ge=1, le=64)]

_READ = documented(NotFound, StoreError)
_WORD = documented(NotFound, WrongPhase, StoreError, TrafficError)
_STEP_WORD = documented(NotFound, StaleStep, WrongPhase, StoreError, TrafficError)
_NO_STEP, _NO_REASON, _NO_WORD = StepWord(), ReasonWord(), NoWord()


@routes.post("", status_code=201, responses=documented(NotFound, RolloutInProgress, Conflict, StoreError, TrafficError))
async def start_rollout(
    asked: Asked, actor: Actor, response: Response, body: StartRollout | None = None
) -> RolloutView:
    """Start a rollout; `Location` says where it can be watched."""
    word = body or StartRollout()
    strategy = strategy_of(word.strategy)
    rollout = await asked.start(actor=actor, to=word.to, version=word.version, strategy=strategy)
    response.headers["Location"] = f"{routes.prefix}/{rollout.id}"
    return rollout_view(rollout)


@routes.get("", responses=documented(StoreError))
async def list_rollouts(asked: Asked, limit: Limit = 50) -> RolloutList:
    """The service's rollouts, newest first."""
    return RolloutList(rollouts=tuple(rollout_view(rollout) for rollout in await asked.rollouts(limit=limit)))


@routes.get("/{rollout}", responses=_READ)
async def get_rollout(asked: Asked, rollout: RolloutName) -> RolloutView:
    """One rollout as it stands."""
    return rollout_view(await asked.rollout(rollout))


@routes.get("/{rollout}/explain", responses=_READ)
async def explain_rollout(asked: Asked, rollout: RolloutName) -> ExplanationView:
    """Why it stands there, metric by metric."""
    found = await asked.rollout(rollout)
    return explanation_view(found, await asked.explain(found.id))


@routes.get("/{rollout}/events", responses=_READ)
async def list_events(asked: Asked, rollout: RolloutName, after: After = 0, limit: Limit = 1_000) -> EventList:
    """What happened to it, in order: the audit trail."""
    events = tuple(event_view(logged) for logged in await asked.events(rollout, after=after, limit=limit))
    return EventList(events=events, after=events[-1].number if events else after)


@routes.get("/{rollout}/record", responses=_READ)
async def read_record(asked: Asked, rollout: RolloutName, after: After = 0, limit: Pieces = 64) -> RecordPage:
    """What the judge was given, as it is stored, so that it can be judged again elsewhere."""
    found = await asked.record(rollout, after=after, limit=limit)
    segments = tuple(base64.b64encode(piece.data) for piece in found)
    return RecordPage(segments=segments, after=found[-1].number if found else after)


@routes.post("/{rollout}/approve", responses=_STEP_WORD)
async def approve_rollout(asked: Asked, actor: Actor, rollout: RolloutName, body: StepWord = _NO_STEP) -> RolloutView:
    """Approve leaving `step`, with the evidence as it stands. A step that has passed is refused."""
    return rollout_view(await asked.approve(rollout, actor=actor, step=body.step))


@routes.post("/{rollout}/advance", responses=_STEP_WORD)
async def advance_rollout(asked: Asked, actor: Actor, rollout: RolloutName, body: StepWord = _NO_STEP) -> RolloutView:
    """Move on from `step` without waiting for hold, samples or proof."""
    return rollout_view(await asked.advance(rollout, actor=actor, step=body.step))


@routes.post("/{rollout}/pause", responses=_WORD)
async def pause_rollout(asked: Asked, actor: Actor, rollout: RolloutName, body: ReasonWord = _NO_REASON) -> RolloutView:
    """Stay at the present weight until resumed."""
    return rollout_view(await asked.pause(rollout, actor=actor, reason=body.reason))


@routes.post("/{rollout}/resume", responses=_WORD)
async def resume_rollout(asked: Asked, actor: Actor, rollout: RolloutName, _body: NoWord = _NO_WORD) -> RolloutView:
    """Go on after a pause."""
    return rollout_view(await asked.resume(rollout, actor=actor))


@routes.post("/{rollout}/abort", responses=_WORD)
async def abort_rollout(asked: Asked, actor: Actor, rollout: RolloutName, body: ReasonWord = _NO_REASON) -> RolloutView:
    """Stop the running rollout; traffic returns to the stable side."""
    return rollout_view(await asked.abort(rollout, actor=actor, reason=body.reason))


@routes.post("/{rollout}/rollback", responses=_WORD)
async def roll_back_rollout(
    asked: Asked, actor: Actor, rollout: RolloutName, body: ReasonWord = _NO_REASON
) -> RolloutView:
    """Go back, also after the promotion, as long as the previous side is kept."""
    return rollout_view(await asked.rollback(rollout, actor=actor, reason=body.reason))
