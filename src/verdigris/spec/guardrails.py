"""The guardrails of the file: one key per metric, each with the units that metric is spoken of in.

Quality, cost and latency are compared relative to stable (`10%`) or by an amount (`0.05`, `0.01 USD`, `200ms`); rates
are compared in percentage points, so `max_increase: 1%` on a rate of 2 % means 3 %. A guardrail that is written
replaces the default one of its metric; only a margin that is left out is taken from it. `off` removes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Tag, model_validator

from verdigris.core.model.metric import DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL, Covariate, Guardrail, Margin, Metric
from verdigris.spec.types import Doc, Money, MoneyMargin, Points, PositiveDuration, Rate, Score, ScoreMargin, TimeMargin
from verdigris.spec.wrong import Wrong

_NONE = Margin()
_DEFAULTS = {guardrail.metric: guardrail for guardrail in DEFAULT_GUARDRAILS}
_SAMPLED = {Metric.DEFECT_RATE: replace(DEFECT_GUARDRAIL, required=False)}
_MARGINS = {guardrail.metric: guardrail.margin for guardrail in (*DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL)}


class GuardrailDoc(Doc):
    """What all guardrails have: a margin under the name `margin_key`, a tolerance, and a limit under `limit_key`."""

    margin_key: ClassVar[str] = "max_increase"
    limit_key: ClassVar[str] = "max"

    @property
    def margin(self) -> Margin | None:
        found: Margin | None = getattr(self, self.margin_key)
        return found

    @property
    def within(self) -> Margin:
        found: Margin = getattr(self, "tolerance", _NONE)
        return found

    @property
    def limit(self) -> float | None:
        found: float | None = getattr(self, self.limit_key)
        return found

    @model_validator(mode="after")
    def _zone_has_width(self) -> Self:
        if self.margin is not None:
            _check_zone(self.margin, self.within, self.margin_key)
        return self

    def check_against_default(self, metric: Metric) -> None:
        """Without a margin of its own it takes the default one, where the metric has one."""
        if metric not in _MARGINS:
            raise Wrong(
                f'needs the key "{self.margin_key}"',
                hint="it says how much worse than stable the candidate may be",
                at=(metric.value,),
            )
        try:
            _check_zone(_MARGINS[metric], self.within, f"the default {self.margin_key}")
        except Wrong as wrong:
            raise Wrong(wrong.said, hint=f"write {self.margin_key} too", at=(metric.value, *wrong.at)) from None


def _check_zone(margin: Margin, tolerance: Margin, key: str) -> None:
    if margin == _NONE:
        raise Wrong(
            "leaves no room, and nobody can prove that two sides are exactly equal",
            hint="write the smallest difference that matters",
            at=(key,),
        )
    comparable = tolerance == _NONE or (margin.relative > 0) == (tolerance.relative > 0)
    if not comparable:
        raise Wrong(f"is given in another unit than {key}", hint=f"write both as in {key}", at=("tolerance",))
    if tolerance.relative >= margin.relative and tolerance.absolute >= margin.absolute:
        raise Wrong(f"is not below {key}", hint=f"lower the tolerance or raise {key}", at=("tolerance",))


class QualityDoc(GuardrailDoc):
    """`max_drop` and `tolerance`: percent of stable's quality, or points on the 0..1 scale; `min`: a floor.

    `adjust` names what predicts the quality from the request alone; the prediction is taken out before comparing.
    """

    margin_key: ClassVar[str] = "max_drop"
    limit_key: ClassVar[str] = "min"
    max_drop: ScoreMargin | None = None
    tolerance: ScoreMargin = _NONE
    min: Score | None = None
    adjust: Covariate | None = None


class CostDoc(GuardrailDoc):
    """Per request. `max_increase` and `tolerance`: percent of stable's cost, or US dollars; `max`: US dollars."""

    max_increase: MoneyMargin | None = None
    tolerance: MoneyMargin = _NONE
    max: Money | None = None


class RateDoc(GuardrailDoc):
    """`max_increase` and `tolerance`: percentage points; `max`: percent of requests."""

    max_increase: Points | None = None
    tolerance: Points = _NONE
    max: Rate | None = None


class LatencyDoc(GuardrailDoc):
    """`max_increase` and `tolerance`: percent of stable's latency, or a duration; `max`: a duration."""

    max_increase: TimeMargin | None = None
    tolerance: TimeMargin = _NONE
    max: PositiveDuration | None = None


def _which(kind: str) -> Discriminator:
    return Discriminator(lambda value: "off" if isinstance(value, str) else kind)


_Off = Annotated[Literal["off"], Tag("off")]
Quality = Annotated[Annotated[QualityDoc, Tag("QualityDoc")] | _Off, _which("QualityDoc")]
Cost = Annotated[Annotated[CostDoc, Tag("CostDoc")] | _Off, _which("CostDoc")]
Rates = Annotated[Annotated[RateDoc, Tag("RateDoc")] | _Off, _which("RateDoc")]
Latency = Annotated[Annotated[LatencyDoc, Tag("LatencyDoc")] | _Off, _which("LatencyDoc")]


class GuardrailsDoc(Doc):
    """A guardrail, or `off`, by metric. `latency` is time to the end of the response, `ttfb` to its first byte."""

    quality: Quality | None = None
    cost: Cost | None = None
    error_rate: Rates | None = None
    refusal_rate: Rates | None = None
    defect_rate: Rates | None = None
    latency_p50: Latency | None = None
    latency_p95: Latency | None = None
    latency_p99: Latency | None = None
    ttfb_p50: Latency | None = None
    ttfb_p95: Latency | None = None
    ttfb_p99: Latency | None = None

    @model_validator(mode="after")
    def _margins_known(self) -> Self:
        for metric, written in self._written().items():
            if isinstance(written, GuardrailDoc) and written.margin is None:
                written.check_against_default(metric)
        return self

    def _written(self) -> Mapping[Metric, Any]:
        return {metric: written for metric in Metric if (written := getattr(self, metric.value, None)) is not None}

    def model(self, *, sampled: bool = False) -> tuple[Guardrail, ...]:
        """The defaults with what is written in their place, in the order of the metrics.

        Where answers are `sampled`, defects have a default guardrail too, which gates once they are counted.
        """
        merged = {**_DEFAULTS, **_SAMPLED} if sampled else dict(_DEFAULTS)
        for metric, written in self._written().items():
            if isinstance(written, GuardrailDoc):
                merged[metric] = _guardrail(metric, written)
            else:
                merged.pop(metric, None)
        return tuple(merged[metric] for metric in Metric if metric in merged)


def _guardrail(metric: Metric, written: GuardrailDoc) -> Guardrail:
    margin = _MARGINS[metric] if written.margin is None else written.margin
    adjust = written.adjust if isinstance(written, QualityDoc) else None
    return Guardrail(metric=metric, margin=margin, tolerance=written.within, limit=written.limit, adjust=adjust)
