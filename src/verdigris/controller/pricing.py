"""Pricing: requests that tell their tokens and not their cost are given the cost that a price list says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter

from verdigris.core.model.observation import Observation
from verdigris.core.model.reading import Usage
from verdigris.core.model.service import Service
from verdigris.ports import Prices

MOST_MODELS = 50
"""Names of models without a price that are remembered."""

TOLD = 5
"""Of these, how many the status names: those with the most requests."""

LONGEST = 100
"""Characters of a model's name that are kept."""

ENOUGH = 20
"""Requests with a cost on each side before their ways of knowing it are compared."""

APART = 0.1
"""Part of the requests by which the sides may differ in how their costs are known."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CostHealth:
    """Requests since the controller began: `reported` told their cost, that of `estimated` was worked out from tokens, and of
    `unknown` it is not known; `models` names some of the models without a price, the most frequent first, `""` where answers name none.

    `mixed` says in one sentence that the sides' costs are known in different ways, empty where they are not.
    """

    reported: int = 0
    estimated: int = 0
    unknown: int = 0
    models: tuple[str, ...] = ()
    mixed: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person who compares costs should know."""
        known = self.reported + self.estimated
        worked_out = f"of {known:,} requests with a cost, {self.estimated:,} have it estimated from tokens"
        names = ", ".join(model or "answers that name no model" for model in self.models)
        missing = f"the cost of {self.unknown:,} requests is unknown: no price for {names}"
        return tuple(
            sentence
            for sentence, is_so in ((worked_out, self.estimated), (missing, self.unknown), (self.mixed, self.mixed))
            if is_so
        )


@dataclass(slots=True)
class _Side:
    """How the costs of one environment's requests are known, since the latest comparison began."""

    reported: int = 0
    estimated: int = 0

    @property
    def share(self) -> float:
        """Of requests with a cost, the part whose cost was worked out."""
        return self.estimated / (self.reported + self.estimated)


@dataclass(slots=True)
class Pricing:
    """Works out costs and counts what it did. A cost that is reported is never touched.

    `declared` are the models of the environments' releases, for answers that name none.
    """

    prices: Prices
    declared: Mapping[str, str] = field(default_factory=dict)
    is_loaded: bool = False
    _reported: int = 0
    _estimated: int = 0
    _unknown: int = 0
    _models: Counter[str] = field(default_factory=Counter)
    _sides: dict[str, _Side] = field(default_factory=dict)

    def must_load(self, observations: Iterable[Observation]) -> bool:
        """Whether the price list is needed for the first time: reading it takes a moment."""
        return not self.is_loaded and any(map(_lacks_cost, observations))

    def load(self) -> None:
        """Reads the price list. May be called in a thread. What goes wrong is logged: costs then stay unknown."""
        self.is_loaded = True
        try:
            self.prices.load()
        except Exception:  # noqa: BLE001 -- of a library; requests are counted all the same
            _log.exception("the price list cannot be read; costs that are not reported stay unknown")

    def price(self, observations: Sequence[Observation]) -> list[Observation]:
        """The same observations in the same order, with a cost where it can be known."""
        return [self._priced(observation) for observation in observations]

    def _priced(self, observation: Observation) -> Observation:
        if observation.cost is not None:
            self._reported += 1
            self._side(observation.environment).reported += 1
            return observation
        if not _lacks_cost(observation):
            return observation
        cost = self._cost(observation)
        if cost is None:
            self._unknown += 1
            self._count(self._model(observation) or "")
            return observation
        self._estimated += 1
        self._side(observation.environment).estimated += 1
        return _with_cost(observation, cost)

    def _cost(self, observation: Observation) -> float | None:
        try:
            return self.prices.cost(model=self._model(observation), usage=_usage(observation))
        except Exception as error:  # noqa: BLE001 -- a price must not cost a request's evidence
            _log.debug("a price cannot be worked out: %s", type(error).__name__)
            return None

    def _model(self, observation: Observation) -> str | None:
        return observation.response_model or self.declared.get(observation.environment)

    def _side(self, environment: str) -> _Side:
        side = self._sides.get(environment)
        return self._sides.setdefault(environment, _Side()) if side is None else side

    def _count(self, model: str) -> None:
        name = model[:LONGEST]
        if name in self._models or len(self._models) < MOST_MODELS:
            self._models[name] += 1

    def begin(self) -> None:
        """Another comparison begins."""
        self._sides.clear()

    @property
    def health(self) -> CostHealth:
        return CostHealth(
            reported=self._reported,
            estimated=self._estimated,
            unknown=self._unknown,
            models=tuple(name for name, _ in self._models.most_common(TOLD)),
            mixed=self._mixed(),
        )

    def _mixed(self) -> str:
        sides = {name: side for name, side in self._sides.items() if side.reported + side.estimated >= ENOUGH}
        if len(sides) < 2:
            return ""
        least = min(sides, key=lambda name: sides[name].share)
        most = max(sides, key=lambda name: sides[name].share)
        if sides[most].share - sides[least].share <= APART:
            return ""
        return (
            f"costs are not comparable: {sides[most].share:.0%} of {most}'s are estimated from tokens and "
            f"{sides[least].share:.0%} of {least}'s; report them on both sides or on neither"
        )


def declared_models(service: Service) -> dict[str, str]:
    """The models that releases name, by environment."""
    configs = {environment.name: dict(environment.release.config) for environment in service.environments}
    return {name: config["model"] for name, config in configs.items() if config.get("model")}


def _lacks_cost(observation: Observation) -> bool:
    return observation.cost is None and (observation.output_tokens is not None or observation.input_tokens is not None)


def _usage(observation: Observation) -> Usage:
    return Usage(
        input=observation.input_tokens,
        output=observation.output_tokens,
        cache_read=observation.cache_read_tokens,
        cache_write=observation.cache_write_tokens,
        reasoning=observation.reasoning_tokens,
    )


# `dataclasses.replace` takes twice as long, and this is done for every request.
_COPIED = [each.name for each in fields(Observation) if each.name not in ("cost", "cost_estimated")]
_GET_COPIED: Callable[[Observation], tuple[object, ...]] = attrgetter(*_COPIED)
_SET_COPIED: tuple[Callable[[Observation, object], None], ...] = tuple(vars(Observation)[n].__set__ for n in _COPIED)
_SET_COST: Callable[[Observation, object], None] = vars(Observation)["cost"].__set__
_SET_ESTIMATED: Callable[[Observation, object], None] = vars(Observation)["cost_estimated"].__set__


def _with_cost(observation: Observation, cost: float) -> Observation:
    """A copy with an estimated cost."""
    copy = object.__new__(Observation)
    for put, value in zip(_SET_COPIED, _GET_COPIED(observation), strict=True):
        put(copy, value)
    _SET_COST(copy, cost)
    _SET_ESTIMATED(copy, True)
    return copy
