"""Decide what a rollout does next: an event goes in, a decision comes out. Pure, total, and it never raises.

A verdict of FAIL comes before everything else. Time limits are read at the judge's looks, so a person's word that
arrives first counts. A word that does not fit the state changes nothing (see `requests`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from verdigris.core.model.command import Announce, Command, Decision, Topic
from verdigris.core.model.event import (
    AbortRequested,
    AdvanceRequested,
    Approved,
    Event,
    Judged,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
    SplitApplied,
    SplitRefused,
    Started,
)
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, WeightStep, scaled_multiple
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout import moves
from verdigris.core.rollout.readiness import (
    following,
    is_last,
    is_ready,
    lacks_proof,
    left_to_a_person,
    stands_before,
)
from verdigris.core.rollout.requests import objection
from verdigris.core.rollout.words import duration, multiple_of_margin, percent, place


def begin(started: Started) -> Decision:
    """The first state, in its first step. A first step that asks for proof is stood before, at 0 %, until approved."""
    rollout = Rollout(
        id=started.rollout,
        service=started.service,
        strategy=started.strategy,
        guardrails=started.guardrails,
        stable=started.stable,
        candidate=started.candidate,
        sticky=started.sticky,
        salt=started.salt,
        actor=started.actor,
        checks=started.checks,
        started_at=started.at,
        step_entered_at=started.at,
    )
    text = (
        f"{started.actor} started {started.candidate.environment} ({started.candidate.release.version}) "
        f"against {started.stable.environment} ({started.stable.release.version})"
    )
    first = rollout.current_step
    if isinstance(first, WeightStep) and first.advance is Advance.PROVEN:
        reason = f"waiting at 0 % for an approval: {percent(first.weight)} asks for PASS or an approval"
        entered = moves.told(replace(rollout, phase=Phase.AWAITING_APPROVAL, reason=reason), Topic.WAITING, reason)
    else:
        entered = moves.enter(rollout, 0, started.at, "started")
    rest: tuple[Command, ...] = tuple(
        command for command in entered.commands if isinstance(command, Announce) and command.topic is not Topic.WEIGHT
    )
    commands = (moves.apply(entered.rollout), Announce(topic=Topic.STARTED, text=text), *rest)
    return Decision(rollout=entered.rollout, commands=commands)


def decide(rollout: Rollout, event: Event) -> Decision:
    """What follows from `event`. Over is over: only a rollback within the kept time wakes a promoted rollout."""
    if rollout.phase is Phase.ROLLED_BACK or objection(rollout, event) is not None:
        return Decision(rollout=rollout)
    if rollout.phase in (Phase.PROMOTED, Phase.ROLLING_BACK):
        return _on_the_way_out(rollout, event)
    match event:
        case Started():
            return Decision(rollout=rollout)
        case Judged():
            return _on_judged(rollout, event)
        case SplitApplied():
            return _on_split_applied(rollout, event)
        case SplitRefused():
            return _on_split_refused(rollout, event)
        case _:
            return _on_word(rollout, event)


def is_quiet(before: Rollout, decision: Decision) -> bool:
    """Whether a look changed only book-keeping: the seconds watched and the numbers behind an unchanged outcome.

    Such a decision may be thrown away whole, event and state, as long as the seconds are added to the next look's
    `watched`, and the latest one is kept before an event of another kind: else that event would find old sample counts,
    and seconds from before it would count for the step after it. Not to be asked of a person's word, which is always kept.
    """
    after = decision.rollout
    outcome_before = before.verdict.outcome if before.verdict else None
    outcome_after = after.verdict.outcome if after.verdict else None
    same = replace(after, verdict=before.verdict, watched=before.watched) == before
    return same and outcome_before is outcome_after and not decision.commands


# ------------------------------------------------------------------ the judge's look


def _on_judged(rollout: Rollout, event: Judged) -> Decision:
    news = rollout.verdict is None or rollout.verdict.outcome is not event.verdict.outcome
    watching = rollout.in_force and rollout.phase in (Phase.PROGRESSING, Phase.BAKING)
    rollout = replace(
        rollout,
        verdict=event.verdict,
        watched=rollout.watched + (max(0.0, event.watched) if watching else 0.0),
    )
    warned = moves.told_cautions(rollout, event.verdict.cautions)
    rollout, warnings = warned.rollout, warned.commands
    if event.verdict.outcome is Outcome.INVALID and news:
        frozen = f"frozen at {percent(rollout.weight)}: {event.verdict.reason}"
        warnings = (*warnings, Announce(topic=Topic.WARNING, text=frozen))
    decision = _after_look(rollout, event)
    return replace(decision, commands=(*warnings, *decision.commands))


def _after_look(rollout: Rollout, event: Judged) -> Decision:
    if event.verdict.outcome is Outcome.FAIL:
        return moves.roll_back(rollout, event.verdict.reason)
    return _out_of_time(rollout, event.at) or _go_on(rollout, event.at)


def _go_on(rollout: Rollout, at: float) -> Decision:
    if not is_ready(rollout, at):
        return Decision(rollout=rollout)
    return moves.leave(rollout, at, _grounds(rollout))


def _grounds(rollout: Rollout) -> str:
    verdict = rollout.verdict
    if verdict is None:
        return "nothing to judge yet"
    counts = f"{verdict.samples_candidate} samples on the candidate, {verdict.samples_stable} on the stable side"
    if verdict.outcome is Outcome.PASS:
        return f"{verdict.reason} ({counts})"
    # Only PASS or a person lets a rollout reach its last step.
    if rollout.approved or is_last(rollout):
        return f"approved by a person, not proven ({counts})"
    step = following(rollout)
    if step is not None and step.advance is Advance.SCALED and rollout.weight > 0:
        return f"proven no worse than {multiple_of_margin(scaled_multiple(rollout.weight))} ({counts})"
    return f"held long enough, and nothing speaks against it ({counts})"


def _out_of_time(rollout: Rollout, at: float) -> Decision | None:
    """What running out of time leads to; None while there is time."""
    if rollout.switched_at is not None:
        return _bake_out_of_time(rollout, at)
    limit = rollout.strategy.time_limit
    since = rollout.started_at if rollout.extended_at is None else rollout.extended_at
    if at - since >= limit:
        if rollout.limit_reached:
            return Decision(rollout=rollout)
        why = f"not decided within the time limit of {duration(limit)}"
        otherwise, why = moves.policy_says(rollout, rollout.strategy.otherwise, why)
        return moves.give_up(replace(rollout, limit_reached=True), otherwise, why)
    if is_ready(rollout, at) or not _step_clock_runs(rollout):
        return None
    return _step_out_of_time(rollout, at)


def _bake_out_of_time(rollout: Rollout, at: float) -> Decision | None:
    """A bake may last as much longer as a rollout may: with nothing to judge by it would never end.

    Only what was watched counts: a controller that was away has not waited.
    """
    limit = rollout.strategy.time_limit
    if rollout.phase is not Phase.BAKING or rollout.watched < rollout.strategy.bake + limit or is_ready(rollout, at):
        return None
    why = f"the bake was not over {duration(limit)} after its time"
    otherwise, why = moves.policy_says(rollout, rollout.strategy.otherwise, why)
    return moves.give_up(replace(rollout, limit_reached=True), otherwise, why)


def _step_clock_runs(rollout: Rollout) -> bool:
    if isinstance(rollout.current_step, ApproveStep):
        # It waits for a person's word only: once that is given, its timeout has nothing left to decide.
        return rollout.phase is Phase.AWAITING_APPROVAL
    return rollout.phase is Phase.PROGRESSING


def _step_out_of_time(rollout: Rollout, at: float) -> Decision | None:
    step = rollout.current_step
    if isinstance(step, PauseStep):
        return None
    if step.timeout is not None and at - rollout.step_entered_at >= step.timeout:
        return _give_up_step(rollout, step, f"{place(rollout)} not decided within {duration(step.timeout)}")
    if isinstance(step, WeightStep) and (why := _inconclusive(rollout)):
        return _give_up_step(rollout, step, why)
    return None


def _give_up_step(rollout: Rollout, step: WeightStep | ApproveStep, why: str) -> Decision:
    if isinstance(step.otherwise, Otherwise):
        return moves.give_up(rollout, step.otherwise, why)
    return moves.give_up(rollout, *moves.policy_says(rollout, step.otherwise, why))


def _inconclusive(rollout: Rollout) -> str:
    """Why no proof is to be expected any more where proof is asked; empty while it may still come."""
    verdict = rollout.verdict
    if verdict is None or verdict.outcome is not Outcome.INCONCLUSIVE:
        return ""
    return f"inconclusive: {verdict.reason}" if lacks_proof(rollout) else ""


# ------------------------------------------------------------------ the data plane's answer


def _on_split_applied(rollout: Rollout, event: SplitApplied) -> Decision:
    if event.weight != rollout.weight:
        return Decision(rollout=rollout)
    if not rollout.in_force and rollout.watched == 0:
        rollout = moves.rebased(rollout)
    rollout = replace(rollout, in_force=True, traffic_error="")
    if not is_last(rollout) or rollout.switched_at is not None:
        return Decision(rollout=rollout)
    rollout = replace(rollout, switched_at=event.at)
    if rollout.phase is not Phase.PROGRESSING:
        return Decision(rollout=rollout)
    bake = duration(rollout.strategy.bake)
    reason = f"baking: {rollout.candidate.environment} has all traffic and is watched for {bake}"
    return Decision(rollout=replace(rollout, phase=Phase.BAKING, reason=reason))


def _on_split_refused(rollout: Rollout, event: SplitRefused) -> Decision:
    if event.weight != rollout.weight:
        return Decision(rollout=rollout)
    refused = replace(rollout, in_force=False, traffic_error=event.reason)
    if rollout.traffic_error:
        return Decision(rollout=refused)
    text = f"{percent(event.weight)} could not be brought into force and is tried again: {event.reason}"
    return moves.told(refused, Topic.WARNING, text)


def _on_the_way_out(rollout: Rollout, event: Event) -> Decision:
    match event:
        case RollbackRequested() if rollout.phase is Phase.PROMOTED:
            return moves.roll_back(rollout, _said_by(event))
        case SplitApplied(weight=weight) if rollout.phase is Phase.ROLLING_BACK and weight == 0:
            return moves.rolled_back(rollout, event.at)
        case SplitRefused() if rollout.phase is Phase.ROLLING_BACK:
            return _on_split_refused(rollout, event)
        case _:
            return Decision(rollout=rollout)


# ------------------------------------------------------------------ a person's word


def _on_word(
    rollout: Rollout,
    event: Approved | AdvanceRequested | PauseRequested | ResumeRequested | AbortRequested | RollbackRequested,
) -> Decision:
    match event:
        case Approved():
            return _on_approved(rollout, event)
        case AdvanceRequested():
            return moves.leave(
                replace(_extended(rollout, event.at), approved=True), event.at, f"advanced by {event.actor}"
            )
        case PauseRequested():
            return _on_pause(rollout, event)
        case ResumeRequested():
            return _on_resume(rollout, event)
        case AbortRequested() | RollbackRequested():
            return moves.roll_back(rollout, _said_by(event))
        case _:
            assert_never(event)


def _on_approved(rollout: Rollout, event: Approved) -> Decision:
    approved = replace(_extended(rollout, event.at), approved=True)
    if left_to_a_person(rollout):
        return moves.leave(approved, event.at, f"approved by {event.actor}")
    reason = f"{place(rollout)} approved by {event.actor}"
    if rollout.phase is Phase.AWAITING_APPROVAL:
        approved = replace(approved, phase=Phase.PROGRESSING)
    return _go_on(replace(approved, reason=reason), event.at)


def _on_pause(rollout: Rollout, event: PauseRequested) -> Decision:
    text = f"paused at {percent(rollout.weight)} by {event.actor}" + (f": {event.reason}" if event.reason else "")
    return moves.told(replace(rollout, phase=Phase.PAUSED, paused_by=event.actor, reason=text), Topic.PAUSED, text)


def _on_resume(rollout: Rollout, event: ResumeRequested) -> Decision:
    text = f"resumed at {percent(rollout.weight)} by {event.actor}"
    rollout = replace(
        _extended(rollout, event.at),
        phase=_phase_of_step(rollout),
        step_entered_at=event.at,
        paused_by="",
        undecided=False,
        reason=text,
    )
    onward = _go_on(rollout, event.at)
    return replace(onward, commands=(Announce(topic=Topic.RESUMED, text=text), *onward.commands))


def _phase_of_step(rollout: Rollout) -> Phase:
    if rollout.switched_at is not None:
        return Phase.BAKING
    asks = isinstance(rollout.current_step, ApproveStep) or stands_before(rollout)
    return Phase.AWAITING_APPROVAL if asks and not rollout.approved else Phase.PROGRESSING


def _extended(rollout: Rollout, at: float) -> Rollout:
    # An undecided rollout was left to a person: their word gives it its time limit anew, or its bake.
    if not rollout.undecided:
        return rollout
    watched = rollout.watched if rollout.switched_at is None else 0.0
    return replace(rollout, extended_at=at, limit_reached=False, watched=watched)


def _said_by(event: AbortRequested | RollbackRequested) -> str:
    verb = "aborted" if isinstance(event, AbortRequested) else "asked for"
    return f"{verb} by {event.actor}" + (f": {event.reason}" if event.reason else "")
