"""Whether a person's word fits the rollout as it stands. `decide` ignores a word that does not; people get the error."""

from __future__ import annotations

from verdigris.core.model.errors import Conflict, StaleStep, WrongPhase
from verdigris.core.model.event import (
    AbortRequested,
    AdvanceRequested,
    Approved,
    Event,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
)
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.strategy import PauseStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.readiness import is_last
from verdigris.core.rollout.words import duration, place

_Word = Approved | AdvanceRequested | PauseRequested | ResumeRequested | AbortRequested | RollbackRequested
_VERBS: dict[type[_Word], str] = {
    Approved: "approve",
    AdvanceRequested: "advance",
    PauseRequested: "pause",
    ResumeRequested: "resume",
    AbortRequested: "abort",
    RollbackRequested: "roll back",
}

_WAYS_ON = {
    Phase.PROMOTED: "`rollback` returns to the previous side",
    Phase.ROLLED_BACK: "start a new rollout",
    Phase.ROLLING_BACK: "start a new rollout once this one is over",
}


def check_request(rollout: Rollout, event: Event) -> None:
    """To be asked before a person's word is committed.

    Raises: StaleStep, when the step that was meant has passed; WrongPhase, when the rollout's state forbids it.
    """
    if (conflict := objection(rollout, event)) is not None:
        raise conflict


def objection(rollout: Rollout, event: Event) -> Conflict | None:
    """Why this word cannot be taken now; None when it can, and for everything that is no person's word."""
    if not isinstance(event, _Word):
        return None
    return _over(rollout, event) or _unfit(rollout, event)


def _over(rollout: Rollout, event: _Word) -> Conflict | None:
    if rollout.phase is Phase.PROMOTED and isinstance(event, RollbackRequested):
        return _no_longer_kept(rollout, event.at)
    if not rollout.phase.is_final and rollout.phase is not Phase.ROLLING_BACK:
        return None
    state = "is going back already" if rollout.phase is Phase.ROLLING_BACK else f"is over: {rollout.phase.value}"
    return WrongPhase(
        f"cannot {_VERBS[type(event)]}: rollout {rollout.id} {state.replace('_', ' ')}", hint=_WAYS_ON[rollout.phase]
    )


def _no_longer_kept(rollout: Rollout, at: float) -> Conflict | None:
    kept = rollout.strategy.keep_previous
    since = at - (rollout.finished_at if rollout.finished_at is not None else at)
    if since <= kept:
        return None
    return WrongPhase(
        f"cannot roll back: rollout {rollout.id} was promoted {duration(since)} ago and the previous side was kept "
        f"for {duration(kept)}",
        hint=f"start a rollout to {rollout.stable.environment} instead",
    )


def _unfit(rollout: Rollout, event: _Word) -> Conflict | None:
    match event:
        case Approved() | AdvanceRequested():
            return _cannot_go_on(rollout, event)
        case PauseRequested():
            return _cannot_pause(rollout)
        case ResumeRequested() if rollout.phase is not Phase.PAUSED:
            return WrongPhase(
                f"cannot resume: rollout {rollout.id} is not paused but {_said(rollout)}",
                hint="`approve` gives the approval it waits for" if rollout.phase is Phase.AWAITING_APPROVAL else "",
            )
        case _:
            return None


def _cannot_go_on(rollout: Rollout, event: Approved | AdvanceRequested) -> Conflict | None:
    verb = _VERBS[type(event)]
    if event.step != rollout.step:
        return StaleStep(
            f"cannot {verb} {place(rollout, event.step)}: rollout {rollout.id} stands at {place(rollout)}",
            hint="look at the rollout again and decide about the step it stands at now",
        )
    verdict = rollout.verdict
    # After the switch nothing is compared any more: a ratio that was off before is then a person's to weigh.
    switched = rollout.switched_at is not None
    forbidding = (Outcome.FAIL,) if switched else (Outcome.FAIL, Outcome.INVALID)
    if verdict is not None and verdict.outcome in forbidding:
        return WrongPhase(
            f"cannot {verb}: the verdict is {verdict.outcome.value.upper()}: {verdict.reason}",
            hint="this verdict stays: abort, find the cause, and start a new rollout",
        )
    if not is_last(rollout):
        return None
    if isinstance(event, Approved):
        return WrongPhase(
            "cannot approve: the last step is entered, nothing is left to approve",
            hint="`advance` ends the bake early, `rollback` goes back",
        )
    if rollout.switched_at is None or not rollout.in_force:
        return WrongPhase(
            "cannot advance: 100 % is not in force yet",
            hint=rollout.traffic_error or "wait until the data plane confirms it",
        )
    return None


def _cannot_pause(rollout: Rollout) -> Conflict | None:
    # A pause step with a duration may still be held by a person: then it does not go on by itself.
    held = rollout.undecided or rollout.paused_by or not isinstance(rollout.current_step, PauseStep)
    if rollout.phase is Phase.PAUSED and held:
        return WrongPhase(
            f"cannot pause: rollout {rollout.id} is paused already: {rollout.reason}", hint="resume it or abort it"
        )
    return None


def _said(rollout: Rollout) -> str:
    return rollout.phase.value.replace("_", " ")
