"""A Metric: what is measured, and the Guardrail it must keep."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """Metrics of one family share a weight in the verdict and a kind of test."""

    QUALITY = "quality"
    ERRORS = "errors"
    LATENCY = "latency"
    REFUSALS = "refusals"
    COST = "cost"
    DEFECTS = "defects"


class Metric(StrEnum):
    """The measured quantities. `latency` ends with the response; `ttfb` is time to first byte.

    `defect_rate` is the share of sampled answers that a free scorer found unusable.
    """

    QUALITY = "quality"
    COST = "cost"
    ERROR_RATE = "error_rate"
    REFUSAL_RATE = "refusal_rate"
    DEFECT_RATE = "defect_rate"
    LATENCY_P50 = "latency_p50"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"
    TTFB_P50 = "ttfb_p50"
    TTFB_P95 = "ttfb_p95"
    TTFB_P99 = "ttfb_p99"

    @property
    def family(self) -> Family:
        return _FAMILIES[self]

    @property
    def higher_is_better(self) -> bool:
        return self is Metric.QUALITY

    @property
    def quantile(self) -> float | None:
        """0.5, 0.95 or 0.99 for latency metrics, else None."""
        return int(self.value[-2:]) / 100 if self.family is Family.LATENCY else None

    @property
    def is_rate(self) -> bool:
        return self in (Metric.ERROR_RATE, Metric.REFUSAL_RATE, Metric.DEFECT_RATE)

    @property
    def unit(self) -> str:
        """`score`, `USD`, `share` (0..1) or `s`."""
        return _UNITS[self.family]


_FAMILIES = {
    Metric.QUALITY: Family.QUALITY,
    Metric.COST: Family.COST,
    Metric.ERROR_RATE: Family.ERRORS,
    Metric.REFUSAL_RATE: Family.REFUSALS,
    Metric.DEFECT_RATE: Family.DEFECTS,
    Metric.LATENCY_P50: Family.LATENCY,
    Metric.LATENCY_P95: Family.LATENCY,
    Metric.LATENCY_P99: Family.LATENCY,
    Metric.TTFB_P50: Family.LATENCY,
    Metric.TTFB_P95: Family.LATENCY,
    Metric.TTFB_P99: Family.LATENCY,
}
_UNITS = {
    Family.QUALITY: "score",
    Family.COST: "USD",
    Family.ERRORS: "share",
    Family.REFUSALS: "share",
    Family.DEFECTS: "share",
    Family.LATENCY: "s",
}


class Covariate(StrEnum):
    """What is known of a request before anybody decides who answers it, and so is alike on both sides.

    Tokens are not: prompts and tokenizers differ between the sides.
    """

    REQUEST_BYTES = "request_bytes"


FAMILY_WEIGHTS = {
    Family.QUALITY: 0.30,
    Family.ERRORS: 0.20,
    Family.LATENCY: 0.20,
    Family.REFUSALS: 0.15,
    Family.COST: 0.15,
    Family.DEFECTS: 0.15,
}
"""The proportions in which families that have a guardrail share the error budget; metrics of one family split theirs evenly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Margin:
    """A distance from the stable side in the worse direction: `relative` to its value (0.1 = 10 %), plus `absolute`."""

    relative: float = 0.0
    absolute: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardrail:
    """A zone for one metric.

    `adjust` names what predicts the metric from the request alone; the prediction, learned from the past, is taken out
    of both roles' values before they are compared. For quality only.

    A candidate no worse than `tolerance` may be rolled back in at most 5 % of rollouts, one worse than `margin` may be
    promoted in at most 5 %. `limit` is an absolute bound on the candidate alone, in the metric's unit: a ceiling, or a
    floor where higher is better. `required` guardrails gate even when nothing was ever measured (NO_DATA holds);
    others, the defaults nobody wrote down, gate once either role has reported the metric.
    """

    metric: Metric
    margin: Margin
    tolerance: Margin = Margin()
    limit: float | None = None
    required: bool = True
    adjust: Covariate | None = None


DEFAULT_GUARDRAILS = (
    Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.10), required=False),
    Guardrail(metric=Metric.COST, margin=Margin(relative=0.50), required=False),
    Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01), limit=0.05),
    Guardrail(metric=Metric.LATENCY_P99, margin=Margin(relative=2.0), limit=5.0),
    Guardrail(metric=Metric.REFUSAL_RATE, margin=Margin(absolute=0.02), limit=0.15, required=False),
)

DEFECT_GUARDRAIL = Guardrail(metric=Metric.DEFECT_RATE, margin=Margin(absolute=0.02))
"""The one for whoever declares `quality`; without samples there are no defects to count."""
