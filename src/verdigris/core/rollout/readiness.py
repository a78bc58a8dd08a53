"""What a step asks before the rollout goes on: one list of conditions, read by `decide` and shown to people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, WeightStep, scaled_multiple
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.words import duration, multiple_of_margin, percent


class Need(StrEnum):
    """The kinds of condition."""

    RESUME = "resume"  # a person paused it, or it was left to a person
    APPROVAL = "approval"
    PAUSE = "pause"
    SPLIT = "split"
    HOLD = "hold"
    SAMPLES = "samples"
    DATA = "data"
    VALID = "valid"
    PROOF = "proof"
    BAKE = "bake"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One thing that is asked, whether it is met, and how far it is: `hold: 3 min 20 s of 15 min watched`."""

    need: Need
    met: bool
    text: str


def waiting_for(rollout: Rollout, at: float | None = None) -> tuple[str, ...]:
    """What is still asked before the rollout goes on, in plain phrases; empty when it is ready, going back or over.

    `at` is the time now, in unix seconds; without it a pause step with a duration counts as not yet over.
    """
    return tuple(condition.text for condition in conditions(rollout, at) if not condition.met)


def is_ready(rollout: Rollout, at: float) -> bool:
    """Whether everything that the step asks is met."""
    return all(condition.met for condition in conditions(rollout, at))


def conditions(rollout: Rollout, at: float | None = None) -> tuple[Condition, ...]:
    """All conditions of the step, met or not; none while going back or when over."""
    if rollout.phase.is_final or rollout.phase is Phase.ROLLING_BACK:
        return ()
    return (*_asked_of_people(rollout), *_asked_by_step(rollout, at), *_asked_by_next(rollout))


def stands_before(rollout: Rollout) -> bool:
    """Whether the current weight step is not entered yet: a first step that asks for proof."""
    step = rollout.current_step
    return isinstance(step, WeightStep) and rollout.weight != step.weight


def is_last(rollout: Rollout) -> bool:
    """Whether the current step is the one to 100 % and is entered: next comes the promotion."""
    return rollout.step == len(rollout.strategy.steps) - 1 and not stands_before(rollout)


def left_to_a_person(rollout: Rollout) -> bool:
    """Whether time ran out and a person was asked: then an approval is the decision, whatever else was asked."""
    awaiting = rollout.phase is Phase.AWAITING_APPROVAL and isinstance(rollout.current_step, WeightStep)
    return rollout.undecided or awaiting


def _asked_of_people(rollout: Rollout) -> Iterator[Condition]:
    if rollout.undecided and rollout.phase is Phase.AWAITING_APPROVAL:
        yield Condition(need=Need.APPROVAL, met=False, text="approval: not decided in time; approve or abort")
    elif rollout.undecided:
        word = "advance" if is_last(rollout) else "approve"  # the last step has nothing left to approve
        yield Condition(need=Need.RESUME, met=False, text=f"a person: not decided in time; {word}, resume or abort")
    elif rollout.paused_by:
        yield Condition(need=Need.RESUME, met=False, text=f"resume: paused by {rollout.paused_by}")
    elif left_to_a_person(rollout) and not stands_before(rollout):
        yield Condition(need=Need.APPROVAL, met=False, text="approval: not decided in time, a person was asked")


def _asked_by_step(rollout: Rollout, at: float | None) -> Iterator[Condition]:
    step = rollout.current_step
    if rollout.weight > 0:
        yield Condition(
            need=Need.SPLIT, met=rollout.in_force, text=f"split: {percent(rollout.weight)} not in force yet"
        )
    match step:
        case WeightStep() if stands_before(rollout):
            return
        case WeightStep() if is_last(rollout):
            yield _watched(Need.BAKE, rollout, rollout.strategy.bake)
        case WeightStep():
            yield _watched(Need.HOLD, rollout, step.hold)
            yield from _samples(rollout, step.min_samples)
        case PauseStep():
            yield _pause(rollout, step, at)
        case ApproveStep():
            yield Condition(need=Need.APPROVAL, met=rollout.approved, text="approval: a person's word")
        case _:
            assert_never(step)


def _asked_by_next(rollout: Rollout) -> Iterator[Condition]:
    outcome = rollout.verdict.outcome if rollout.verdict is not None else Outcome.NO_DATA
    if _needs_data(rollout):
        yield Condition(need=Need.DATA, met=outcome is not Outcome.NO_DATA, text="data: nothing to judge yet")
    speaks_against = outcome in (Outcome.FAIL, Outcome.INVALID)
    yield Condition(need=Need.VALID, met=not speaks_against, text=f"verdict: {outcome.value} forbids a step forward")
    yield from _proof(rollout)


def following(rollout: Rollout) -> WeightStep | None:
    """The weight step that would be entered next; None when another kind of step, or nothing, comes next."""
    if is_last(rollout):
        return None
    step = rollout.strategy.steps[rollout.step if stands_before(rollout) else rollout.step + 1]
    return step if isinstance(step, WeightStep) else None


def lacks_proof(rollout: Rollout) -> bool:
    """Whether the step that would be entered next asks for proof that is not there."""
    return any(not condition.met for condition in _proof(rollout))


def _proof(rollout: Rollout) -> Iterator[Condition]:
    step, verdict = following(rollout), rollout.verdict
    if step is None:
        return
    given = rollout.approved or (verdict is not None and verdict.outcome is Outcome.PASS)
    match step.advance:
        case Advance.SAFE:
            return
        case Advance.PROVEN:
            yield Condition(need=Need.PROOF, met=given, text="proof: PASS or an approval")
        case Advance.SCALED:
            if rollout.weight > 0:
                asked, proven = scaled_multiple(rollout.weight), verdict.proven_at if verdict else None
                met = given or (proven is not None and proven <= asked)
                so_far = "" if proven is None else f", {multiple_of_margin(proven)} is"
                text = f"proof: no worse than {multiple_of_margin(asked)} not yet proven{so_far}"
                yield Condition(need=Need.PROOF, met=met, text=text)
        case _:
            assert_never(step.advance)


def _needs_data(rollout: Rollout) -> bool:
    # Before the first weight there is nothing to see; a bake of nothing has nothing to watch.
    return rollout.weight > 0 and not (is_last(rollout) and rollout.strategy.bake <= 0)


def _watched(need: Need, rollout: Rollout, asked: float) -> Condition:
    text = f"{need.value}: {duration(rollout.watched)} of {duration(asked)} watched"
    return Condition(need=need, met=rollout.watched >= asked, text=text)


def _samples(rollout: Rollout, asked: int) -> Iterator[Condition]:
    verdict = rollout.verdict
    seen = (
        ("stable side", verdict.samples_stable - rollout.base_stable if verdict else 0),
        ("candidate", verdict.samples_candidate - rollout.base_candidate if verdict else 0),
    )
    for role, count in seen:
        yield Condition(need=Need.SAMPLES, met=count >= asked, text=f"samples: {count} of {asked} on the {role}")


def _pause(rollout: Rollout, step: PauseStep, at: float | None) -> Condition:
    over = rollout.phase is not Phase.PAUSED
    if step.duration is None:
        return Condition(need=Need.PAUSE, met=over, text="pause: a person's resume")
    elapsed = 0.0 if at is None else max(0.0, at - rollout.step_entered_at)
    text = f"pause: {duration(elapsed)} of {duration(step.duration)}, or a person's resume"
    return Condition(need=Need.PAUSE, met=over or (at is not None and elapsed >= step.duration), text=text)
