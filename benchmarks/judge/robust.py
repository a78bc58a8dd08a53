"""Values that are not as textbooks have them: each time a candidate that is no worse, and one that is.

5,000 requests and the five default guardrails, half of the traffic on the candidate, where nothing else is said.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.judge import promised, traffic
from benchmarks.judge.scenario import Scenario, Stream
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.stats.arrays import Floats
from verdigris.planning.traffic import Requests

_Generator = np.random.Generator
Change = Callable[[_Generator, Requests, bool], Requests]
"""Gives requests their values; the flag says whether the candidate is worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Robust:
    """One kind of values. `harm` says in words how the candidate of `worse` is worse."""

    healthy: Scenario
    worse: Scenario
    harm: str


def _stream(rng: _Generator, *, change: Change, worse: bool, strata: bool) -> Stream:
    """Half of the requests each; stable's past has the same kind of values."""
    rows, past = change(rng, traffic.requests(rng), worse), change(rng, traffic.history(rng), False)
    return traffic.stream(rows, past, strata=strata)


def _kind(
    name: str,
    harm: str,
    change: Change,
    *,
    guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS,
    strata: bool = False,
) -> Robust:
    make = functools.partial(_stream, change=change, strata=strata)
    scenario = Scenario(name=name, make=functools.partial(make, worse=False), guardrails=guardrails, stratified=strata)
    return _both(scenario, functools.partial(make, worse=True), harm)


def _both(healthy: Scenario, worse: Callable[[_Generator], Stream], harm: str) -> Robust:
    healthy = replace(healthy, runs=200, batch=100)
    harmful = replace(healthy, name=f"{healthy.name}; {harm}", make=worse, runs=60, harmful=True)
    return Robust(healthy=healthy, worse=harmful, harm=harm)


def _lower(rows: Requests, part: float, *, worse: bool) -> Floats:
    """Every request's quality, lower by that part on the candidate's side if it is worse."""
    return rows.quality * (1.0 - part * (rows.candidate & worse))


# ------------------------------------------------------------------ quality


def _ordinal(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001 -- the shape of a Change
    levels, n = np.array([0.0, 0.25, 0.5, 0.75, 1.0]), len(rows)
    usual = rng.choice(levels, size=n, p=[0.05, 0.10, 0.15, 0.30, 0.40])
    lower = rng.choice(levels, size=n, p=[0.08, 0.14, 0.20, 0.30, 0.28])
    return replace(rows, quality=np.where(rows.candidate & worse, lower, usual))


def _ceiling(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    low = rng.random(len(rows)) < np.where(rows.candidate & worse, 0.20, 0.05)
    return replace(rows, quality=np.where(low, rng.uniform(0.0, 0.6, len(rows)), 1.0))


def _missing(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    gone = rng.random(len(rows)) < 0.4
    return replace(rows, quality=np.where(gone, np.nan, _lower(rows, 0.12, worse=worse)))


def _no_longer_reported(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    gone = rng.random(len(rows)) < np.where(rows.candidate & worse, 0.5, 0.2)
    return replace(rows, quality=np.where(gone, np.nan, rows.quality))


def _simpson(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    """Hard requests are 30 % of stable's and 50 % of the candidate's; they score lower and cost more."""
    rows = traffic.of_kinds(rows, (rng.random(len(rows)) < np.where(rows.candidate, 0.5, 0.3)).astype(np.int64))
    rows = replace(
        rows, quality=np.clip(rows.quality - 0.3 * rows.kind, 0.0, 1.0), cost=rows.cost * (1 + 2 * rows.kind)
    )
    return replace(rows, quality=_lower(rows, 0.12, worse=worse))


# ------------------------------------------------------------------ cost and latency


def _pareto(rng: _Generator, rows: Requests, worse: bool, *, alpha: float) -> Requests:  # noqa: FBT001
    cost = 0.002 * (1.0 + rng.pareto(alpha, len(rows)))
    return replace(rows, cost=cost * (1.0 + (rows.candidate & worse)))


def _bimodal(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    slow = rng.random(len(rows)) < np.where(rows.candidate & worse, 0.6, 0.3)
    return traffic.lasting(rows, np.where(slow, 2.0, 0.05) * np.exp(0.2 * rng.normal(size=len(rows))))


def _stalls(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    """Every 20 s or so all wait together: what begins within 2 s is held up for half a second to three seconds."""
    duration, end = rows.at - rows.began, float(rows.began.max())
    for start in rng.uniform(0.0, end, rng.poisson(end / 20.0)).tolist():
        duration = duration + ((rows.began >= start) & (rows.began < start + 2.0)) * rng.uniform(0.5, 3.0)
    return traffic.lasting(rows, duration * np.where(rows.candidate & worse, 4.0, 1.0))


def _own_stalls(rng: _Generator, rows: Requests, worse: bool) -> Requests:  # noqa: FBT001
    """The same, but each side has its own stalls, equally many: for seconds on end one side is slow and the other is not."""
    duration, end = rows.at - rows.began, float(rows.began.max())
    for side in (True, False):
        for start in rng.uniform(0.0, end, rng.poisson(end / 20.0)).tolist():
            hit = (rows.candidate == side) & (rows.began >= start) & (rows.began < start + 2.0)
            duration = duration + hit * rng.uniform(0.5, 3.0)
    return traffic.lasting(rows, duration * np.where(rows.candidate & worse, 4.0, 1.0))


# ------------------------------------------------------------------ time


def _waves(rng: _Generator, *, worse: bool) -> Stream:
    """Quality, latency and errors go up and down three times on both sides; the share goes 5, 25, 50 %."""
    rows, shares = traffic.ramp(rng)
    wave = np.sin(6.0 * np.pi * rows.began / rows.began.max())
    rows = replace(
        rows,
        quality=np.clip(rows.quality - 0.1 + 0.1 * wave, 0.0, 1.0),
        status=np.where(rng.random(len(rows)) < 0.02 + 0.015 * wave, 503.0, 200.0),
    )
    rows = replace(rows, quality=_lower(rows, 0.12, worse=worse))
    rows = traffic.lasting(rows, (rows.at - rows.began) * np.exp(0.5 * wave))
    return traffic.stream(rows, traffic.history(rng), shares=shares)


SLOW_RATE = 20.0
"""Requests per second where they last long: 5,000 of them take about four minutes."""


def _long_requests(rng: _Generator, *, worse: bool) -> Stream:
    """Answers take 10 s in the median and up to minutes, and the longer ones are the better ones; 5, 25, 50 %.

    After each rise of the share, the candidate's first answers to end are its short ones.
    """
    rows, shares = traffic.ramp(rng, rate=SLOW_RATE)
    rows, past = (_longer(rng, some) for some in (rows, traffic.history(rng)))
    return traffic.stream(replace(rows, quality=_lower(rows, 0.12, worse=worse)), past, shares=shares)


def _longer(rng: _Generator, rows: Requests) -> Requests:
    length = rng.normal(size=len(rows))
    quality = np.clip(0.7 + 0.1 * length + 0.05 * rng.normal(size=length.size), 0.0, 1.0)
    return traffic.lasting(replace(rows, quality=quality), 10.0 * np.exp(0.8 * length))


_UNHURRIED = tuple(
    replace(guardrail, limit=None) if guardrail.metric is Metric.LATENCY_P99 else guardrail
    for guardrail in DEFAULT_GUARDRAILS
)
_THREE_QUANTILES = (
    *DEFAULT_GUARDRAILS,
    Guardrail(metric=Metric.LATENCY_P50, margin=Margin(relative=1.0)),
    Guardrail(metric=Metric.LATENCY_P95, margin=Margin(relative=1.0)),
)

KINDS = (
    _kind("scores of five levels", "quality -14 %", _ordinal),
    _kind("scores at the ceiling: 95 % are 1.0", "20 % in place of 5 % are low", _ceiling),
    _kind("four scores in ten missing at random", "quality -12 %", _missing),
    _kind("two scores in ten missing", "five in ten missing", _no_longer_reported),
    _kind("costs of a Pareto law, alpha 1.5", "cost doubled", functools.partial(_pareto, alpha=1.5)),
    _kind("costs of a Pareto law, alpha 1.1", "cost doubled", functools.partial(_pareto, alpha=1.1)),
    _kind("latency with two modes", "60 % slow in place of 30 %", _bimodal, guardrails=_THREE_QUANTILES),
    _kind("stalls that both sides share", "four times as slow", _stalls, guardrails=_UNHURRIED),
    _kind("stalls of each side alone", "four times as slow", _own_stalls, guardrails=_UNHURRIED),
    _kind("another mix of strata on each side", "quality -12 % in each", _simpson, strata=True),
    _both(
        Scenario(name="heavy users, pinned", make=promised.sticky, sticky=True),
        functools.partial(promised.sticky, drop=0.12),
        "quality 0.12 lower",
    ),
    _both(
        Scenario(name="waves during a ramp", make=functools.partial(_waves, worse=False)),
        functools.partial(_waves, worse=True),
        "quality -12 %",
    ),
    _both(
        Scenario(name="drift during a ramp", make=promised.drifting),
        functools.partial(promised.drifting, drop=0.1),
        "quality 0.1 lower",
    ),
    _both(
        Scenario(
            name="long requests during a ramp",
            make=functools.partial(_long_requests, worse=False),
            guardrails=_UNHURRIED,
        ),
        functools.partial(_long_requests, worse=True),
        "quality -12 %",
    ),
)
