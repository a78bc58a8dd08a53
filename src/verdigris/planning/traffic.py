"""Traffic: simulated requests to both sides of a rollout, drawn as arrays, as observations or as shadow pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Flags, Hashes, Integers, Labels, Source
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.stats.arrays import Floats
from verdigris.planning.behaviour import FIELDS, ORDINARY, Behaviour

STABLE, CANDIDATE = "blue", "green"
"""The environments' names in simulated observations."""

TOGETHER = 0.6
"""How much two answers to one input are alike in quality and cost, as a correlation, unless told otherwise."""

_LUCK = 0.15  # deviation of users' own mean quality
_PARETO = 1.0  # a few users send very many requests


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A stratum: `part` is its share of all requests, relative to the other kinds'."""

    name: str
    part: float
    stable: Behaviour = ORDINARY
    candidate: Behaviour = ORDINARY


@dataclass(frozen=True, kw_only=True, slots=True)
class Crowd:
    """Sticky users, by place: how much each sends, where its hash lies in 0..1, and its own luck with quality."""

    weight: Floats
    hash: Floats
    luck: Floats

    @classmethod
    def of(cls, rng: np.random.Generator, n: int, *, luck: float = _LUCK) -> Crowd:
        """`n` users, of whom a few send very many requests."""
        weight = rng.pareto(_PARETO, n) + 0.05
        return cls(weight=weight / weight.sum(), hash=rng.random(n), luck=rng.normal(0.0, luck, n))


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Everything about what comes in but its split. `rate` is in requests a second.

    With `kinds`, `stable` and `candidate` are not looked at. With `users` each stays on its side. `drift` is what the
    quality of both sides gains in an hour, counted from moment 0. A request that hangs ends after `timeout` seconds.
    """

    rate: float = 400.0
    stable: Behaviour = ORDINARY
    candidate: Behaviour = ORDINARY
    kinds: tuple[Kind, ...] = ()
    users: Crowd | None = None
    drift: float = 0.0
    timeout: float = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Finished requests in the order in which they ended, one entry each; NaN where there is no value.

    `kind` holds places in `kinds`; `unit` is None where requests are drawn by lot.
    """

    at: Floats
    began: Floats
    candidate: Flags
    status: Floats
    quality: Floats
    cost: Floats
    refusal: Floats
    first_byte: Floats
    kind: Integers
    kinds: tuple[str, ...] = ("",)
    unit: Integers | None = None

    def __len__(self) -> int:
        return int(self.at.size)

    def pick(self, places: slice | npt.NDArray[np.int64]) -> Requests:
        return Requests(
            **{name: getattr(self, name)[places] for name in _ARRAYS},
            kinds=self.kinds,
            unit=None if self.unit is None else self.unit[places],
        )

    def __add__(self, later: Requests) -> Requests:
        """Both in the order in which they ended."""
        unit = None
        if self.unit is not None and later.unit is not None:
            unit = np.concatenate((self.unit, later.unit))
        both = Requests(
            **{name: np.concatenate((getattr(self, name), getattr(later, name))) for name in _ARRAYS},
            kinds=later.kinds,
            unit=unit,
        )
        return both.pick(np.argsort(both.at, kind="stable"))

    def split_at(self, moment: float) -> tuple[Requests, Requests]:
        """What ended by `moment`, and the rest."""
        place = int(np.searchsorted(self.at, moment, side="right"))
        return self.pick(slice(None, place)), self.pick(slice(place, None))

    def columns(self, *, units: bool = False, strata: bool = False) -> Columns:
        """The same as `Columns.of` of the same observations."""
        failed = self.status >= 500
        nothing = np.full(len(self), np.nan)
        hashes: Hashes | None = None
        if units:
            hashes = np.zeros(len(self), dtype=np.uint64) if self.unit is None else (self.unit + 1).astype(np.uint64)
        none = Labels(codes=np.zeros(len(self), dtype=np.int64), names=("",))
        return Columns(
            at=self.at,
            began=self.began,
            candidate=self.candidate,
            failed=failed,
            values={
                Source.ERRORS: failed.astype(np.float64),
                Source.LATENCY: np.where(failed, np.nan, self.at - self.began),
                Source.QUALITY: np.where(failed, np.nan, self.quality),
                Source.COST: np.where(failed, np.nan, self.cost),
                Source.REFUSALS: np.where(failed, np.nan, self.refusal),
                Source.TTFB: np.where(failed, np.nan, self.first_byte),
                Source.LENGTH: nothing,
            },
            invalid={},
            finishes=none,
            models=none,
            strata=Labels(codes=self.kind, names=self.kinds) if strata else None,
            units=hashes,
            drawn=np.full(len(self), self.unit is None) if units else None,
        )

    def observations(self) -> list[Observation]:
        return [self._observation(place) for place in range(len(self))]

    def _observation(self, place: int) -> Observation:
        failed = bool(self.status[place] >= 500)
        refusal = _known(self.refusal, place)
        return Observation(
            at=float(self.at[place]),
            environment=CANDIDATE if self.candidate[place] else STABLE,
            status=int(self.status[place]),
            duration=float(self.at[place] - self.began[place]),
            time_to_first_byte=None if failed else _known(self.first_byte, place),
            quality=None if failed else _known(self.quality, place),
            cost=None if failed else _known(self.cost, place),
            refusal=None if failed or refusal is None else bool(refusal),
            stratum=self.kinds[self.kind[place]],
            unit=None if self.unit is None else int(self.unit[place]) + 1,
        )


_ARRAYS = tuple(each.name for each in fields(Requests) if each.name not in ("kinds", "unit"))


def _known(values: Floats, place: int) -> float | None:
    return None if math.isnan(values[place]) else float(values[place])


def requests(rng: np.random.Generator, n: int, traffic: Traffic, *, share: float = 0.5, start: float = 0.0) -> Requests:
    """`n` requests that begin at moments drawn by lot from the `n / rate` seconds after `start`.

    Each goes to the candidate with probability `share`; with users, those whose hash lies below it do.
    """
    began = start + np.sort(rng.random(n)) * (n / traffic.rate)
    users = traffic.users
    unit = None if users is None else rng.choice(users.weight.size, size=n, p=users.weight)
    to_candidate = rng.random(n) < share if users is None else users.hash[unit] < share
    luck = 0.0 if users is None else users.luck[unit]
    every = traffic.kinds or (Kind(name="", part=1.0, stable=traffic.stable, candidate=traffic.candidate),)
    kind = _kinds(rng, n, every)
    table = np.array([side.numbers() for each in every for side in (each.stable, each.candidate)])
    of = dict(zip(FIELDS, table[2 * kind + to_candidate].T, strict=True))
    noise, lot = rng.standard_normal((2, n)), rng.random((3, n))
    hangs = lot[0] < of["hangs"]
    latency = np.where(hangs, traffic.timeout, of["latency"] * np.exp(of["latency_shape"] * noise[0]))
    drawn = Requests(
        at=began + latency,
        began=began,
        candidate=to_candidate,
        status=np.where(hangs, 504.0, np.where(lot[1] < of["errors"], 503.0, 200.0)),
        quality=_scores(rng, of["quality"] + luck + traffic.drift * began / 3_600.0, of["quality_spread"]),
        cost=of["cost"] * np.exp(of["cost_shape"] * noise[1]),
        refusal=np.where(np.isnan(of["refusals"]), np.nan, lot[2] < of["refusals"]),
        first_byte=latency * of["first_byte"],
        kind=kind,
        kinds=tuple(each.name for each in every),
        unit=unit,
    )
    return drawn.pick(np.argsort(drawn.at, kind="stable"))


def _kinds(rng: np.random.Generator, n: int, kinds: Sequence[Kind]) -> Integers:
    if len(kinds) == 1:
        return np.zeros(n, dtype=np.int64)
    parts = np.array([each.part for each in kinds])
    return rng.choice(len(kinds), size=n, p=parts / parts.sum()).astype(np.int64)


def _scores(rng: np.random.Generator, mean: Floats, spread: Floats) -> Floats:
    """Scores of a beta distribution; NaN where the mean is."""
    there = ~np.isnan(mean)
    middle = np.clip(np.where(there, mean, 0.5), 1e-3, 1.0 - 1e-3)
    most = middle * (1.0 - middle)
    size = most / np.clip(spread**2, 1e-8, 0.98 * most) - 1.0
    scores = rng.beta(middle * size, (1.0 - middle) * size)
    return scores if there.all() else np.where(there, scores, np.nan)


def observations(
    rng: np.random.Generator, n: int, traffic: Traffic, *, share: float = 0.5, start: float = 0.0
) -> list[Observation]:
    """The same as `requests`, as a source would give them."""
    return requests(rng, n, traffic, share=share, start=start).observations()


def columns(rng: np.random.Generator, n: int, traffic: Traffic, *, share: float = 0.5, start: float = 0.0) -> Columns:
    """The same as `requests`, as a ledger takes them: with units where there are users, with strata where there are kinds."""
    drawn = requests(rng, n, traffic, share=share, start=start)
    return drawn.columns(units=traffic.users is not None, strata=bool(traffic.kinds))


def baseline(rng: np.random.Generator, traffic: Traffic, *, n: int = 2_000) -> Baseline:
    """What the stable side is known by before the rollout."""
    known = Baseline()
    known.fold(observations(rng, n, traffic, share=0.0, start=-n / traffic.rate), stable=STABLE)
    return known


Answers = dict[str, Floats]
"""One side's answers by `failed`, `quality`, `cost` and `refusal`, one entry an input; NaN where there is no value."""

_MOST = {"quality": 1.0, "cost": math.inf}


def answers(
    rng: np.random.Generator, n: int, traffic: Traffic, *, together: float = TOGETHER
) -> tuple[Answers, Answers]:
    """What stable and the candidate answer to the same `n` inputs; kinds, users and hangs are left out.

    `together` is the part of inputs that alone decide how good and how dear the answers are, up to the sides' own means.
    It is the correlation of what two equal sides answer to one input.
    """
    stable, candidate = (_answers(rng, n, side) for side in (traffic.stable, traffic.candidate))
    alike = np.flatnonzero(rng.random(n) < together)
    for name, most in _MOST.items():
        own, other = (getattr(side, name) for side in (traffic.stable, traffic.candidate))
        if own and other:
            candidate[name][alike] = np.minimum(stable[name][alike] * (other / own), most)
    for side in (stable, candidate):
        for name in ("quality", "cost", "refusal"):
            side[name][side["failed"] > 0] = np.nan
    return stable, candidate


def pairs(
    rng: np.random.Generator, n: int, traffic: Traffic, *, start: float = 0.0, together: float = TOGETHER
) -> list[Pair]:
    """The same as `answers`, as a judge takes them; `traffic.rate` is in pairs a second."""
    sides = answers(rng, n, traffic, together=together)
    at = (start + np.arange(1, n + 1) / traffic.rate).tolist()
    return [
        Pair(at=moment, stable=_answer(sides[0], place), candidate=_answer(sides[1], place))
        for place, moment in enumerate(at)
    ]


def _answers(rng: np.random.Generator, n: int, side: Behaviour) -> Answers:
    of = {name: np.full(n, value) for name, value in zip(FIELDS, side.numbers(), strict=True)}
    return {
        "failed": (rng.random(n) < of["errors"]).astype(np.float64),
        "quality": _scores(rng, of["quality"], of["quality_spread"]),
        "cost": of["cost"] * np.exp(of["cost_shape"] * rng.standard_normal(n)),
        "refusal": np.where(np.isnan(of["refusals"]), np.nan, rng.random(n) < of["refusals"]),
    }


def _answer(side: Answers, place: int) -> Answer:
    refusal = _known(side["refusal"], place)
    return Answer(
        failed=bool(side["failed"][place]),
        quality=_known(side["quality"], place),
        cost=_known(side["cost"], place),
        refusal=None if refusal is None else bool(refusal),
    )
