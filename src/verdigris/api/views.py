"""Core values as the API's words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from verdigris.api.words import step_text
from verdigris.api.work import work_view
from verdigris.controller.pricing import CostHealth
from verdigris.controller.status import Status
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.strategy import ApproveStep, Otherwise, PauseStep, Policy, Step, Strategy, WeightStep
from verdigris.core.model.verdict import Verdict
from verdigris.core.rollout.readiness import waiting_for
from verdigris.wire import (
    CautionView,
    CostsView,
    GatewayView,
    LiveView,
    PolicyView,
    ReleaseView,
    RolloutView,
    SamplesView,
    SideView,
    SplitView,
    StatusView,
    StepView,
    TelemetryView,
    VerdictView,
    WeightView,
)


def instant(at: float) -> datetime:
    """Unix seconds as a UTC time."""
    return datetime.fromtimestamp(at, UTC)


def rollout_view(rollout: Rollout) -> RolloutView:
    strategy = rollout.strategy
    return RolloutView(
        id=rollout.id,
        service=rollout.service,
        phase=rollout.phase,
        step=rollout.step,
        steps=tuple(_steps(strategy)),
        weight=WeightView(desired=rollout.weight, in_force=rollout.in_force),
        stable=_side(rollout.stable),
        candidate=_side(rollout.candidate),
        actor=rollout.actor,
        started_at=instant(rollout.started_at),
        finished_at=None if rollout.finished_at is None else instant(rollout.finished_at),
        step_entered_at=instant(rollout.step_entered_at),
        watched_seconds=rollout.watched,
        samples=_samples(rollout),
        waiting_for=waiting_for(rollout, time.time()),
        verdict=_verdict(rollout.verdict),
        reason=rollout.reason,
        undecided=rollout.undecided,
        traffic_error=rollout.traffic_error,
        bake=strategy.bake,
        keep_previous=strategy.keep_previous,
        time_limit=strategy.time_limit,
        otherwise=_otherwise(strategy.otherwise),
        horizon=strategy.horizon,
    )


def _steps(strategy: Strategy) -> Iterator[StepView]:
    leaving = 0.0
    for step in strategy.steps:
        yield step_view(step, leaving=leaving)
        leaving = step.weight if isinstance(step, WeightStep) else leaving


def step_view(step: Step, *, leaving: float) -> StepView:
    text = step_text(step, leaving=leaving)
    match step:
        case WeightStep():
            said = asdict(step) | {"otherwise": _otherwise(step.otherwise)}
            return StepView(kind="weight", text=text, **said)
        case PauseStep():
            return StepView(kind="pause", text=text, duration=step.duration)
        case ApproveStep():
            return StepView(kind="approve", text=text, timeout=step.timeout, otherwise=step.otherwise)


def _otherwise(policy: Policy) -> Otherwise | PolicyView:
    return policy.single or PolicyView(**asdict(policy))


def _side(side: Side) -> SideView:
    release = ReleaseView(id=side.release.id, version=side.release.version)
    return SideView(environment=side.environment, release=release)


def _samples(rollout: Rollout) -> SamplesView | None:
    verdict = rollout.verdict
    if verdict is None:
        return None
    return SamplesView(
        stable=verdict.samples_stable,
        candidate=verdict.samples_candidate,
        step_stable=max(0, verdict.samples_stable - rollout.base_stable),
        step_candidate=max(0, verdict.samples_candidate - rollout.base_candidate),
    )


def _verdict(verdict: Verdict | None) -> VerdictView | None:
    if verdict is None:
        return None
    return VerdictView(
        at=instant(verdict.at),
        outcome=verdict.outcome,
        reason=verdict.reason,
        evidence=verdict.evidence,
        threshold=verdict.threshold,
        missing=verdict.missing,
        proven_at=verdict.proven_at,
        overlap=verdict.overlap,
        cautions=cautions(verdict),
    )


def cautions(verdict: Verdict | None) -> tuple[CautionView, ...]:
    return tuple(CautionView(key=each.key, text=each.text) for each in verdict.cautions) if verdict else ()


def _costs(costs: CostHealth) -> CostsView:
    return CostsView(reported=costs.reported, estimated=costs.estimated, unknown=costs.unknown, models=costs.models)


def status_view(status: Status, gateway_url: str) -> StatusView:
    observed, telemetry = status.observed, status.telemetry
    return StatusView(
        service=status.service.name,
        stable=status.stable,
        ready=status.ready,
        problems=status.problems,
        rollout=None if status.rollout is None else rollout_view(status.rollout),
        split=SplitView(
            desired=status.desired.weights, observed=None if observed.split is None else observed.split.weights
        ),
        live={
            name: LiveView(requests=live.requests, connections=live.connections) for name, live in observed.live.items()
        },
        telemetry=TelemetryView(
            received=telemetry.received,
            lost=telemetry.lost,
            late=telemetry.late,
            thinned=telemetry.thinned,
            streams=telemetry.streams,
            rate=telemetry.rate,
            costs=_costs(telemetry.costs),
        ),
        gateway=GatewayView(url=gateway_url, running=observed.running, restarts=observed.restarts),
        quality=None if status.quality is None else work_view(status.quality),
    )
