"""Streams of simulated observations for the judge's tests: lognormal latency and cost, normal quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.ledger import Ledger
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
    result = []
    for i in range(n):
        does = candidate if green[i] else stable
        failed = bool(tail[0, i] < does.errors)
        duration = float(does.latency * np.exp(0.35 * noise[1, i]))
        result.append(
            Observation(
                at=start + (i + 1) / RATE,
                environment="green" if green[i] else "blue",
                status=503 if failed else 200,
                duration=duration,
                time_to_first_byte=duration / 3,
                cost=None if failed else float(does.cost * np.exp(0.6 * noise[2, i])),
                quality=None if failed else float(np.clip(does.quality + 0.1 * noise[0, i], 0.0, 1.0)),
                refusal=None if failed else bool(tail[1, i] < does.refusals),
            )
        )
    return result


def ledger(
    *, guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS, sticky: bool = False, baseline: Baseline | None = None
) -> Ledger:
    return Ledger.begin(guardrails=guardrails, stable="blue", candidate="green", sticky=sticky, baseline=baseline)


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
