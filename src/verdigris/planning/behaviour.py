"""Behaviour: what one side is taken to do, and what it does when it is worse."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Source
from verdigris.core.model.metric import Family, Guardrail, Metric

_LEAST_SHAPE, _MOST_SHAPE = 0.05, 2.0
_ENOUGH = 100  # values of a baseline before it says more than a default


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """What one side's requests do. None means that the side does not report it.

    `quality` is the mean score and `quality_spread` its standard deviation; scores follow a beta distribution.
    `errors`, `refusals` and `hangs` are parts of all requests, 0..1; one that hangs is cut off by the gateway.
    `latency` in seconds and `cost` in USD are medians; both are lognormal, and a shape is the deviation of the logarithm.
    `first_byte` is the part of the latency after which the first byte comes.
    """

    quality: float | None = 0.85
    quality_spread: float = 0.10
    errors: float = 0.005
    refusals: float | None = 0.01
    latency: float = 1.0
    latency_shape: float = 0.35
    first_byte: float = 1 / 3
    cost: float | None = 0.01
    cost_shape: float = 0.6
    hangs: float = 0.0

    def __post_init__(self) -> None:
        for name in ("quality", "errors", "refusals", "hangs", "first_byte"):
            part = getattr(self, name)
            if part is not None and not 0.0 <= part <= 1.0:
                raise ValueError(f"{name} lies in 0..1, not {part}")
        for name in ("quality_spread", "latency", "latency_shape", "cost", "cost_shape"):
            size = getattr(self, name)
            if size is not None and not 0.0 <= size < math.inf:
                raise ValueError(f"{name} is a number from 0 on, not {size}")

    def numbers(self) -> tuple[float, ...]:
        """All fields in order, NaN for None."""
        return tuple(math.nan if value is None else value for value in (getattr(self, each) for each in FIELDS))


FIELDS = tuple(each.name for each in fields(Behaviour))
ORDINARY = Behaviour()
"""What is assumed of a service of which nothing is known."""


def worse(behaviour: Behaviour, guardrail: Guardrail, multiple: float) -> Behaviour:
    """The same, but worse in one metric: by its margin times `multiple`. All of a latency's quantiles move together."""
    relative, absolute = (multiple * each for each in (guardrail.margin.relative, guardrail.margin.absolute))

    def more(value: float | None) -> float:
        return (value or 0.0) * (1.0 + relative) + absolute

    match guardrail.metric.family:
        case Family.QUALITY:
            quality = behaviour.quality or 0.0
            return replace(behaviour, quality=max(0.0, quality * (1.0 - relative) - absolute))
        case Family.ERRORS:
            return replace(behaviour, errors=min(1.0, more(behaviour.errors)))
        case Family.REFUSALS:
            return replace(behaviour, refusals=min(1.0, more(behaviour.refusals)))
        case Family.COST:
            return replace(behaviour, cost=more(behaviour.cost))
        case Family.DEFECTS:  # simulated traffic has no samples
            return behaviour
        case _:
            return replace(behaviour, latency=behaviour.latency * _slower(behaviour, guardrail, relative, absolute))


def _slower(behaviour: Behaviour, guardrail: Guardrail, relative: float, absolute: float) -> float:
    """The factor on all latencies that moves the guarded quantile by the margin."""
    known = quantile(behaviour, guardrail.metric)
    return 1.0 + relative + (absolute / known if known else 0.0)


_NORMAL = {0.5: 0.0, 0.95: 1.6448536, 0.99: 2.3263479}


def quantile(behaviour: Behaviour, metric: Metric) -> float:
    """The latency in seconds that the metric's part of the requests stays below."""
    if metric.quantile is None:
        raise ValueError(f"{metric} is no quantile")
    part = behaviour.first_byte if metric.value.startswith("ttfb") else 1.0
    return part * behaviour.latency * math.exp(behaviour.latency_shape * _NORMAL[metric.quantile])


def is_reported(behaviour: Behaviour, metric: Metric) -> bool:
    known = {
        Family.QUALITY: behaviour.quality,
        Family.COST: behaviour.cost,
        Family.REFUSALS: behaviour.refusals,
        Family.DEFECTS: None,
    }
    return known.get(metric.family, 0.0) is not None


def known_from(baseline: Baseline) -> Behaviour:
    """What a running service did, as far as its past says; a default where it says too little."""
    quality, errors, refusals = (baseline.moments[each] for each in (Source.QUALITY, Source.ERRORS, Source.REFUSALS))
    latency, cost = (_lognormal(baseline, each) for each in (Source.LATENCY, Source.COST))
    heard = errors.n >= _ENOUGH
    return Behaviour(
        quality=quality.mean if quality.n >= _ENOUGH else None if heard else ORDINARY.quality,
        quality_spread=math.sqrt(quality.variance) if quality.n >= _ENOUGH else ORDINARY.quality_spread,
        errors=errors.mean or 0.0 if heard else ORDINARY.errors,
        refusals=refusals.mean if refusals.n >= _ENOUGH else None if heard else ORDINARY.refusals,
        latency=latency[0] if latency else ORDINARY.latency,
        latency_shape=latency[1] if latency else ORDINARY.latency_shape,
        cost=cost[0] if cost else None if heard else ORDINARY.cost,
        cost_shape=cost[1] if cost else ORDINARY.cost_shape,
    )


def _lognormal(baseline: Baseline, source: Source) -> tuple[float, float] | None:
    """Median and shape, the shape from the distance between median and 95th percentile."""
    sketch = baseline.sketches[source]
    middle, high = sketch.quantile(0.5), sketch.quantile(0.95)
    if sketch.n < _ENOUGH or not middle or not high:
        return None
    return middle, min(max(math.log(high / middle) / _NORMAL[0.95], _LEAST_SHAPE), _MOST_SHAPE)
