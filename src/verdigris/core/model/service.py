"""A Service: one AI feature behind one stable address, as its owner declared it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import NotFound
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail
from verdigris.core.model.quality import CustomPrice, Quality
from verdigris.core.model.reading import Format
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy
from verdigris.core.model.strategy import DEFAULT_STRATEGY, Strategy


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The stable address. `timeout` is the longest silence in seconds, so a stream that keeps talking is never cut."""

    driver: str = "envoy"
    host: str = "127.0.0.1"
    port: int = 8080
    timeout: float = 120.0
    sticky: Sticky | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Names of top-level members in the service's own JSON answers; `strip` takes them out before the client sees."""

    output: str | None = "output"
    cost: str | None = "_cost"
    quality: str | None = "_qualityScore"
    strip: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Telemetry:
    """What the answers look like: `auto` recognises all formats and reads own fields beside them.

    `prices` come before the kept price table; `model` is what to price by where an answer does not name its model.
    """

    format: Format | Literal["auto"] = "auto"
    fields: Fields = Fields()
    prices: tuple[CustomPrice, ...] = ()
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """Environments in the order written: the first is stable until a rollout says otherwise.

    `strata` says where kinds of requests are told apart, empty where they are not; several are told apart together.
    Without `quality` no body is copied, scored or kept.
    """

    name: str
    environments: tuple[Environment, ...]
    gateway: Gateway = Gateway()
    telemetry: Telemetry = Telemetry()
    strategy: Strategy = DEFAULT_STRATEGY
    guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS
    strata: tuple[StrataBy, ...] = ()
    quality: Quality | None = None

    def environment(self, name: str) -> Environment:
        for environment in self.environments:
            if environment.name == name:
                return environment
        names = ", ".join(environment.name for environment in self.environments)
        raise NotFound(f"no environment {name!r} in service {self.name!r}", hint=f"there are: {names}")
