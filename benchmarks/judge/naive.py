"""The rule most teams write first: a threshold on what has been seen so far.

Once the candidate has answered 50 requests, it is rolled back as soon as one of its means (or its quantile) is beyond the
margin of stable's: quality below 90 % of stable's, cost above 150 %, errors more than one point in a hundred above, refusals more than two,
p99 above three times. Looked at on every request. Whatever was not rolled back at the end is promoted.
"""

from __future__ import annotations

import numpy as np

from benchmarks.judge.running import Sums, quantiles
from benchmarks.judge.scenario import Decision, Scenario, Stream
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.model.metric import Guardrail

AFTER = 50
"""Candidate requests before the first look."""


def threshold(scenario: Scenario, stream: Stream) -> Decision:
    columns = stream.columns
    if columns is None:
        raise ValueError(f"{scenario.name}: this rule reads live requests")
    ready = np.cumsum(columns.candidate) >= AFTER
    first = len(columns)
    for guardrail in sorted(scenario.guardrails, key=lambda each: each.metric.quantile is not None):
        beyond = np.flatnonzero(ready[:first] & _beyond(guardrail, columns, first))
        first = min(first, int(beyond[0])) if beyond.size else first
    return at(columns, first)


def at(columns: Columns, place: int) -> Decision:
    """Rolled back with the request at `place`; promoted at the end if there is none."""
    if place >= len(columns):
        return Decision(promoted=len(columns))
    return Decision(rolled_back=place + 1, candidates=int(np.count_nonzero(columns.candidate[: place + 1])))


def _beyond(guardrail: Guardrail, columns: Columns, upto: int) -> np.ndarray:
    """Whether the candidate's figure lies beyond the margin, after each of the first `upto` requests."""
    metric, values = guardrail.metric, columns.values[Source.of(guardrail.metric)]
    if metric.quantile is not None:
        stable = quantiles(values, ~columns.candidate, metric.quantile, upto)
        candidate = quantiles(values, columns.candidate, metric.quantile, upto)
        known = ~np.isnan(stable) & ~np.isnan(candidate)
    else:
        on_stable, on_candidate = (Sums.of(values, own) for own in (~columns.candidate, columns.candidate))
        stable, candidate = on_stable.mean[:upto], on_candidate.mean[:upto]
        known = (on_stable.n[:upto] > 0) & (on_candidate.n[:upto] > 0)
    sign = -1.0 if metric.higher_is_better else 1.0
    allowed = stable * (1.0 + sign * guardrail.margin.relative) + sign * guardrail.margin.absolute
    return known & (sign * (candidate - allowed) > 0.0)
