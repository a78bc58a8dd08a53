"""Events and steps as sentences for people."""

from __future__ import annotations

from typing import assert_never

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
from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, Step, WeightStep, scaled_multiple
from verdigris.core.rollout.words import duration, multiple_of_margin, percent


def step_text(step: Step, *, leaving: float) -> str:
    """One step; `leaving` is the weight before it, in percent."""
    match step:
        case WeightStep():
            advance = step.advance.value
            if step.advance is Advance.SCALED:
                asked = multiple_of_margin(scaled_multiple(leaving))
                advance = f"proven no worse than {asked}" if leaving > 0 else Advance.SAFE.value
            held = f" for {duration(step.hold)}" if step.hold else ""
            samples = f", at least {step.min_samples} requests on each side" if step.min_samples else ""
            return f"{percent(step.weight)} once {advance}{held}{samples}"
        case PauseStep():
            return "pause until resumed" if step.duration is None else f"pause for {duration(step.duration)}"
        case ApproveStep():
            if step.timeout is None:
                return "wait for approval"
            return f"wait for approval, after {duration(step.timeout)} {step.otherwise.value}"
        case _:
            assert_never(step)


def event_text(event: Event) -> str:  # noqa: C901, PLR0911 -- a table with an arm for every event
    """One sentence for one line of a history; who said it stands beside, not in it."""
    match event:
        case Started():
            to, version = event.candidate.environment, event.candidate.release.version
            return "; ".join((f"started: {event.stable.environment} to {to} ({version})", *event.checks))
        case Judged():
            return f"judged {event.verdict.outcome.value}: {event.verdict.reason}"
        case SplitApplied():
            return f"the data plane confirmed {percent(event.weight)} for the candidate"
        case SplitRefused():
            return f"{percent(event.weight)} for the candidate could not be applied: {event.reason}"
        case Approved():
            return f"step {event.step + 1} approved, having seen {event.evidence}"
        case AdvanceRequested():
            return f"moved on from step {event.step + 1} without waiting, having seen {event.evidence}"
        case PauseRequested():
            return _because("pause asked for", event.reason)
        case ResumeRequested():
            return "resume asked for"
        case AbortRequested():
            return _because("abort asked for", event.reason)
        case RollbackRequested():
            return _because("rollback asked for", event.reason)
        case _:
            assert_never(event)


def _because(what: str, reason: str) -> str:
    return f"{what}: {reason}" if reason else what
