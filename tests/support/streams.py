"""Streams of simulated observations for the judge's tests: lognormal latency and cost, normal quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail
from verdigris.core.model.observation import Observation

RATE = 400.0  # requests per second


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """What one environment does. Latency is the median in seconds, cost the median in USD."""

    quality: float = 0.85
    errors: float = 0.003
    refusals: float = 0.01
    latency: float = 0.15
    cost: float = 0.01


HEALTHY = Behaviour()


def observations(
    rng: np.random.Generator,
    n: int,
    *,
    share: float = 0.5,
    start: float = 0.0,
    stable: Behaviour = HEALTHY,
    candidate: Behaviour = HEALTHY,
) -> list[Observation]:
    """`n` requests, each drawn for `green` with probability `share`, else served by `blue`."""
    green = rng.random(n) < share
    noise, tail = rng.normal(size=(3, n)), rng.random((2, n))

    def of_side(field: str) -> np.ndarray:
        return np.where(green, getattr(candidate, field), getattr(stable, field))

    columns = (
        green.tolist(),
        (tail[0] < of_side("errors")).tolist(),
        np.clip(of_side("quality") + 0.1 * noise[0], 0.0, 1.0).tolist(),
        (of_side("latency") * np.exp(0.35 * noise[1])).tolist(),
        (of_side("cost") * np.exp(0.6 * noise[2])).tolist(),
        (tail[1] < of_side("refusals")).tolist(),
    )
    return [
        Observation(
            at=start + (i + 1) / RATE,
            environment="green" if to_green else "blue",
            status=503 if failed else 200,
            duration=duration,
            time_to_first_byte=duration / 3,
            cost=None if failed else cost,
            quality=None if failed else quality,
            refusal=None if failed else refusal,
        )
        for i, (to_green, failed, quality, duration, cost, refusal) in enumerate(zip(*columns, strict=True))
    ]


def ledger(
    *,
    guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS,
    sticky: bool = False,
    baseline: Baseline | None = None,
    **more,
) -> Ledger:
    terms = Terms(guardrails=guardrails, stable="blue", candidate="green", sticky=sticky, **more)
    return Ledger.begin(terms, baseline)


def baseline(rng: np.random.Generator, *, n: int = 2_000, stable: Behaviour = HEALTHY) -> Baseline:
    """What `stable` did before the rollout."""
    known = Baseline()
    known.fold(observations(rng, n, share=0.0, stable=stable), stable="blue")
    return known


def feed(
    book: Ledger,
    rng: np.random.Generator,
    n: int,
    *,
    batch: int,
    until: Callable[[Ledger], bool] = lambda book: book.failure is not None,
    share: float = 0.5,
    stable: Behaviour = HEALTHY,
    candidate: Behaviour = HEALTHY,
) -> int:
    """Folds up to `n` requests in batches, looking after each; returns how many were folded when `until` held."""
    for done in range(0, n, batch):
        start = done / RATE
        book.fold(observations(rng, batch, share=share, start=start, stable=stable, candidate=candidate))
        if until(book):
            return done + batch
    return n


def of_users(rows: list[Observation], rng: np.random.Generator, users: int) -> list[Observation]:
    """The same requests, sent by a few users of whom some send very many; each user has its own luck with quality.

    A user is pinned to one side. Both sides are alike.
    """
    weight = rng.pareto(1.0, users) + 0.05
    owner = rng.choice(users, size=len(rows), p=weight / weight.sum())
    luck, side = rng.normal(0.0, 0.15, users), rng.random(users) < 0.5
    return [
        replace(
            row,
            unit=int(user) + 1,
            environment="green" if side[user] else "blue",
            quality=None if row.quality is None else float(np.clip(row.quality - 0.15 + luck[user], 0.0, 1.0)),
        )
        for row, user in zip(rows, owner.tolist(), strict=True)
    ]
