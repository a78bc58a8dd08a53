"""Stability: whether stable itself moves away from where it was, which no candidate can be blamed for."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import Margin
from verdigris.core.model.verdict import Caution
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.shift import Shift
from verdigris.core.stats.sketch import Sketch

REFERENCE = 300
"""Values of stable in this rollout that say where it stands, when nothing is known from before."""

_MEDIAN_BAND = 0.15  # share of values that must cross the old median, for what has no upper bound
_ROOM = 0.5  # of the margin; a smaller move is not worth telling
_LEAST_BAND = 0.01
_ERRORS = 3.0  # standard errors
_ENOUGH_AT_ONCE = 200  # values of a chunk; a move that matters shows in part of the traffic too
_AT_ONCE, _MEANS = 10, 50  # values in one mean, and means that are settled together
_SAID = {
    Source.QUALITY: "quality",
    Source.COST: "cost",
    Source.ERRORS: "error rate",
    Source.REFUSALS: "refusal rate",
    Source.DEFECTS: "defect rate",
    Source.LATENCY: "latency",
    Source.TTFB: "time to first byte",
}


@dataclass(kw_only=True, slots=True)
class Footing:
    """One quantity of stable. `median` is the past one of a quantity without an upper bound; its values then count as
    1 above it and 0 below. `shift` is None until `early` values were met that say where stable stands. It is given
    the `means` of so many values each, which move as the values do and are fewer; `rest` waits for the next mean.
    """

    source: Source
    margin: Margin
    median: float | None = None
    shift: Shift | None = None
    early: Moments = field(default_factory=Moments)
    sketch: Sketch = field(default_factory=Sketch)
    rest: Floats = field(default_factory=lambda: np.empty(0))
    means: Floats = field(default_factory=lambda: np.empty(0))
    told: str = ""

    def begin(self, moments: Moments, sketch: Sketch) -> None:
        if self.source.has_tail:
            self.median = sketch.quantile(0.5) if sketch.n >= REFERENCE else None
            if self.median is not None:
                self.shift = Shift.start(reference=0.5, band=_MEDIAN_BAND + _ERRORS * math.sqrt(0.25 / sketch.n))
        elif moments.n >= REFERENCE and moments.mean is not None:
            room = _ROOM * (self.margin.relative * moments.mean + self.margin.absolute)
            doubt = _ERRORS * math.sqrt(moments.variance / moments.n)  # of the reference itself
            self.shift = Shift.start(reference=moments.mean, band=max(room, _LEAST_BAND) + doubt)

    def fold(self, values: Floats) -> None:
        if self.told or not values.size:
            return
        if self.shift is None:
            self._settle_in(values)
            return
        values = (values > self.median).astype(np.float64) if self.median is not None else values
        values = np.concatenate((self.rest, values))
        whole = values.size // _AT_ONCE * _AT_ONCE
        self.rest = values[whole:]
        self.means = np.concatenate((self.means, values[:whole].reshape(-1, _AT_ONCE).mean(axis=1)))
        if self.means.size < _MEANS:
            return
        self.shift.fold(self.means)
        self.means = np.empty(0)
        if self.shift.direction:
            self.told = "rose" if self.shift.direction > 0 else "fell"

    def caution(self) -> Caution | None:
        if not self.told:
            return None
        return Caution(
            key=f"stable:{self.source.value}",
            text=(
                f"stable's own {_SAID[self.source]} {self.told} since before: "
                "both sides are compared on the same stretch of time, so the candidate is not blamed for it"
            ),
        )

    def _settle_in(self, values: Floats) -> None:
        self.early += Moments.of(values)
        if self.source.has_tail:
            self.sketch.add(values)
        self.begin(self.early, self.sketch)
        if self.shift is not None:
            self.sketch = Sketch()

    def dump(self) -> dict[str, Any]:
        return {
            "median": self.median,
            "shift": self.shift.dump() if self.shift else None,
            "early": self.early.dump(),
            "sketch": self.sketch.dump(),
            "rest": self.rest.tolist(),
            "means": self.means.tolist(),
            "told": self.told,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.rest, self.means = (np.array(dumped[name], dtype=np.float64) for name in ("rest", "means"))
        self.median = None if dumped["median"] is None else float(dumped["median"])
        if dumped["shift"] is not None:
            self.shift = Shift.start(reference=0.5, band=_LEAST_BAND)
            self.shift.restore(dumped["shift"])
        self.early = Moments.load(dumped["early"])
        self.sketch = Sketch.load(dumped["sketch"])
        self.told = str(dumped["told"])


@dataclass(kw_only=True, slots=True)
class Stability:
    """The footing of every quantity that a guardrail reads."""

    footings: dict[Source, Footing]

    @classmethod
    def start(cls, terms: Terms, baseline: Baseline | None) -> Stability:
        footings = {}
        for guardrail in terms.guardrails:
            source = Source.of(guardrail.metric)
            footings[source] = Footing(source=source, margin=guardrail.margin)
        if baseline is not None:
            for source, footing in footings.items():
                if any(Source.of(metric) is source for metric in terms.scored):
                    continue  # the past says what requests reported, which is something else
                footing.begin(baseline.moments.get(source, Moments()), baseline.sketches.get(source, Sketch()))
        return cls(footings=footings)

    def fold(self, rows: Rows, sources: Collection[Source]) -> None:
        """Takes in stable's values of those quantities."""
        for source, footing in self.footings.items():
            if source in sources:
                footing.fold(rows.values(source).stable[:_ENOUGH_AT_ONCE])

    def restart_source(self, source: Source) -> None:
        """Its values come from something else now."""
        if source in self.footings:
            self.footings[source] = Footing(source=source, margin=self.footings[source].margin)

    def cautions(self) -> tuple[Caution, ...]:
        found = (footing.caution() for footing in self.footings.values())
        return tuple(caution for caution in found if caution is not None)

    def restart(self) -> None:
        """Whatever changed, where stable stands is to be found anew."""
        for source, footing in self.footings.items():
            self.footings[source] = Footing(source=source, margin=footing.margin)

    def dump(self) -> dict[str, Any]:
        return {source.value: footing.dump() for source, footing in self.footings.items()}

    def restore(self, dumped: dict[str, Any]) -> None:
        for source, footing in self.footings.items():
            footing.restore(dumped[source.value])
