"""Guardrails become tests: one arm per kind of metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from verdigris.core.model.metric import FAMILY_WEIGHTS, Guardrail, Margin, Metric
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capped_mean import CAP_QUANTILE, CappedMean
from verdigris.core.stats.comparison import Bet, Boundary, Comparison
from verdigris.core.stats.one_sample import ceiling_factors, floor_factors, rate_limit_factors
from verdigris.core.stats.paired_mean import PairedCapped, PairedMean
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import TwoSampleRate

WARM_UP = 200
"""Values of stable from which a threshold or a cap is taken."""

_SMALLEST_COST = 1e-6  # USD; smaller differences per request are not told apart
_PRIOR_STRENGTH = 50.0
_LEAN = 1.3  # standard errors; a threshold that is too high is exceeded too rarely to prove anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What a test takes from the past: the mean expected, and for tails a threshold or cap in the metric's unit."""

    prior: float
    strength: float
    threshold: float | None = None

    def dump(self) -> list[float | None]:
        return [self.prior, self.strength, self.threshold]

    @classmethod
    def load(cls, dumped: Sequence[float | None]) -> Scale:
        """Raises: TypeError, ValueError for what is no dumped Scale."""
        prior, strength, threshold = dumped
        if prior is None or strength is None:
            raise ValueError("a scale has a mean and a strength")
        return cls(prior=prior, strength=strength, threshold=threshold)


def weights(guardrails: Sequence[Guardrail]) -> tuple[float, ...]:
    """Each guardrail's part of the error budget, summing to 1: the family's, split evenly inside the family."""
    families = [guardrail.metric.family for guardrail in guardrails]
    raw = [FAMILY_WEIGHTS[family] / families.count(family) for family in families]
    return tuple(weight / sum(raw) for weight in raw)


def threshold_quantile(metric: Metric) -> float | None:
    """The quantile of stable's past that `metric` needs before it can be tested; None if it needs none."""
    return CAP_QUANTILE if metric is Metric.COST else metric.quantile


def scale_of(metric: Metric, sketch: Sketch) -> Scale | None:
    """The threshold or cap from stable's past values, once there are enough of them."""
    quantile = threshold_quantile(metric)
    if quantile is None or sketch.n < WARM_UP:
        return None
    if metric is Metric.COST:
        cap = max(sketch.quantile(quantile) or 0.0, _SMALLEST_COST)
        return Scale(prior=sketch.capped_mean(cap) or 0.0, strength=20.0, threshold=cap)
    n = sketch.n
    rank = math.floor(quantile * n - _LEAN * math.sqrt(n * quantile * (1.0 - quantile)))
    return Scale(prior=1.0 - rank / n, strength=float(WARM_UP), threshold=sketch.at_rank(rank))


def comparison_of(guardrail: Guardrail, scale: Scale, hypotheses: Sequence[Hypothesis]) -> Comparison:
    """The test of one guardrail between the roles, one bet for each of the hypotheses."""
    metric = guardrail.metric
    bets = tuple(bet_of(guardrail, hypothesis) for hypothesis in hypotheses)
    if metric.is_rate:
        return TwoSampleRate.start(bets, prior=scale.prior, strength=scale.strength)
    if metric is Metric.QUALITY:
        return TwoSampleMean.start(bets, higher_is_better=True, prior=scale.prior, strength=scale.strength)
    if scale.threshold is None:
        raise ValueError(f"{metric} needs a threshold from the past")
    if metric is Metric.COST:
        return CappedMean.start(bets, cap=scale.threshold, prior=scale.prior)
    return Exceedance.start(bets, threshold=scale.threshold, rate=scale.prior, strength=scale.strength)


def paired_of(guardrail: Guardrail, scale: Scale | None, hypotheses: Sequence[Hypothesis]) -> Comparison | None:
    """The test of one guardrail inside pairs; None for latency, and for cost until its cap is known."""
    metric = guardrail.metric
    bets = tuple(bet_of(guardrail, hypothesis) for hypothesis in hypotheses)
    if metric is Metric.QUALITY or metric.is_rate:
        return PairedMean.start(bets, higher_is_better=metric.higher_is_better)
    if metric is Metric.COST and scale is not None and scale.threshold is not None:
        return PairedCapped.start(bets, cap=scale.threshold)
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hypothesis:
    """What is bet for: that the candidate is `worse` than a boundary, or that it is not.

    The boundary lies at `multiple` times the margin; at the tolerance where `multiple` is None.
    """

    worse: bool
    multiple: float | None


def bet_of(guardrail: Guardrail, hypothesis: Hypothesis) -> Bet:
    metric, multiple = guardrail.metric, hypothesis.multiple
    if multiple is None:
        return Bet.start(boundary_of(metric, guardrail.tolerance), worse=hypothesis.worse)
    margin = guardrail.margin
    least = _SMALLEST_COST if metric is Metric.COST else 0.0
    wide = Margin(relative=multiple * margin.relative, absolute=max(multiple * margin.absolute, least))
    return Bet.start(boundary_of(metric, wide), worse=hypothesis.worse)


def default_scale(metric: Metric) -> Scale | None:
    """What to expect of a metric without any past; None where only the past can say."""
    if metric is Metric.QUALITY:
        return Scale(prior=0.5, strength=20.0)
    if metric is Metric.DEFECT_RATE:
        return Scale(prior=0.005, strength=_PRIOR_STRENGTH)
    return Scale(prior=0.02, strength=_PRIOR_STRENGTH) if metric.is_rate else None


def limit_factors(guardrail: Guardrail, limit: float, values: Floats) -> Floats:
    """Factors against "the candidate keeps the limit"; `values` are the candidate's alone."""
    metric = guardrail.metric
    if metric.quantile is not None:
        return rate_limit_factors(values.size, float((values > limit).sum()), 1.0 - metric.quantile)
    if metric.is_rate:
        return rate_limit_factors(values.size, float(values.sum()), limit)
    return floor_factors(values, limit) if metric.higher_is_better else ceiling_factors(values, limit)


def boundary_of(metric: Metric, margin: Margin) -> Boundary:
    """Where the margin ends for a given value of stable; a drop by more than all of it is a drop by all of it."""
    sign = -1.0 if metric.higher_is_better else 1.0
    return Boundary(scale=max(0.0, 1.0 + sign * margin.relative), shift=sign * margin.absolute)
