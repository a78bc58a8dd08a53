"""The moves a rollout can make, each a whole Decision. When to make one is decided in `decide`."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from verdigris.core.model.command import Announce, ApplySplit, Decision, Topic
from verdigris.core.model.rollout import MOST_CAUTIONS, Phase, Rollout
from verdigris.core.model.strategy import ApproveStep, Otherwise, PauseStep, Policy, WeightStep
from verdigris.core.model.verdict import Caution
from verdigris.core.rollout.readiness import is_last, stands_before
from verdigris.core.rollout.words import duration, percent, place


def apply(rollout: Rollout) -> ApplySplit:
    return ApplySplit(split=rollout.split, weight=rollout.weight)


def told(rollout: Rollout, topic: Topic, text: str) -> Decision:
    """The rollout with `text` announced and nothing else to do."""
    return Decision(rollout=rollout, commands=(Announce(topic=topic, text=text),))


def leave(rollout: Rollout, at: float, why: str) -> Decision:
    """Out of the current step: into it when standing before it, into the next, or to the promotion."""
    if is_last(rollout):
        return promote(rollout, at, why)
    return enter(rollout, rollout.step if stands_before(rollout) else rollout.step + 1, at, why)


def enter(rollout: Rollout, index: int, at: float, why: str) -> Decision:
    """Into step `index`."""
    rollout = replace(rollout, step=index, step_entered_at=at, watched=0.0, undecided=False, paused_by="")
    step = rollout.strategy.steps[index]
    match step:
        case WeightStep():
            return _enter_weight(rollout, step, why)
        case PauseStep():
            return _enter_pause(rollout, step)
        case ApproveStep():
            return _enter_approve(rollout, step)
        case _:
            assert_never(step)


def _enter_weight(rollout: Rollout, step: WeightStep, why: str) -> Decision:
    text = (
        f"{rollout.candidate.environment} goes from {percent(rollout.weight)} to {percent(step.weight)} "
        f"({place(rollout)}): {why}"
    )
    rollout = rebased(
        replace(rollout, phase=Phase.PROGRESSING, weight=step.weight, in_force=False, approved=False, reason=text)
    )
    return Decision(rollout=rollout, commands=(apply(rollout), Announce(topic=Topic.WEIGHT, text=text)))


def _enter_pause(rollout: Rollout, step: PauseStep) -> Decision:
    until = "until a person resumes" if step.duration is None else f"for {duration(step.duration)}"
    text = f"paused at {percent(rollout.weight)} {until} ({place(rollout)})"
    # As with an approve step: what was approved is the step that was left, not the one after the pause.
    return told(replace(rollout, phase=Phase.PAUSED, approved=False, reason=text), Topic.PAUSED, text)


def _enter_approve(rollout: Rollout, step: ApproveStep) -> Decision:
    otherwise = "" if step.timeout is None else f"; after {duration(step.timeout)}: {step.otherwise.value}"
    text = f"waiting at {percent(rollout.weight)} for an approval ({place(rollout)}){otherwise}"
    # An approval is bound to its step: one given earlier does not answer this question.
    return told(replace(rollout, phase=Phase.AWAITING_APPROVAL, approved=False, reason=text), Topic.WAITING, text)


def rebased(rollout: Rollout) -> Rollout:
    """The step's samples are counted from here."""
    verdict = rollout.verdict
    return replace(
        rollout,
        base_stable=verdict.samples_stable if verdict else 0,
        base_candidate=verdict.samples_candidate if verdict else 0,
    )


def promote(rollout: Rollout, at: float, why: str) -> Decision:
    text = f"{rollout.candidate.environment} is promoted: {why}"
    rollout = replace(
        rollout, phase=Phase.PROMOTED, finished_at=at, undecided=False, paused_by="", approved=False, reason=text
    )
    return told(rollout, Topic.PROMOTED, text)


def roll_back(rollout: Rollout, why: str) -> Decision:
    """To 0 %; over once the data plane confirms it."""
    text = f"rolling back to {rollout.stable.environment}: {why}"
    rollout = replace(
        rollout,
        phase=Phase.ROLLING_BACK,
        weight=0.0,
        in_force=False,
        approved=False,
        undecided=False,
        paused_by="",
        finished_at=None,
        reason=text,
    )
    return Decision(rollout=rollout, commands=(apply(rollout), Announce(topic=Topic.ROLLING_BACK, text=text)))


def rolled_back(rollout: Rollout, at: float) -> Decision:
    text = rollout.reason.replace("rolling back to", "rolled back to", 1)
    rollout = replace(rollout, phase=Phase.ROLLED_BACK, finished_at=at, in_force=True, traffic_error="", reason=text)
    return told(rollout, Topic.ROLLED_BACK, text)


def policy_says(rollout: Rollout, policy: Policy, why: str) -> tuple[Otherwise, str]:
    """The policy's word on what the judge says now, and `why` with that, where it made a difference."""
    outcome = rollout.verdict.outcome if rollout.verdict else None
    word = policy.for_outcome(outcome)
    if policy.single is not None:
        return word, why
    said = "nothing judged yet" if outcome is None else outcome.value.replace("_", " ")
    return word, f"{why} ({said}: {word.value})"


def give_up(rollout: Rollout, otherwise: Otherwise, why: str) -> Decision:
    """Not decided in time: the strategy's word on that."""
    match otherwise:
        case Otherwise.ROLLBACK:
            return roll_back(rollout, why)
        case Otherwise.HOLD:
            return _hold(rollout, why)
        case Otherwise.APPROVE:
            # On the last step nothing is left to approve.
            return _hold(rollout, why) if is_last(rollout) else _ask(rollout, why)
        case _:
            assert_never(otherwise)


def _hold(rollout: Rollout, why: str) -> Decision:
    if rollout.undecided:
        return Decision(rollout=rollout)
    text = f"undecided at {percent(rollout.weight)}, left to a person: {why}"
    return told(replace(rollout, phase=Phase.PAUSED, undecided=True, reason=text), Topic.PAUSED, text)


def _ask(rollout: Rollout, why: str) -> Decision:
    """Asks for an approval. Where a step's clock asks, the time limit runs on and decides if nobody answers."""
    if rollout.phase is Phase.AWAITING_APPROVAL and not rollout.limit_reached:
        return Decision(rollout=rollout)
    text = f"waiting at {percent(rollout.weight)} for an approval ({place(rollout)}): {why}"
    asking = replace(rollout, phase=Phase.AWAITING_APPROVAL, approved=False, reason=text)
    return told(replace(asking, undecided=rollout.undecided or rollout.limit_reached), Topic.WAITING, text)


def told_cautions(rollout: Rollout, cautions: tuple[Caution, ...]) -> Decision:
    """Every caution that was not told before, once; what comes and goes is not told again."""
    fresh = {caution.key: caution for caution in cautions if caution.key not in rollout.cautions}
    telling = list(fresh.values())[: MOST_CAUTIONS - len(rollout.cautions)]
    keys = (*rollout.cautions, *(caution.key for caution in telling))
    commands = tuple(Announce(topic=Topic.WARNING, text=caution.text) for caution in telling)
    return Decision(rollout=replace(rollout, cautions=keys), commands=commands)
