"""The rule of a dashboard with p-values: a classical test, repeated at every look.

For each metric the two means are compared by a z-test, with the pooled proportion for rates and Welch's error for the
others; latency by its mean. The candidate is rolled back as soon as one two-sided p is below .05 with the candidate on the
worse side. Both roles need 50 requests first. Whatever was not rolled back at the end is promoted.
"""

from __future__ import annotations

import functools

import numpy as np

from benchmarks.judge.naive import at
from benchmarks.judge.running import Sums
from benchmarks.judge.scenario import Decision, Rule, Scenario, Stream
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.model.metric import Metric
from verdigris.core.stats.arrays import Floats

AFTER = 50
CRITICAL = 1.959964
"""The normal distribution's 97.5 % point: p < .05 on two sides."""


def looked_at_every(requests: int) -> Rule:
    """The rule, looked at once in so many requests."""
    return functools.partial(_decide, requests)


def _decide(every: int, scenario: Scenario, stream: Stream) -> Decision:
    columns = stream.columns
    if columns is None:
        raise ValueError(f"{scenario.name}: this rule reads live requests")
    looks = np.arange(every - 1, len(columns), every)
    alarmed = np.zeros(looks.size, dtype=np.bool_)
    for metric in dict.fromkeys(guardrail.metric for guardrail in scenario.guardrails):
        alarmed |= _score(metric, columns, looks) > CRITICAL
    found = np.flatnonzero(alarmed)
    return at(columns, int(looks[found[0]]) if found.size else len(columns))


def _score(metric: Metric, columns: Columns, looks: np.ndarray) -> Floats:
    """How many standard errors the candidate is worse by, at each look; 0 where nothing can be said."""
    values = columns.values[Source.of(metric)]
    candidate, stable = (_at(Sums.of(values, own), looks) for own in (columns.candidate, ~columns.candidate))
    if metric.is_rate:
        pooled = (candidate.total + stable.total) / np.maximum(candidate.n + stable.n, 1.0)
        spread = pooled * (1.0 - pooled)
        error = np.sqrt(spread / np.maximum(candidate.n, 1.0) + spread / np.maximum(stable.n, 1.0))
    else:
        error = np.sqrt(candidate.variance / np.maximum(candidate.n, 1.0) + stable.variance / np.maximum(stable.n, 1.0))
    worse = (candidate.mean - stable.mean) * (-1.0 if metric.higher_is_better else 1.0)
    sound = (error > 0.0) & (candidate.n >= AFTER) & (stable.n >= AFTER)
    return np.where(sound, worse / np.where(sound, error, 1.0), 0.0)


def _at(sums: Sums, looks: np.ndarray) -> Sums:
    return Sums(n=sums.n[looks], total=sums.total[looks], squares=sums.squares[looks])
