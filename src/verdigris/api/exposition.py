"""Families in the words of Prometheus: its text format, with our prefix. Source: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from verdigris.core.model.meter import Family, Kind, Spread

PREFIX = "verdigris_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Families(Collector):
    """What prometheus_client asks for: the families as they stood when they were read."""

    families: tuple[Family, ...]

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self.families)


def exposed(families: Sequence[Family], accept: str) -> tuple[bytes, str]:
    """The text and its content type, in the format that `accept` prefers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families(families=tuple(families)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _metric(family: Family) -> Metric:
    name, labels = PREFIX + family.name, _labels(family)
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(name, family.help, labels=labels)
            for point in family.points:
                counter.add_metric([value for _, value in point.labels], point.value)
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(name, family.help, labels=labels)
            for point in family.points:
                gauge.add_metric([value for _, value in point.labels], point.value)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(name, family.help, labels=labels)
            for spread in family.spreads:
                histogram.add_metric([value for _, value in spread.labels], _buckets(family, spread), spread.sum)
            return histogram
        case _:
            assert_never(family.kind)


def _labels(family: Family) -> list[str]:
    every = [each.labels for each in family.points] or [each.labels for each in family.spreads]
    return [name for name, _ in every[0]] if every else []


def _buckets(family: Family, spread: Spread) -> list[tuple[str, float]]:
    """Prometheus counts what lies at or below each bound."""
    running, buckets = 0, []
    for bound, count in zip((*map(str, map(float, family.bounds)), "+Inf"), spread.counts, strict=True):
        running += count
        buckets.append((bound, float(running)))
    return buckets
