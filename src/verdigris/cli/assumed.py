"""What is said on the command line of a service's ordinary behaviour, and what is assumed where nothing is."""
# ruff: noqa: PLC0415 -- help must not import the judge

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from verdigris.spec.units import (
    format_duration,
    format_percent,
    parse_duration,
    parse_money,
    parse_number,
    parse_percent,
)
from verdigris.spec.wrong import Wrong

if TYPE_CHECKING:
    from verdigris.planning.behaviour import Behaviour

NOT_REPORTED = "none"
_NORMAL_99 = 2.3263479  # standard deviations from the median of a normal distribution to its 99th percentile

Number = float | None
Pair = tuple[Number, Number]
"""A middle and what stands behind the comma; a middle of None: not reported."""


class Written(click.ParamType[Any]):
    """A value read by a parser that says in plain words what is wrong with it."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.parse(str(value))
        except Wrong as wrong:
            self.fail(f'"{value}" {wrong.said} ({wrong.hint})', param, ctx)


def _quality(text: str) -> Pair:
    if text == NOT_REPORTED:
        return None, None
    mean, _, spread = text.partition(",")
    numbers = parse_number(mean), parse_number(spread) if spread else None
    if not 0.0 < numbers[0] <= 1.0 or (numbers[1] or 0.0) > 0.5:
        raise Wrong("is no quality", hint="write a mean of at most 1 and a spread of at most 0.5, such as 0.85,0.1")
    return numbers


def _with_tail(parse: Callable[[str], float], example: str, *, optional: bool = False) -> Callable[[str], Pair]:
    def read(text: str) -> Pair:
        if optional and text == NOT_REPORTED:
            return None, None
        middle, _, tail = text.partition(",")
        numbers = parse(middle), parse(tail) if tail else None
        if numbers[0] <= 0.0 or (numbers[1] is not None and numbers[1] < numbers[0]):
            raise Wrong("is no median and 99th percentile", hint=f"write both, such as {example}, or the median alone")
        return numbers

    return read


def _part(text: str) -> float:
    percent = parse_percent(text)
    if percent > 100.0:
        raise Wrong("is more than all", hint="write a part of all requests, such as 0.5%")
    return percent / 100.0


def _part_or_none(text: str) -> Pair:
    return (None if text == NOT_REPORTED else _part(text)), None


QUALITY = Written("quality", _quality)
LATENCY = Written("latency", _with_tail(parse_duration, "1s,3s"))
COST = Written("cost", _with_tail(parse_money, "0.01,0.04", optional=True))
ERRORS = Written("percentage", _part)
REFUSALS = Written("percentage", _part_or_none)


def behaviour(
    *, quality: Pair | None, latency: Pair | None, cost: Pair | None, errors: Number, refusals: Pair | None
) -> Behaviour:
    """Of the stable side: what was given, and a default for what was not."""
    from verdigris.planning.behaviour import ORDINARY, Behaviour

    mean, spread = quality or (ORDINARY.quality, None)
    median, slowest = latency or (ORDINARY.latency, None)
    price, dearest = cost or (ORDINARY.cost, None)
    return Behaviour(
        quality=mean,
        quality_spread=ORDINARY.quality_spread if spread is None else spread,
        latency=median or ORDINARY.latency,
        latency_shape=_shape(median, slowest, ORDINARY.latency_shape),
        cost=price,
        cost_shape=_shape(price, dearest, ORDINARY.cost_shape),
        errors=ORDINARY.errors if errors is None else errors,
        refusals=refusals[0] if refusals else ORDINARY.refusals,
    )


def _shape(median: Number, tail: Number, default: float) -> float:
    return math.log(tail / median) / _NORMAL_99 if median and tail else default


def words(side: Behaviour, *, users: int | None) -> list[tuple[str, str]]:
    """What is taken for true of the stable side, by quantity."""
    p99 = side.latency * math.exp(_NORMAL_99 * side.latency_shape)
    said = [
        ("quality", f"{side.quality:g} ± {side.quality_spread:g}" if side.quality is not None else "not reported"),
        ("latency", f"{format_duration(side.latency)} (p99 {format_duration(p99)})"),
        ("cost", _cost(side)),
        ("errors", format_percent(100.0 * side.errors)),
        ("refusals", format_percent(100.0 * side.refusals) if side.refusals is not None else "not reported"),
    ]
    return [*said, *([("users", f"{users:,}, each kept on one side")] if users else [])]


def _cost(side: Behaviour) -> str:
    if side.cost is None:
        return "not reported"
    return f"{side.cost:.4g} USD (p99 {side.cost * math.exp(_NORMAL_99 * side.cost_shape):.2g})"
