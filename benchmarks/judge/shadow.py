"""Shadow pairs: the same input answered by both sides, judged pair by pair."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from benchmarks.judge import traffic
from benchmarks.judge.scenario import Scenario, Stream
from benchmarks.judge.traffic import HEALTHY
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.planning.traffic import Traffic
from verdigris.planning.traffic import pairs as answered

PAIRS = 600
SPREAD, TOGETHER = 0.15, 0.5
"""Standard deviation of a score, and the correlation of two answers to one input."""

PAIRED = 0.25 / (0.30 * 0.90)
"""The part of quality's evidence that rests on pairs. Quality weighs .30, a tenth of which watches for missing scores:
pairs then weigh .25 in the verdict."""

NARROW = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.05))
FAMILY = tuple(NARROW if each.metric is Metric.QUALITY else each for each in DEFAULT_GUARDRAILS)
"""The default guardrails with a margin of 5 % for quality."""


def pairs(rng: np.random.Generator, *, drop: float = 0.0) -> Stream:
    """Quality is .80 on stable's side and lower by the part `drop` on the candidate's; all else is equal."""
    stable = replace(HEALTHY, quality=0.80, quality_spread=SPREAD)
    both = Traffic(rate=1.0, stable=stable, candidate=replace(stable, quality=0.80 * (1.0 - drop)))
    drawn = answered(rng, PAIRS, both, together=TOGETHER)
    return Stream(columns=None, past=traffic.history(rng, stable).columns(), pairs=tuple(drawn))


def _scenario(
    name: str, drop: float, *, guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS, paired: float = PAIRED
) -> Scenario:
    make = functools.partial(pairs, drop=drop)
    return Scenario(name=name, make=make, guardrails=guardrails, paired=paired, runs=200, harmful=drop > 0.0)


DOWN_5 = _scenario("quality -5 % by pairs, margin 5 %", 0.05, guardrails=FAMILY)
DOWN_10 = _scenario("quality -10 % by pairs", 0.10)
NO_DIFFERENCE = _scenario("no difference, by pairs", 0.0, guardrails=FAMILY)
PROMOTED = _scenario("no difference, margin 5 %, by pairs", 0.0, guardrails=(NARROW,))
