"""The reasons as the API's words: what a verdict rests on, and what happened."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from re import sub
from typing import Any

from verdigris.api.views import cautions, instant
from verdigris.api.words import event_text
from verdigris.core.analysis.explain import Explanation
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.strategy import Policy
from verdigris.core.model.verdict import Estimate, Finding, Paired, Slice
from verdigris.ports import Logged
from verdigris.wire import EstimateView, EventView, ExplanationView, FindingView, PairedView, SliceView
from verdigris.wire.why import ApartView, SampledView


def explanation_view(rollout: Rollout, explanation: Explanation) -> ExplanationView:
    """`text` is what follows the headline; the findings are those of the rollout's verdict."""
    verdict = rollout.verdict
    return ExplanationView(
        rollout=rollout.id,
        headline=explanation.headline,
        text=tuple(explanation.to_text().removeprefix(explanation.headline).strip("\n").splitlines()),
        findings=tuple(_finding(finding) for finding in verdict.findings) if verdict else (),
        slices=tuple(_slice(each) for each in verdict.slices) if verdict else (),
        overlap=verdict.overlap if verdict else None,
        cautions=cautions(verdict),
    )


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        metric=finding.metric.value,
        unit=finding.metric.unit,
        standing=finding.standing,
        stable=_estimate(finding.stable),
        candidate=_estimate(finding.candidate),
        weight=finding.weight,
        harm=finding.harm,
        far=finding.far,
        non_inferiority=finding.non_inferiority,
        absolute=finding.absolute,
        share=finding.share,
        gates=finding.gates,
        limit_text=finding.limit_text,
        reason=finding.reason,
        needed=finding.needed,
        basis=finding.basis,
        paired=_paired(finding.paired),
        sampled=None if finding.sampled is None else SampledView(**asdict(finding.sampled)),
        apart=tuple(ApartView(**asdict(each)) for each in finding.apart),
    )


def _paired(paired: Paired | None) -> PairedView | None:
    return None if paired is None else PairedView(**asdict(paired))


def _slice(each: Slice) -> SliceView:
    return SliceView(
        stratum=each.stratum,
        metric=each.metric.value,
        unit=each.metric.unit,
        standing=each.standing,
        stable=_estimate(each.stable),
        candidate=_estimate(each.candidate),
        harm=each.harm,
        non_inferiority=each.non_inferiority,
    )


def _estimate(estimate: Estimate) -> EstimateView:
    return EstimateView(n=estimate.n, value=estimate.value, low=estimate.low, high=estimate.high)


def event_view(logged: Logged) -> EventView:
    event = logged.event
    data = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
    data.pop("at")
    return EventView(
        number=logged.number,
        at=instant(event.at),
        type=sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower(),
        actor=data.pop("actor", ""),
        summary=event_text(event),
        data=data,
    )


def _plain(value: Any) -> Any:
    """A value of the model as JSON has it; a policy with one word for every outcome is that word."""
    if isinstance(value, Policy) and value.single is not None:
        return value.single
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
