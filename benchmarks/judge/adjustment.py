"""What the regression adjustment saves, where the length of the prompt explains half of the scores' variance."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.judge import traffic
from benchmarks.judge.counted import amount, spread
from benchmarks.judge.rules import OURS
from benchmarks.judge.scenario import Decided, Scenario, Stream
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric

SPREAD = 0.20
"""The scores' standard deviation; half of the variance comes from the prompt's length, half from chance."""


def prompts(rng: np.random.Generator, *, drop: float) -> Stream:
    """Prompts of some hundred bytes to 20 kB; the score falls with the logarithm of the length.

    The candidate's scores are lower by the part `drop`.
    """
    rows = traffic.requests(rng)
    length = rng.normal(size=len(rows))
    part = SPREAD * math.sqrt(0.5)
    score = 0.65 - part * length + part * rng.normal(size=len(rows))
    rows = replace(rows, quality=np.clip(score * (1.0 - drop * rows.candidate), 0.0, 1.0))
    drawn = traffic.stream(rows, traffic.history(rng))
    if drawn.columns is None:
        raise ValueError("a stream of requests has columns")
    size = np.round(2_000.0 * np.exp(0.7 * length))
    return replace(drawn, columns=replace(drawn.columns, covariates={Covariate.REQUEST_BYTES: size}))


def _quality(margin: float) -> tuple[Guardrail, ...]:
    return (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=margin)),)


def _scenario(name: str, drop: float, guardrails: tuple[Guardrail, ...], *, adjusted: bool) -> Scenario:
    how = "adjusted" if adjusted else "as they are"
    if adjusted:
        guardrails = tuple(
            replace(each, adjust=Covariate.REQUEST_BYTES) if each.metric is Metric.QUALITY else each
            for each in guardrails
        )
    make = functools.partial(prompts, drop=drop)
    return Scenario(name=f"{name}, {how}", make=make, guardrails=guardrails, runs=120)


WHAT = {
    "no change, margin 5 %: proven safe": (0.0, _quality(0.05), "promoted"),
    "no change, margin 3 %: proven safe": (0.0, _quality(0.03), "promoted"),
    "quality -5 %, margin 5 %: rolled back": (0.05, _quality(0.05), "rolled_back"),
    "quality -3 %, margin 3 %: rolled back": (0.03, _quality(0.03), "rolled_back"),
}
PAIRS = {
    name: tuple(_scenario(name, drop, guardrails, adjusted=adjusted) for adjusted in (False, True))
    for name, (drop, guardrails, _) in WHAT.items()
}
SCENARIOS = tuple(scenario for both in PAIRS.values() for scenario in both)


def gains(decided: Mapping[str, Decided]) -> list[tuple[str, ...]]:
    """Median requests with and without."""
    lines: list[tuple[str, ...]] = [
        ("what", "scores as they are", "adjusted by prompt length", "requests saved", "runs each")
    ]
    for name, (plain, adjusted) in PAIRS.items():
        if plain.name in decided and adjusted.name in decided:
            lines.append(_gain(name, decided[plain.name], decided[adjusted.name]))
    return lines


def _gain(name: str, plain: Decided, adjusted: Decided) -> tuple[str, ...]:
    moment = WHAT[name][2]
    before, after = (
        spread(found[OURS], lambda decision: getattr(decision, moment)).middle for found in (plain, adjusted)
    )
    saved = "" if before is None or after is None else f"{100 * (1 - after / before):.0f} %"
    return name, amount(before), amount(after), saved, f"{len(plain[OURS]):,}"
