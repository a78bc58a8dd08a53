"""The scenarios behind the promises: healthy candidates, candidates exactly at the margin, and harm to be found.

Where nothing else is said a rollout has 5,000 requests, 40 a second, the five default guardrails, half of the traffic on the
candidate, and a baseline from 2,000 earlier requests of stable.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.judge import traffic
from benchmarks.judge.scenario import Scenario, Stream
from benchmarks.judge.traffic import HEALTHY, RATE, REQUESTS
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Metric
from verdigris.planning.behaviour import Behaviour

_Generator = np.random.Generator


def plain(
    rng: _Generator,
    *,
    share: float = 0.5,
    stable: Behaviour = HEALTHY,
    candidate: Behaviour = HEALTHY,
    n: int = REQUESTS,
) -> Stream:
    """One split from beginning to end, and both sides as they are."""
    rows = traffic.requests(rng, n, share=share, stable=stable, candidate=candidate)
    return traffic.stream(rows, traffic.history(rng, stable), shares=((-1.0, share),))


# ------------------------------------------------------------------ nothing is wrong

PIECES = 30


def drifting(rng: _Generator, *, drop: float = 0.0) -> Stream:
    """5, 25, 50 % in turn, while quality falls and latency and errors rise on both sides alike.

    The candidate's quality lies `drop` below stable's all the time.
    """
    ends, parts, shares = np.linspace(0, REQUESTS, PIECES + 1).astype(int).tolist(), [], []
    for number in range(PIECES):
        now = replace(HEALTHY, quality=0.9 - 0.006 * number, latency=0.5 + 0.02 * number, errors=0.001 * number)
        share, start = traffic.RAMP[number * len(traffic.RAMP) // PIECES], ends[number] / RATE
        below = replace(now, quality=0.9 - 0.006 * number - drop)
        n = ends[number + 1] - ends[number]
        parts.append(traffic.requests(rng, n, share=share, stable=now, candidate=below, start=start))
        shares.append((start, share))
    first = replace(HEALTHY, quality=0.9, latency=0.5, errors=0.0)
    return traffic.stream(traffic.joined(parts), traffic.history(rng, first), shares=shares)


USERS = 1_200


def sticky(rng: _Generator, *, drop: float = 0.0) -> Stream:
    """1,200 users with a Pareto number of requests each, pinned to a side; everyone has their own luck with quality.

    `drop` is taken off the candidate's quality.
    """
    rows = traffic.requests(rng)
    often = rng.pareto(1.0, USERS) + 0.05
    owner = rng.choice(USERS, size=len(rows), p=often / often.sum())
    luck, pinned = rng.normal(0.0, 0.15, USERS), rng.random(USERS) < 0.5
    side = pinned[owner]
    quality = np.clip(rows.quality - 0.15 + luck[owner] - drop * side, 0.0, 1.0)
    return traffic.stream(replace(rows, unit=owner, candidate=side, quality=quality), traffic.history(rng), units=True)


KINDS = 8


def starved(rng: _Generator) -> Stream:
    """Eight kinds of requests, each half as frequent as the one before and with a quality of its own; 10 % candidate."""
    rows = traffic.requests(rng, share=0.1)
    sizes = 0.5 ** np.arange(KINDS)
    rows = traffic.of_kinds(rows, rng.choice(KINDS, size=len(rows), p=sizes / sizes.sum()))
    rows = replace(rows, quality=np.clip(rows.quality - 0.06 * rows.kind, 0.0, 1.0))
    return traffic.stream(rows, traffic.history(rng), shares=((-1.0, 0.1),), strata=True)


NO_DIFFERENCE = Scenario(name="no difference, 50/50", make=plain, runs=600, batch=50)
ONE_BY_ONE = Scenario(name="no difference, 50/50, taken in one by one", make=plain, runs=250, batch=1)
HEALTHY_ONES = (
    NO_DIFFERENCE,
    Scenario(name="no difference, 10 % candidate", make=functools.partial(plain, share=0.1), runs=600, batch=50),
    ONE_BY_ONE,
    Scenario(
        name="no difference, 50/50, over 50,000 requests",
        make=functools.partial(plain, n=50_000),
        runs=150,
        batch=200,
    ),
    Scenario(name="ramp 5, 25, 50 %, both drift", make=drifting, runs=400, batch=50),
    Scenario(name="sticky users, some very heavy", make=sticky, runs=300, batch=50, sticky=True),
    Scenario(name="starved strata, 10 % candidate", make=starved, runs=300, batch=50, stratified=True),
)

# ------------------------------------------------------------------ exactly at the margin, and hidden


def _alone(guardrail: Guardrail) -> Guardrail:
    """Tolerated up to its margin and without a limit, so that harm found first does not hide a promotion."""
    return replace(guardrail, tolerance=guardrail.margin, limit=None)


def at_the_margin(rng: _Generator, guardrail: Guardrail) -> Stream:
    """The candidate is worse by the margin in this metric, exactly, and equal in all else."""
    rows, margin = traffic.requests(rng), guardrail.margin
    factor = np.where(rows.candidate, 1.0 + margin.relative, 1.0)
    more, lot = margin.absolute * rows.candidate, rng.random(len(rows))
    match guardrail.metric:
        case Metric.QUALITY:
            rows = replace(rows, quality=rows.quality * np.where(rows.candidate, 1.0 - margin.relative, 1.0))
        case Metric.COST:
            rows = replace(rows, cost=factor * rows.cost)
        case Metric.ERROR_RATE:
            rows = replace(rows, status=np.where(lot < HEALTHY.errors + more, 503.0, 200.0))
        case Metric.REFUSAL_RATE:
            rows = replace(rows, refusal=(lot < (HEALTHY.refusals or 0.0) + more).astype(np.float64))
        case _:
            rows = traffic.lasting(rows, factor * (rows.at - rows.began))
    return traffic.stream(rows, traffic.history(rng))


AT_THE_MARGIN = tuple(
    Scenario(
        name=f"exactly at the margin: {guardrail.metric}",
        make=functools.partial(at_the_margin, guardrail=guardrail),
        guardrails=(_alone(guardrail),),
        runs=800 if guardrail.metric.quantile else 300,
        batch=50,
        harmful=True,
    )
    for guardrail in DEFAULT_GUARDRAILS
)


def hidden(rng: _Generator) -> Stream:
    """A fifth of the requests are of a kind in which quality is 30 % lower; the others gain what it loses."""
    rows = traffic.requests(rng, stable=replace(HEALTHY, quality=0.80))
    rows = traffic.of_kinds(rows, (rng.random(len(rows)) < 0.2).astype(np.int64))
    factor = np.where(rows.candidate, np.where(rows.kind == 1, 0.70, 1.075), 1.0)
    rows = replace(rows, quality=np.clip(factor * rows.quality, 0.0, 1.0))
    return traffic.stream(rows, traffic.history(rng), strata=True)


HIDDEN = Scenario(name="harm hidden in a stratum", make=hidden, stratified=True, runs=200, batch=50, harmful=True)

# ------------------------------------------------------------------ harm


def _harm(name: str, *, share: float = 0.5, stable: Behaviour = HEALTHY, candidate: Behaviour) -> Scenario:
    make = functools.partial(plain, share=share, stable=stable, candidate=candidate)
    return Scenario(name=name, make=make, harmful=True, runs=200)


def _with(**changed: float) -> Behaviour:
    return replace(HEALTHY, **changed)


QUALITY_DOWN = _harm("quality -10 %, 50/50", stable=_with(quality=0.80), candidate=_with(quality=0.72))
QUALITY_FAR_DOWN = _harm(
    "quality -20 %, 10 % candidate", share=0.1, stable=_with(quality=0.80), candidate=_with(quality=0.64)
)
ERRORS_UP = _harm(
    "errors 1 to 10 %, 10 % candidate", share=0.1, stable=_with(errors=0.01), candidate=_with(errors=0.10)
)
REFUSALS_UP = _harm("refusals 2 to 6 %, 50/50", stable=_with(refusals=0.02), candidate=_with(refusals=0.06))
COST_UP = _harm("cost +50 %, 50/50", candidate=_with(cost=0.015))
HARMFUL_ONES = (QUALITY_DOWN, QUALITY_FAR_DOWN, ERRORS_UP, REFUSALS_UP, COST_UP)


def _all_fail() -> Iterator[Scenario]:
    for percent in (10, 5, 1):
        yield Scenario(
            name=f"every candidate request fails, {percent} % candidate",
            make=functools.partial(plain, share=percent / 100, candidate=_with(errors=1.0), n=2_000),
            runs=100,
            batch=1,
            harmful=True,
        )


ALL_FAIL = tuple(_all_fail())
