"""A Plan: what to expect of a rollout, from many simulated ones: of an equal candidate, and of each kind of worse one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verdigris.core.model.metric import Guardrail, Metric
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Strategy, WeightStep
from verdigris.planning.behaviour import is_reported
from verdigris.planning.sight import pairs_to_find, pairs_to_prove, requests_to_find, traffic_worse
from verdigris.planning.simulate import Ending, Run, Setting, simulate
from verdigris.planning.traffic import Traffic, baseline

MULTIPLES = (1.0, 0.5)
"""The harms that are tried, as parts of the margin."""

LEAST_RUNS = 3
"""Rounds that are always made, however long they take."""

_EQUAL_A_ROUND = 2  # rollouts of an equal candidate: their spread is shown
_MOST_REQUESTS = 30_000  # of one simulated rollout in its holds and bake; beyond it, one stands for several
_SEARCHED, _MOST_SEARCHED = (
    20_000,
    60_000,
)  # requests in which one step's harm is looked for, or a step's own in between
_PAST = 2_000  # requests of stable before the rollout
_SEEDS = {"past": 0, "equal": 1, "harm": 2, "sight": 3, "pairs": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The median of many values with their 10th and 90th percentile; infinite where so many never came to an end."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None without values."""
        if not values:
            return None
        ranked = sorted(values)

        def at(part: float) -> float:
            return ranked[min(len(ranked) - 1, math.floor(part * len(ranked)))]

        return cls(low=at(0.1), median=at(0.5), high=at(0.9))


@dataclass(frozen=True, kw_only=True, slots=True)
class Harm:
    """A candidate that is worse in one metric only, by its margin times `multiple`."""

    guardrail: Guardrail
    multiple: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """Whole rollouts of one candidate; `harm` is None for an equal one."""

    harm: Harm | None
    runs: tuple[Run, ...]

    def ended(self, ending: Ending) -> list[Run]:
        return [run for run in self.runs if run.ending is ending]

    @property
    def found(self) -> list[Run]:
        """Rolled back because harm was proven."""
        return [run for run in self.runs if run.failed]

    @property
    def promoted(self) -> list[Run]:
        return self.ended(Ending.PROMOTED)

    @property
    def undecided(self) -> list[Run]:
        """Neither proven harmful nor promoted."""
        return [run for run in self.runs if not run.failed and run.ending is not Ending.PROMOTED]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Requests of both sides until a harm is found at one weight, one entry a run; infinite where it never is."""

    harm: Harm
    requests: tuple[float, ...]

    def found_within(self, requests: float) -> int:
        return sum(each <= requests for each in self.requests)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSight:
    """One weight step by itself: it lasts `seconds` at least, in which `requests` of both sides come.

    `tried` is the number of requests after which a harm not yet found was given up.
    """

    number: int
    weight: float
    seconds: float
    requests: float
    tried: int
    seen: tuple[Seen, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsNeeded:
    """Shadow pairs, one entry a run: until a harm is found, or for `harm` None until an equal one is proven safe."""

    guardrail: Guardrail
    harm: Harm | None
    pairs: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`rate` is in requests a second, as asked; `asked` is how many rounds were asked for and `rounds` how many made."""

    setting: Setting
    rate: float
    seed: int
    asked: int
    rounds: int
    equal: Tried
    harms: tuple[Tried, ...]
    steps: tuple[StepSight, ...]
    pairs: tuple[PairsNeeded, ...]
    unreported: tuple[Metric, ...]


def prepared(
    strategy: Strategy, guardrails: Sequence[Guardrail], traffic: Traffic, *, lag: float, seed: int
) -> Setting:
    """What is simulated, thinned where there is more traffic than can be tried in seconds. Nobody samples it, so defects are left out."""
    holds = sum(step.hold for step in strategy.steps if isinstance(step, WeightStep)) + strategy.bake
    thinning = max(1.0, traffic.rate * holds / _MOST_REQUESTS)
    return Setting(
        strategy=strategy,
        guardrails=tuple(each for each in guardrails if each.metric is not Metric.DEFECT_RATE),
        traffic=replace(traffic, rate=traffic.rate / thinning),
        baseline=baseline(np.random.default_rng([seed, _SEEDS["past"]]), replace(traffic, users=None), n=_PAST),
        lag=lag,
        thinning=thinning,
    )


def make_plan(
    setting: Setting,
    *,
    rounds: int,
    seed: int,
    enough: Callable[[int], bool] = lambda done: done < 0,
) -> Plan:
    """Up to `rounds` rounds, each of every rollout once; fewer once `enough`, told how many are done, says so.

    Round 3 is the same however many there are, so fewer rounds give the same plan with less precision.
    """
    judged = [each for each in setting.guardrails if is_reported(setting.traffic.stable, each.metric)]
    harms = [
        Harm(guardrail=guardrail, multiple=multiple)
        for guardrail in judged
        for multiple in MULTIPLES
        if traffic_worse(setting.traffic, guardrail, multiple) != setting.traffic
    ]
    bench = _Bench(setting=setting, seed=seed, harms=harms)
    done = 0
    while done < rounds and not (enough(done) and done >= LEAST_RUNS):
        bench.round(done)
        done += 1
    return Plan(
        setting=setting,
        rate=setting.traffic.rate * setting.thinning,
        seed=seed,
        asked=rounds,
        rounds=done,
        equal=Tried(harm=None, runs=tuple(bench.equal)),
        harms=tuple(
            Tried(harm=harm, runs=tuple(runs)) for harm, runs in zip(harms, zip(*bench.worse, strict=True), strict=True)
        ),
        steps=tuple(bench.sights()),
        pairs=tuple(bench.pairs()),
        unreported=tuple(each.metric for each in setting.guardrails if each not in judged),
    )


class _Bench:
    """Where rounds are made and their results gathered."""

    def __init__(self, *, setting: Setting, seed: int, harms: Sequence[Harm]) -> None:
        self.setting = setting
        self.seed = seed
        self.harms = harms
        self.equal: list[Run] = []
        self.worse: list[list[Run]] = []
        self._steps = [
            (number, step)
            for number, step in enumerate(setting.strategy.steps, 1)
            if isinstance(step, WeightStep) and step.weight < FULL
        ]
        # Sight is asked in requests, so nothing is thinned there but time, which is that of the real rate.
        self._whole = replace(setting, traffic=replace(setting.traffic, rate=setting.traffic.rate * setting.thinning))
        self._seen: list[dict[tuple[int, float], list[float]]] = []
        self._paired: list[dict[float, list[float]]] = []

    def _rng(self, what: str, *which: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _SEEDS[what], *which])

    def round(self, number: int) -> None:
        first = _EQUAL_A_ROUND * number
        self.equal += [simulate(self.setting, self._rng("equal", first + each)) for each in range(_EQUAL_A_ROUND)]
        self.worse.append(
            [simulate(self._with(harm), self._rng("harm", place, number)) for place, harm in enumerate(self.harms)]
        )
        self._seen.append(
            {
                (at, multiple): requests_to_find(
                    self._whole,
                    share=step.weight / FULL,
                    multiple=multiple,
                    most=self._most(step),
                    rng=self._rng("sight", at, part, number),
                )
                for at, step in self._steps
                for part, multiple in enumerate(MULTIPLES)
            }
        )
        found = {
            multiple: pairs_to_find(self._whole, multiple=multiple, rng=self._rng("pairs", part, number))
            for part, multiple in enumerate(MULTIPLES, 1)
        }
        self._paired.append({**found, 0.0: pairs_to_prove(self._whole, rng=self._rng("pairs", 0, number))})

    def _with(self, harm: Harm) -> Setting:
        traffic = traffic_worse(self.setting.traffic, harm.guardrail, harm.multiple)
        return replace(self.setting, traffic=traffic)

    def _most(self, step: WeightStep) -> int:
        rate = self._whole.traffic.rate
        return min(max(_SEARCHED, round(shortest(step, rate) * rate)), _MOST_SEARCHED)

    def _place(self, guardrail: Guardrail) -> int:
        return self.setting.guardrails.index(guardrail)

    def sights(self) -> list[StepSight]:
        rate = self._whole.traffic.rate
        return [
            StepSight(
                number=number,
                weight=step.weight,
                seconds=(seconds := shortest(step, rate)),
                requests=seconds * rate,
                tried=self._most(step),
                seen=tuple(
                    Seen(
                        harm=harm,
                        requests=tuple(each[number, harm.multiple][self._place(harm.guardrail)] for each in self._seen),
                    )
                    for harm in self.harms
                ),
            )
            for number, step in self._steps
        ]

    def pairs(self) -> list[PairsNeeded]:
        asked: list[tuple[Guardrail, Harm | None]] = [(harm.guardrail, harm) for harm in self.harms]
        asked += [(guardrail, None) for guardrail in dict.fromkeys(harm.guardrail for harm in self.harms)]
        return [
            PairsNeeded(
                guardrail=guardrail,
                harm=harm,
                pairs=tuple(each[harm.multiple if harm else 0.0][self._place(guardrail)] for each in self._paired),
            )
            for guardrail, harm in asked
        ]


def shortest(step: WeightStep, rate: float) -> float:
    """The seconds a step lasts at least: its hold, and until both sides answered its minimum of requests."""
    part = min(step.weight, FULL - step.weight) / FULL
    return max(step.hold, step.min_samples / (part * rate) if part > 0 else 0.0)
