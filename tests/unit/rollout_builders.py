"""Short ways to say rollouts and events in tests. Times are seconds from zero; `n` counts samples in both roles."""

from collections.abc import Iterable
from typing import Any

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
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, Strategy, WeightStep
from verdigris.core.model.verdict import Caution, Outcome, Verdict
from verdigris.core.rollout.decide import begin, decide

LAST = WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN)
RAMP = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=60.0, min_samples=10),
        WeightStep(weight=50.0, hold=60.0, min_samples=10),
        LAST,
    ),
    bake=60.0,
    keep_previous=1_000.0,
    time_limit=10_000.0,
)
STAGED = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=60.0, min_samples=10),
        PauseStep(),
        WeightStep(weight=25.0, hold=60.0, min_samples=10),
        ApproveStep(timeout=600.0),
        LAST,
    ),
    bake=60.0,
    keep_previous=1_000.0,
    time_limit=10_000.0,
)


def started(strategy: Strategy = RAMP, at: float = 0.0) -> Started:
    return Started(
        at=at,
        actor="ann",
        rollout="r1",
        service="summarizer",
        strategy=strategy,
        guardrails=(),
        stable=Side(environment="blue", release=Release.of(version="1")),
        candidate=Side(environment="green", release=Release.of(version="2")),
        sticky=None,
        salt="salt",
    )


def verdict(
    at: float,
    outcome: Outcome,
    n: int = 0,
    *,
    stable: int | None = None,
    candidate: int | None = None,
    proven_at: float | None = None,
    cautions: Iterable[str] = (),
):
    """`proven_at` is 1 with PASS unless said; `cautions` are keys."""
    return Verdict(
        at=at,
        outcome=outcome,
        reason=f"because {outcome.value}",
        evidence=1.0,
        threshold=20.0,
        samples_stable=n if stable is None else stable,
        samples_candidate=n if candidate is None else candidate,
        proven_at=1.0 if proven_at is None and outcome is Outcome.PASS else proven_at,
        cautions=tuple(Caution(key=key, text=f"mind {key}") for key in cautions),
    )


def look(at: float, outcome: Outcome = Outcome.WAITING, *, n: int = 0, watched: float = 0.0, **more: Any) -> Judged:
    """`more` is what `verdict` takes."""
    return Judged(at=at, verdict=verdict(at, outcome, n, **more), watched=watched)


def applied(at: float, weight: float) -> SplitApplied:
    return SplitApplied(at=at, weight=weight)


def refused(at: float, weight: float, reason: str = "no answer") -> SplitRefused:
    return SplitRefused(at=at, weight=weight, reason=reason)


def approve(at: float, step: int) -> Approved:
    return Approved(at=at, actor="bob", step=step, evidence="seen")


def advance(at: float, step: int) -> AdvanceRequested:
    return AdvanceRequested(at=at, actor="bob", step=step, evidence="seen")


def pause(at: float) -> PauseRequested:
    return PauseRequested(at=at, actor="bob", reason="lunch")


def resume(at: float) -> ResumeRequested:
    return ResumeRequested(at=at, actor="bob")


def abort(at: float) -> AbortRequested:
    return AbortRequested(at=at, actor="bob", reason="enough")


def rollback(at: float) -> RollbackRequested:
    return RollbackRequested(at=at, actor="bob", reason="complaints")


def follow(rollout: Rollout, events: Iterable[Event]) -> Rollout:
    for event in events:
        rollout = decide(rollout, event).rollout
    return rollout


def after(*events: Event, strategy: Strategy = RAMP) -> Rollout:
    """The rollout that began at 0 and saw `events`."""
    return follow(begin(started(strategy)).rollout, events)
