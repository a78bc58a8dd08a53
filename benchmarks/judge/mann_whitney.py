"""A judge like Kayenta's (Spinnaker's automated canary analysis), with the settings its own documentation starts from.

Three hours of one point a minute for each metric and role: the requests are cut into 180 minutes of equal length, and a
point is the minute's mean, rate or quantile. After each hour all points so far are judged. A metric fails when the 98 %
confidence interval of the Hodges-Lehmann shift, by the Mann-Whitney test, lies on the worse side by more than a quarter of
the estimated shift. The score is the share of metrics that pass, each in a group of its own with the same weight, and 0
when a critical one fails. The candidate is rolled back when the score is below 75 after an hour, or below 95 after the
last; else it is promoted then: earlier hours only abort. Every metric is marked critical, as the documentation recommends for
important ones. Without it one failing metric of five scores 80 and is let through until the last hour.

Sources: spinnaker/kayenta, `NetflixACAJudge.scala` (tolerance .25, confidence level .98, no effect size), `MannWhitney.scala` (asymptotic interval with continuity and tie corrections) and `WeightedSumScorer.scala`;
lifetime, interval and thresholds from "Best practices for configuring canary" (spinnaker.io).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from benchmarks.judge.naive import at
from benchmarks.judge.scenario import Decision, Scenario, Stream
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.model.metric import Guardrail
from verdigris.core.stats.arrays import Floats

MINUTES, HOURS = 180, 3
MARGINAL, PASS = 75.0, 95.0
CRITICAL_FAILURE = 0.0
"""The score where a critical metric fails, whatever the others say; every metric is critical."""

TOLERANCE = 0.25
CRITICAL = 2.326348
"""The normal distribution's 99 % point: a confidence level of 98 % on two sides."""

_STEPS = 40  # halvings of the interval in which a shift is looked for


def kayenta(scenario: Scenario, stream: Stream) -> Decision:
    columns = stream.columns
    if columns is None:
        raise ValueError(f"{scenario.name}: this rule reads live requests")
    ends = np.linspace(0, len(columns), MINUTES + 1).astype(int)
    points = [_points(guardrail, columns, ends) for guardrail in scenario.guardrails]
    for hour in range(1, HOURS + 1):
        upto = hour * MINUTES // HOURS
        passed = [
            not fails(candidate[:upto], stable[:upto], higher_is_better=guardrail.metric.higher_is_better)
            for guardrail, (candidate, stable) in zip(scenario.guardrails, points, strict=True)
        ]
        score = 100.0 if all(passed) else CRITICAL_FAILURE
        if score < (PASS if hour == HOURS else MARGINAL):
            return at(columns, int(ends[upto]) - 1)
    return at(columns, len(columns))


def _points(guardrail: Guardrail, columns: Columns, ends: np.ndarray) -> tuple[Floats, Floats]:
    """The candidate's and stable's point for each minute; NaN where a role had no value."""
    values = columns.values[Source.of(guardrail.metric)]
    sides = []
    for own in (columns.candidate, ~columns.candidate):
        kept = np.where(own, values, np.nan)
        pieces = [kept[start:end] for start, end in itertools.pairwise(ends.tolist())]
        sides.append(np.array([_point(piece[~np.isnan(piece)], guardrail.metric.quantile) for piece in pieces]))
    return sides[0], sides[1]


def _point(values: Floats, quantile: float | None) -> float:
    if not values.size:
        return math.nan
    return float(values.mean() if quantile is None else np.quantile(values, quantile))


def fails(candidate: Floats, stable: Floats, *, higher_is_better: bool) -> bool:
    """Whether the candidate's points are classified as worse than stable's. No data is no failure."""
    x, y = candidate[~np.isnan(candidate)], stable[~np.isnan(stable)]
    if higher_is_better:
        x, y = -x, -y
    if not x.size or not y.size or np.unique(np.concatenate((x, y))).size == 1:
        return False
    if _deviation(x, y, 0.0) <= CRITICAL:
        return False  # the interval reaches down to no shift at all
    return _shift(x, y, CRITICAL) > TOLERANCE * abs(_shift(x, y, 0.0))


def _shift(x: Floats, y: Floats, quantile: float) -> float:
    """The shift of x at which the deviation falls to `quantile`: 0 gives the estimate, CRITICAL the interval's low end."""
    low, high = float(x.min() - y.max()), float(x.max() - y.min())
    if _deviation(x, y, low) <= quantile:
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _deviation(x, y, middle) > quantile else (low, middle)
    return (low + high) / 2.0


def _deviation(x: Floats, y: Floats, shift: float) -> float:
    """The standardised rank sum of x - shift beside y, with corrections for continuity and ties."""
    moved, n, m = np.concatenate((x - shift, y)), x.size, y.size
    _, inverse, ties = np.unique(moved, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2.0)[inverse]
    surplus = float(ranks[:n].sum()) - n * (n + 1) / 2.0 - n * m / 2.0
    tied = float((ties.astype(np.float64) ** 3 - ties).sum())
    variance = n * m / 12.0 * ((n + m + 1) - tied / ((n + m) * (n + m - 1)))
    if variance <= 0.0:
        return 0.0
    return (surplus - math.copysign(0.5, surplus) * (surplus != 0.0)) / math.sqrt(variance)
