"""A Lane: values in one order of arrival, cut into blocks, on which every guardrail's hypotheses are tried.

Harm is tried on requests as they end; safety, where a lag is asked, on requests in the order in which they began. Each
lane has its own blocks, centres and thresholds, so that nothing it tests was ever used to choose how it tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from verdigris.core.analysis.blocks import Cutter, Values
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.guardrail import Hypothesis, Scale
from verdigris.core.analysis.rows import Members, Rows
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.trial import Trial
from verdigris.core.analysis.units import Units
from verdigris.core.model.metric import Covariate, Guardrail
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.regression import Predictor
from verdigris.core.stats.sketch import Sketch


class _Sourced(Protocol):
    @property
    def source(self) -> Source: ...


_Kind = TypeVar("_Kind", bound=_Sourced)


def grouped(kinds: Iterable[_Kind]) -> dict[Source, list[_Kind]]:
    """By the source they read."""
    groups: dict[Source, list[_Kind]] = {}
    for kind in kinds:
        groups.setdefault(kind.source, []).append(kind)
    return groups


@dataclass(kw_only=True, slots=True)
class Lane:
    """`trials` are in the order of the guardrails, and `by_source` the same ones. `units` is None where requests are drawn one by one."""

    trials: tuple[Trial, ...]
    by_source: dict[Source, list[Trial]]
    cutters: dict[Source, Cutter]
    covariates: dict[Source, Covariate]
    units: Units | None

    @classmethod
    def start(cls, terms: Terms, scales: Mapping[Guardrail, Scale | None], hypotheses: Sequence[Hypothesis]) -> Lane:
        """A lane for the guardrails that have an entry in `scales`."""
        trials = tuple(
            Trial.start(guardrail, hypotheses, scale, stratified=terms.stratified)
            for guardrail, scale in scales.items()
        )
        covariates = {Source.of(guardrail.metric): guardrail.adjust for guardrail in scales if guardrail.adjust}
        return cls(
            trials=trials,
            by_source=grouped(trials),
            cutters={
                trial.source: Cutter(predictor=Predictor() if trial.source in covariates else None) for trial in trials
            },
            covariates=covariates,
            units=Units() if terms.sticky else None,
        )

    def admit(self, rows: Rows) -> Rows:
        """Only the first observation of every unit in this lane."""
        units, drawn = rows.columns.units, rows.columns.drawn
        if self.units is None or units is None or drawn is None:
            return rows
        return rows.pick(np.flatnonzero(self.units.first(units, drawn)))

    def fold(self, rows: Rows, past: Mapping[Source, Sketch]) -> list[Source]:
        """Settles what closes with these rows; `past` holds stable's values of this lane, these included.

        Returns the sources of which something was compared.
        """
        times = rows.columns.at
        at, span = (float(times[-1]), float(times.max() - times.min())) if len(rows) else (0.0, 0.0)
        groups = list(rows.groups())
        single = len(groups) == 1
        compared = []
        for source, cutter in self.cutters.items():
            blocks = [
                (group.stratum, block)
                for group, members in groups
                if (
                    block := cutter.cut(
                        group, *self._values(rows, source, None if single else members), at=at, span=span
                    )
                )
            ]
            if blocks:
                for trial in self.by_source[source]:
                    for stratum, block in blocks:
                        trial.compare(stratum, block)
                compared.append(source)
            if source in past:
                self._calibrate(source, past[source], compared=bool(blocks))
        return compared

    def restart(self) -> None:
        for trial in self.trials:
            trial.restart()
        for cutter in self.cutters.values():
            cutter.forget()

    def restart_source(self, source: Source) -> None:
        for trial in self.by_source.get(source, ()):
            trial.restart()
        if source in self.cutters:
            self.cutters[source].forget()

    def _values(self, rows: Rows, source: Source, members: Members | None) -> tuple[Values, Values]:
        """Of the members, or of all."""
        covariate = self.covariates.get(source)
        if members is None and covariate is None:
            parts = rows.values(source)
            return Values(values=parts.candidate), Values(values=parts.stable)
        values, candidate = rows.columns.column(source), rows.columns.candidate
        beside = rows.columns.covariates.get(covariate) if covariate else None
        places = members or Members(np.flatnonzero(candidate), np.flatnonzero(~candidate))
        return _present(values, beside, places.candidate), _present(values, beside, places.stable)

    def _calibrate(self, source: Source, past: Sketch, *, compared: bool) -> None:
        changed = False
        for trial in self.by_source[source]:
            changed = (compared and trial.follow(past)) or changed
            changed = trial.calibrate(past) or changed
        if changed:
            self.cutters[source].forget()

    def dump(self) -> dict[str, Any]:
        return {
            "trials": [trial.dump() for trial in self.trials],
            "cutters": {source.value: cutter.dump() for source, cutter in self.cutters.items()},
            "units": self.units.dump() if self.units else None,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for trial, state in zip(self.trials, dumped["trials"], strict=True):
            trial.restore(state)
        for source, cutter in self.cutters.items():
            cutter.restore(dumped["cutters"][source.value])
        if self.units is not None:
            self.units.restore(dumped["units"])


def _present(values: Floats, covariates: Floats | None, places: np.ndarray) -> Values:
    chosen = values[places]
    there = ~np.isnan(chosen)
    if covariates is None:
        return Values(values=chosen[there])
    return Values(values=chosen[there], covariates=covariates[places][there])
