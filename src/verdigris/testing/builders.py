"""Model values with sensible members, for tests: say only what the test is about.

Every builder takes the members of its dataclass by keyword; what is not given is the same small story each time: the
service `summarizer`, `blue` stable with version 1, `green` candidate with version 2, beginning at START.

    a_rollout(phase=Phase.BAKING, weight=100.0)
    started(rollout="r2", at=START + 60)
    judged(at=START + 5, verdict=a_verdict(outcome=Outcome.FAIL))
    observation(environment="green", status=502)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verdigris.core.model.command import Announce, ApplySplit, Topic
from verdigris.core.model.environment import Environment
from verdigris.core.model.event import (
    AbortRequested,
    AdvanceRequested,
    Approved,
    Judged,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
    SplitApplied,
    SplitRefused,
    Started,
)
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.service import Service
from verdigris.core.model.split import FULL, Share, Split
from verdigris.core.model.strategy import DEFAULT_STRATEGY, Advance, Strategy, WeightStep
from verdigris.core.model.verdict import Estimate, Finding, Outcome, Standing, Verdict

START = 1_700_000_000.0
"""When every story begins: unix seconds."""

STABLE = Side(environment="blue", release=Release.of(version="1"))
CANDIDATE = Side(environment="green", release=Release.of(version="2"))

SHORT_STRATEGY = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=10.0, min_samples=20),
        WeightStep(weight=50.0, hold=10.0, min_samples=50),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    ),
    bake=10.0,
    keep_previous=600.0,
    time_limit=300.0,
)
"""Three steps of ten watched seconds."""


# ------------------------------------------------------------------ nouns


def an_environment(name: str = "blue", **members: Any) -> Environment:
    version = {"blue": "1", "green": "2"}.get(name, name)
    environment = Environment(name=name, url=f"http://{name}.test:8000", release=Release.of(version=version))
    return replace(environment, **members)


def a_service(**members: Any) -> Service:
    service = Service(name="summarizer", environments=(an_environment("blue"), an_environment("green")))
    return replace(service, **members)


def a_split(weight: float = 10.0, *, salt: str = "salt", **members: Any) -> Split:
    """`weight` percent to green, the rest to blue."""
    shares = (
        Share(environment="green", release=CANDIDATE.release.id, weight=weight),
        Share(environment="blue", release=STABLE.release.id, weight=round(FULL - weight, 2)),
    )
    return replace(Split(shares=shares, salt=salt), **members)


def a_rollout(**members: Any) -> Rollout:
    """One that has just started, with the default strategy and guardrails."""
    rollout = Rollout(
        id="r1",
        service="summarizer",
        strategy=DEFAULT_STRATEGY,
        guardrails=DEFAULT_GUARDRAILS,
        stable=STABLE,
        candidate=CANDIDATE,
        sticky=None,
        salt="salt",
        actor="ada",
        started_at=START,
        step_entered_at=START,
        weight=10.0,
    )
    return replace(rollout, **members)


def a_finding(metric: Metric = Metric.ERROR_RATE, **members: Any) -> Finding:
    """An undecided one."""
    finding = Finding(
        metric=metric,
        standing=Standing.UNDECIDED,
        stable=Estimate(n=900, value=0.01, low=0.004, high=0.02),
        candidate=Estimate(n=100, value=0.012, low=0.001, high=0.06),
        weight=0.2,
        harm=1.1,
        far=0.4,
        non_inferiority=2.5,
        absolute=0.3,
        share=0.22,
        gates=True,
        limit_text="at most 1 point above stable",
        reason="too few requests to tell",
        needed=400,
    )
    return replace(finding, **members)


def a_verdict(outcome: Outcome = Outcome.WAITING, **members: Any) -> Verdict:
    verdict = Verdict(
        at=START,
        outcome=outcome,
        reason=f"the verdict is {outcome}",
        evidence=25.0 if outcome is Outcome.FAIL else 1.0,
        threshold=20.0,
        samples_stable=0 if outcome is Outcome.NO_DATA else 900,
        samples_candidate=0 if outcome is Outcome.NO_DATA else 100,
    )
    return replace(verdict, **members)


def observation(**members: Any) -> Observation:
    """A good answer of blue: 200 in 300 ms with tokens, cost and quality."""
    good = Observation(
        at=START,
        environment="blue",
        status=200,
        duration=0.3,
        time_to_first_byte=0.1,
        input_tokens=200,
        output_tokens=100,
        cost=0.002,
        quality=0.9,
        refusal=False,
        finish_reason="stop",
    )
    return replace(good, **members)


# ------------------------------------------------------------------ events


def started(**members: Any) -> Started:
    event = Started(
        at=START,
        actor="ada",
        rollout="r1",
        service="summarizer",
        strategy=DEFAULT_STRATEGY,
        guardrails=DEFAULT_GUARDRAILS,
        stable=STABLE,
        candidate=CANDIDATE,
        sticky=None,
        salt="salt",
    )
    return replace(event, **members)


def judged(at: float = START + 5.0, *, verdict: Verdict | None = None, watched: float = 5.0) -> Judged:
    return Judged(at=at, verdict=verdict or a_verdict(at=at), watched=watched)


def split_applied(weight: float = 10.0, at: float = START + 1.0) -> SplitApplied:
    return SplitApplied(at=at, weight=weight)


def split_refused(weight: float = 10.0, at: float = START + 1.0, reason: str = "Envoy is down") -> SplitRefused:
    return SplitRefused(at=at, weight=weight, reason=reason)


def approved(step: int = 0, at: float = START + 60.0, actor: str = "ada", evidence: str = "seen") -> Approved:
    return Approved(at=at, actor=actor, step=step, evidence=evidence)


def advance_requested(
    step: int = 0, at: float = START + 60.0, actor: str = "ada", evidence: str = "seen"
) -> AdvanceRequested:
    return AdvanceRequested(at=at, actor=actor, step=step, evidence=evidence)


def pause_requested(at: float = START + 60.0, actor: str = "ada", reason: str = "") -> PauseRequested:
    return PauseRequested(at=at, actor=actor, reason=reason)


def resume_requested(at: float = START + 60.0, actor: str = "ada") -> ResumeRequested:
    return ResumeRequested(at=at, actor=actor)


def abort_requested(at: float = START + 60.0, actor: str = "ada", reason: str = "") -> AbortRequested:
    return AbortRequested(at=at, actor=actor, reason=reason)


def rollback_requested(at: float = START + 60.0, actor: str = "ada", reason: str = "") -> RollbackRequested:
    return RollbackRequested(at=at, actor=actor, reason=reason)


# ------------------------------------------------------------------ commands


def apply_split(weight: float = 10.0) -> ApplySplit:
    return ApplySplit(split=a_split(weight), weight=weight)


def announce(text: str = "Rollout r1 started", topic: Topic = Topic.STARTED) -> Announce:
    return Announce(topic=topic, text=text)
