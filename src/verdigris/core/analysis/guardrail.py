"""Guardrails become evidence: one arm per kind of metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.series import Block
from verdigris.core.model.metric import FAMILY_WEIGHTS, Guardrail, Margin, Metric
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.capped_mean import CAP_QUANTILE, CappedMean
from verdigris.core.stats.comparison import Boundary, Comparison, Evidence
from verdigris.core.stats.one_sample import ceiling_factors, floor_factors, rate_limit_factors
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import TwoSampleRate

SAFE_THRESHOLD = 20.0
"""1 / alpha of non-inferiority: every gating metric must reach it, so it needs no correction for their number."""

WARM_UP = 200
"""Values of stable from which a threshold or a cap is taken."""

LIMIT_SHARE = 0.25
"""Part of a metric's weight that bets on its absolute limit being broken, where it has one."""

ABSENCE_SHARE = 0.10
"""Part of a metric's weight that bets on the candidate no longer reporting it, where the service reports it itself."""

_SMALLEST_COST = 1e-6  # USD; smaller differences per request are not told apart
_PRIOR_STRENGTH = 50.0
_LEAN = 1.3  # standard errors; a threshold that is too high is exceeded too rarely to prove anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What a test takes from the past: the mean expected, and for tails a threshold or cap in the metric's unit."""

    prior: float
    strength: float
    threshold: float | None = None


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


def comparison_of(guardrail: Guardrail, scale: Scale) -> Comparison:
    """The tests of one guardrail: harm beyond its tolerance, harm beyond its margin, and none beyond its margin."""
    metric = guardrail.metric
    tolerance, margin = _boundary(metric, guardrail.tolerance), _boundary(metric, guardrail.margin)
    if metric.is_rate:
        return TwoSampleRate.start(tolerance=tolerance, margin=margin, prior=scale.prior, strength=scale.strength)
    if metric is Metric.QUALITY:
        return TwoSampleMean.start(
            tolerance=tolerance, margin=margin, higher_is_better=True, prior=scale.prior, strength=scale.strength
        )
    if scale.threshold is None:
        raise ValueError(f"{metric} needs a threshold from the past")
    if metric is Metric.COST:
        wide = Boundary(scale=margin.scale, shift=max(margin.shift, _SMALLEST_COST))
        return CappedMean.start(cap=scale.threshold, tolerance=tolerance, margin=wide, prior=scale.prior)
    return Exceedance.start(
        threshold=scale.threshold, tolerance=tolerance, margin=margin, rate=scale.prior, strength=scale.strength
    )


def default_scale(metric: Metric) -> Scale | None:
    """What to expect of a metric without any past; None where only the past can say."""
    if metric is Metric.QUALITY:
        return Scale(prior=0.5, strength=20.0)
    return Scale(prior=0.02, strength=_PRIOR_STRENGTH) if metric.is_rate else None


def limit_factors(guardrail: Guardrail, limit: float, values: Floats) -> Floats:
    """Factors against "the candidate keeps the limit"; `values` are the candidate's alone."""
    metric = guardrail.metric
    if metric.quantile is not None:
        return rate_limit_factors(values.size, float((values > limit).sum()), 1.0 - metric.quantile)
    if metric.is_rate:
        return rate_limit_factors(values.size, float(values.sum()), limit)
    return floor_factors(values, limit) if metric.higher_is_better else ceiling_factors(values, limit)


def _boundary(metric: Metric, margin: Margin) -> Boundary:
    sign = -1.0 if metric.higher_is_better else 1.0
    return Boundary(scale=1.0 + sign * margin.relative, shift=sign * margin.absolute)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Where one metric's part of the evidence comes from: `between` the roles, its `limit`, the `absence` of values."""

    between: float
    limit: float
    absence: float

    @property
    def total(self) -> float:
        return self.between + self.limit + self.absence


@dataclass(kw_only=True, slots=True)
class Track:
    """One guardrail's evidence as it grows. `comparison` is None until `scale` is known."""

    guardrail: Guardrail
    weight: float
    scale: Scale | None
    comparison: Comparison | None
    absolute: Capital | None
    safe: bool = False
    calibrated: int = 0  # stable values of this rollout behind the threshold

    @classmethod
    def start(cls, guardrail: Guardrail, weight: float, scale: Scale | None) -> Track:
        return cls(
            guardrail=guardrail,
            weight=weight,
            scale=scale,
            comparison=comparison_of(guardrail, scale) if scale else None,
            absolute=Capital.start() if guardrail.limit is not None else None,
        )

    @property
    def source(self) -> Source:
        return Source.of(self.guardrail.metric)

    @property
    def evidence(self) -> Evidence:
        """Capital 1 everywhere until something was compared."""
        if self.comparison is None:
            return Evidence(harm=1.0, far=1.0, non_inferiority=1.0, growth=1.0, candidates=0)
        return self.comparison.evidence

    def calibrate(self, sketch: Sketch) -> bool:
        """Takes the scale from stable's values so far; True once it has just become known."""
        if self.scale is not None:
            return False
        self.scale = scale_of(self.guardrail.metric, sketch)
        self.comparison = comparison_of(self.guardrail, self.scale) if self.scale else None
        self.calibrated = int(sketch.n) if self.scale else 0
        return self.scale is not None

    def follow(self, sketch: Sketch) -> None:
        """Moves a quantile's threshold to where stable's values of this rollout have it, whenever they have doubled.

        A threshold from before can be far off: after a stall it is too high, nobody exceeds it, and nothing can be
        proven. Call it when no value of `sketch` waits to be compared.
        """
        if not isinstance(self.comparison, Exceedance) or sketch.n < max(WARM_UP, 2 * self.calibrated):
            return
        scale = scale_of(self.guardrail.metric, sketch)
        if scale is None or scale.threshold is None:
            return
        metric, self.scale, self.calibrated = self.guardrail.metric, scale, int(sketch.n)
        self.comparison.move(
            scale.threshold,
            tolerance=_boundary(metric, self.guardrail.tolerance),
            margin=_boundary(metric, self.guardrail.margin),
        )

    def fold(self, candidate: Floats, block: Block | None) -> None:
        """Settles the candidate's new values against the limit, and a closed block between the roles."""
        limit = self.guardrail.limit
        if self.absolute is not None and limit is not None and candidate.size:
            self.absolute.step(limit_factors(self.guardrail, limit, candidate), candidate.size)
        if self.comparison is not None and block is not None:
            self.comparison.compare(block.candidate, block.stable)
            self.safe = self.safe or self.comparison.evidence.non_inferiority >= SAFE_THRESHOLD

    def shares(self, absence: Capital | None) -> Shares:
        """This metric's part of the verdict's evidence: its weight times a weighted mean of its e-values."""
        on_limit = LIMIT_SHARE if self.absolute else 0.0
        on_absence = ABSENCE_SHARE if absence else 0.0
        between = (1.0 - on_limit - on_absence) * self.evidence.in_force(proven_safe=self.safe)
        return Shares(
            between=self.weight * between,
            limit=self.weight * on_limit * self.absolute.value if self.absolute else 0.0,
            absence=self.weight * on_absence * absence.value if absence else 0.0,
        )

    def dump(self) -> dict[str, Any]:
        return {
            "scale": [self.scale.prior, self.scale.strength, self.scale.threshold] if self.scale else None,
            "comparison": self.comparison.dump() if self.comparison else None,
            "absolute": self.absolute.dump() if self.absolute else None,
            "safe": self.safe,
            "calibrated": self.calibrated,
        }

    @classmethod
    def load(cls, guardrail: Guardrail, weight: float, dumped: dict[str, Any]) -> Track:
        scale = dumped["scale"]
        track = cls.start(
            guardrail, weight, Scale(prior=scale[0], strength=scale[1], threshold=scale[2]) if scale else None
        )
        if track.comparison is not None:
            track.comparison.restore(dumped["comparison"])
        if track.absolute is not None:
            track.absolute.restore(dumped["absolute"])
        track.safe = bool(dumped["safe"])
        track.calibrated = int(dumped["calibrated"])
        return track
