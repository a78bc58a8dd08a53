"""Streams of requests as the ledger takes them, from the simulation behind `verdigris plan`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.judge.scenario import Stream
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, present
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.moments import Moments
from verdigris.planning import traffic
from verdigris.planning.behaviour import Behaviour
from verdigris.planning.traffic import Requests, Traffic

RATE = 40.0
"""Requests per second."""

REQUESTS, PAST = 5_000, 2_000
"""Requests of a rollout, and those of stable before it that its baseline knows."""

HEALTHY = Behaviour(errors=0.003, quality_spread=0.20, cost_shape=1.0)
"""Scores of mean .85 that scatter widely, costs whose logarithms have a standard deviation of 1."""
RAMP = (0.05, 0.25, 0.50)
"""The candidate's share in the three parts of a ramp."""


def requests(
    rng: np.random.Generator,
    n: int = REQUESTS,
    *,
    share: float = 0.5,
    stable: Behaviour = HEALTHY,
    candidate: Behaviour | None = None,
    start: float = 0.0,
    rate: float = RATE,
) -> Requests:
    """`n` requests from time `start` on; the candidate behaves like stable unless told otherwise."""
    both = Traffic(rate=rate, stable=stable, candidate=candidate or stable)
    return traffic.requests(rng, n, both, share=share, start=start)


def ramp(rng: np.random.Generator, *, rate: float = RATE) -> tuple[Requests, tuple[tuple[float, float], ...]]:
    """A rollout in three parts of equal length with rising shares, and the moments at which they rise."""
    n = -(-REQUESTS // len(RAMP))
    parts = [requests(rng, n, share=share, start=place * n / rate, rate=rate) for place, share in enumerate(RAMP)]
    return joined(parts), tuple((place * n / rate, share) for place, share in enumerate(RAMP))


def joined(parts: Sequence[Requests]) -> Requests:
    """All of them in the order in which they ended."""
    return functools.reduce(lambda before, later: before + later, parts)


def lasting(rows: Requests, duration: Floats) -> Requests:
    """The same requests, each `duration` seconds long, in the order in which they then end."""
    at = rows.began + duration
    return replace(rows, at=at, first_byte=duration / 3.0).pick(np.argsort(at, kind="stable"))


def of_kinds(rows: Requests, kind: np.ndarray) -> Requests:
    """The same requests, told apart by numbers from 0 on."""
    return replace(rows, kind=kind, kinds=tuple(f"kind {number}" for number in range(int(kind.max()) + 1)))


def stream(
    rows: Requests,
    past: Requests,
    *,
    shares: Sequence[tuple[float, float]] = ((-1.0, 0.5),),
    units: bool = False,
    strata: bool = False,
) -> Stream:
    """The rollout and stable's past as the ledger takes them."""
    return Stream(columns=rows.columns(units=units, strata=strata), past=past.columns(), shares=tuple(shares))


def history(rng: np.random.Generator, stable: Behaviour = HEALTHY) -> Requests:
    """What `stable` did before the rollout."""
    return requests(rng, PAST, share=0.0, stable=stable)


def baseline(past: Columns) -> Baseline:
    """Stable's past as the controller keeps it."""
    known = Baseline()
    for source, sketch in known.sketches.items():
        sketch.add(present(past.values[source]))
    for source in known.moments:
        known.moments[source] = Moments.of(present(past.values[source]))
    return known
