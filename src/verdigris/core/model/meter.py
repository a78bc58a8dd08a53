"""What is measured for other systems to keep: families of series, as Prometheus and OpenTelemetry understand them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are shown."""


class Kind(StrEnum):
    """COUNTER only rises while the process lives; GAUGE is a value of this moment; HISTOGRAM counts values by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One counter or gauge."""

    labels: Labels
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """One histogram: `counts[i]` values lay at or below its family's `bounds[i]` and above the bound before, the last above all."""

    labels: Labels
    counts: tuple[int, ...]
    sum: float

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """All series of one name. `name` is said without a prefix and, of a counter, without `_total`; `unit` is in UCUM, empty if none."""

    name: str
    kind: Kind
    help: str
    points: tuple[Point, ...] = ()
    spreads: tuple[Spread, ...] = ()
    bounds: tuple[float, ...] = ()
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """One scorer's word, as an event: never the texts it is about, nor its explanation. `trouble` says why there was no word."""

    at: float
    scorer: str
    version: str
    environment: str
    rollout: str = ""
    role: str = ""
    value: float | None = None
    label: str = ""
    trouble: str = ""
