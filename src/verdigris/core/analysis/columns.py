"""Columns: a batch of observations as arrays, one per measured quantity.

This is the only place that reads observations. What is not there, or makes no sense, becomes NaN: missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from verdigris.core.model.metric import Covariate, Metric
from verdigris.core.model.observation import Observation, is_failure
from verdigris.core.stats.arrays import Floats

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_HASH_MASK = 2**64 - 1


class Trait(StrEnum):
    """What else is told of an answer, as a word: compared between the sides, and decides nothing.

    `FINGERPRINT` is the provider's word for the model's configuration; the others are known of sampled answers alone.
    """

    FINGERPRINT = "fingerprint"
    LANGUAGE = "language"
    FORM = "form"
    TOOLS = "tools"
    REFUSAL = "refusal"
    DEFECT = "defect"


class Source(StrEnum):
    """The measured quantities: several metrics may read one. `LENGTH` is only watched, in tokens of the answer.

    `DEFECTS` are known of sampled answers alone.
    """

    QUALITY = "quality"
    COST = "cost"
    ERRORS = "errors"
    REFUSALS = "refusals"
    DEFECTS = "defects"
    LATENCY = "latency"
    TTFB = "ttfb"
    LENGTH = "length"

    @classmethod
    def of(cls, metric: Metric) -> Source:
        return _SOURCES[metric]

    @property
    def may_be_missing(self) -> bool:
        """Whether the service itself reports it, so that a candidate may stop doing so."""
        return self in (Source.QUALITY, Source.COST, Source.REFUSALS)

    @property
    def is_answer(self) -> bool:
        """Whether it is what an answer says, which may depend on how long it took."""
        return self in (Source.QUALITY, Source.COST, Source.REFUSALS, Source.DEFECTS)

    @property
    def has_tail(self) -> bool:
        """Whether its values have no upper bound, so that quantiles are kept beside the mean."""
        return self in (Source.LATENCY, Source.TTFB, Source.COST, Source.LENGTH)


_SOURCES = {
    Metric.QUALITY: Source.QUALITY,
    Metric.COST: Source.COST,
    Metric.ERROR_RATE: Source.ERRORS,
    Metric.REFUSAL_RATE: Source.REFUSALS,
    Metric.DEFECT_RATE: Source.DEFECTS,
    Metric.LATENCY_P50: Source.LATENCY,
    Metric.LATENCY_P95: Source.LATENCY,
    Metric.LATENCY_P99: Source.LATENCY,
    Metric.TTFB_P50: Source.TTFB,
    Metric.TTFB_P95: Source.TTFB,
    Metric.TTFB_P99: Source.TTFB,
}

_FIELD = {
    Source.LATENCY: "duration",
    Source.QUALITY: "quality",
    Source.COST: "cost",
    Source.REFUSALS: "refusal",
    Source.TTFB: "time_to_first_byte",
    Source.LENGTH: "output_tokens",
}
LARGEST = {
    Source.QUALITY: 1.0,
    Source.REFUSALS: 1.0,
    Source.DEFECTS: 1.0,
    Source.COST: 1e6,  # USD
    Source.LATENCY: 1e6,  # seconds, eleven days
    Source.TTFB: 1e6,
    Source.LENGTH: 1e9,  # tokens
}
"""Above these a value is a mistake."""

_TURNED_AWAY = 400  # a status; from 500 on it is a failure
_LAST = 1e11  # seconds; a time beyond is none


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """A word for each observation: `names[codes[i]]`, empty where it is not known."""

    codes: Integers
    names: tuple[str, ...]

    @classmethod
    def of(cls, words: Sequence[str | None]) -> Labels:
        distinct = dict.fromkeys(words)
        names = tuple(word or "" for word in distinct)
        if len(names) == 1:
            return cls(codes=np.zeros(len(words), dtype=np.int64), names=names)
        places = {word: place for place, word in enumerate(distinct)}
        return cls(codes=np.array([places[word] for word in words], dtype=np.int64), names=names)

    def pick(self, places: slice | Integers) -> Labels:
        return Labels(codes=self.codes[places], names=self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Observations of both roles in the order of `at`. All arrays have one entry per observation.

    `values` holds NaN where a quantity is missing; failed requests have none but their error. `invalid` marks values
    that were reported and make no sense: NaN, infinite, negative, a quality above 1, a cost of over a million; a source without any is left out.
    `units` is empty unless asked for; `drawn` then marks observations without a unit, which were drawn each by lot.
    `turned_away` marks answers of 4xx, None where there are none. `strata` is None unless asked for; `covariates` holds those that were asked for, `traits` those that anybody told.
    """

    at: Floats
    began: Floats
    candidate: Flags
    failed: Flags
    values: dict[Source, Floats]
    invalid: dict[Source, Flags]
    finishes: Labels
    models: Labels
    covariates: dict[Covariate, Floats] = field(default_factory=dict)
    traits: dict[Trait, Labels] = field(default_factory=dict)
    strata: Labels | None = None
    units: Hashes | None = None
    drawn: Flags | None = None
    turned_away: Flags | None = None

    @classmethod
    def of(
        cls,
        observations: Sequence[Observation],
        *,
        stable: str,
        candidate: str | None = None,
        units: bool = False,
        strata: bool = False,
        covariates: Sequence[Covariate] = (),
    ) -> Columns:
        """Reads the observations of these two environments; others are left out, as are those without a time."""
        rows = in_order(observations, stable, candidate)
        read = _read(rows)
        table = {name: numbers(column) for name, column in read.items()}
        failed = is_failure(table["status"])
        away = (table["status"] >= _TURNED_AWAY) & ~failed
        values, invalid = sound_values(read, table, failed, _FIELD)
        values[Source.ERRORS] = failed.astype(np.float64)
        fingerprints = [row.fingerprint for row in rows]
        at, duration = table["at"], table["duration"]
        return cls(
            at=at,
            began=at - np.where((duration > 0.0) & (duration <= LARGEST[Source.LATENCY]), duration, 0.0),
            candidate=np.array([row.environment == candidate for row in rows], dtype=np.bool_),
            failed=failed,
            values=values,
            invalid=invalid,
            finishes=Labels.of([row.finish_reason for row in rows]),
            models=Labels.of([row.response_model for row in rows]),
            covariates={name: numbers([getattr(row, name.value) for row in rows]) for name in covariates},
            traits={Trait.FINGERPRINT: Labels.of(fingerprints)} if any(fingerprints) else {},
            strata=Labels.of([row.stratum for row in rows]) if strata else None,
            units=hashes([row.unit for row in rows]) if units else None,
            drawn=np.array([row.unit is None for row in rows], dtype=np.bool_) if units else None,
            turned_away=away if away.any() else None,
        )

    def __len__(self) -> int:
        return int(self.at.size)

    def column(self, source: Source) -> Floats:
        """The values of one quantity; all missing where these observations could not have it."""
        values = self.values.get(source)
        return np.full(len(self), np.nan) if values is None else values

    def pick(self, places: slice | Integers) -> Columns:
        """Some of the observations, in the order of `places`."""
        return Columns(
            at=self.at[places],
            began=self.began[places],
            candidate=self.candidate[places],
            failed=self.failed[places],
            values={source: values[places] for source, values in self.values.items()},
            invalid={source: flags[places] for source, flags in self.invalid.items()},
            finishes=self.finishes.pick(places),
            models=self.models.pick(places),
            covariates={name: values[places] for name, values in self.covariates.items()},
            traits={trait: labels.pick(places) for trait, labels in self.traits.items()},
            strata=self.strata.pick(places) if self.strata else None,
            units=self.units[places] if self.units is not None else None,
            drawn=self.drawn[places] if self.drawn is not None else None,
            turned_away=self.turned_away[places] if self.turned_away is not None else None,
        )

    def chunks(self, size: int) -> Iterator[Columns]:
        """Pieces of about `size` in time order; never cut between two observations of one moment.

        So what a batch proves does not depend on the order inside it.
        """
        start = 0
        while start < len(self):
            end = min(start + size, len(self))
            end = int(np.searchsorted(self.at, self.at[end - 1], side="right"))
            yield self if start == 0 and end == len(self) else self.pick(slice(start, end))
            start = end

    def state(self) -> dict[str, Any]:
        """Arrays and names by key, from which `restored` makes the same columns to the bit."""
        state: dict[str, Any] = {name: getattr(self, name) for name in ("at", "began", "candidate", "failed")}
        state |= {f"value.{source.value}": values for source, values in self.values.items()}
        state |= {f"invalid.{source.value}": flags for source, flags in self.invalid.items()}
        state |= {f"covariate.{name.value}": values for name, values in self.covariates.items()}
        told = {"finishes": self.finishes, "models": self.models, "strata": self.strata}
        told |= {f"trait.{trait.value}": labels for trait, labels in self.traits.items()}
        for name, labels in told.items():
            if labels is not None:
                state |= {f"{name}.codes": labels.codes, f"{name}.names": list(labels.names)}
        if self.units is not None and self.drawn is not None:
            state |= {"units": self.units, "drawn": self.drawn}
        if self.turned_away is not None:
            state["turned_away"] = self.turned_away
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Columns:
        """Raises: KeyError, ValueError when it is no state of columns."""

        def grouped(prefix: str) -> dict[str, Any]:
            return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}

        def labels(name: str) -> Labels:
            return Labels(codes=state[f"{name}.codes"], names=tuple(state[f"{name}.names"]))

        return cls(
            at=state["at"],
            began=state["began"],
            candidate=state["candidate"],
            failed=state["failed"],
            values={Source(name): values for name, values in grouped("value.").items()},
            invalid={Source(name): flags for name, flags in grouped("invalid.").items()},
            covariates={Covariate(name): values for name, values in grouped("covariate.").items()},
            finishes=labels("finishes"),
            models=labels("models"),
            traits={
                Trait(name.removesuffix(".codes")): labels(f"trait.{name.removesuffix('.codes')}")
                for name in grouped("trait.")
                if name.endswith(".codes")
            },
            strata=labels("strata") if "strata.codes" in state else None,
            units=state.get("units"),
            drawn=state.get("drawn"),
            turned_away=state.get("turned_away"),
        )


class _Timed(Protocol):
    @property
    def at(self) -> float: ...

    @property
    def environment(self) -> str: ...


_Row = TypeVar("_Row", bound=_Timed)


def in_order(rows: Sequence[_Row], stable: str, candidate: str | None) -> Sequence[_Row]:
    """Those of both roles that have a time, by time."""
    kept = [row for row in rows if row.environment == stable or row.environment == candidate]  # noqa: PLR1714 -- quicker
    at = numbers([row.at for row in kept])
    timed = np.abs(at) < _LAST  # False for NaN
    if timed.all() and not np.any(at[1:] < at[:-1]):
        return kept
    order = np.argsort(at, kind="stable")
    return [kept[place] for place in order[timed[order]].tolist()]


def _read(rows: Sequence[Observation]) -> dict[str, list[Any]]:
    """Field by field: a tuple for each row would keep the garbage collector busy."""
    return {
        "at": [row.at for row in rows],
        "duration": [row.duration for row in rows],
        "status": [row.status for row in rows],
        "quality": [row.quality for row in rows],
        "cost": [row.cost for row in rows],
        "refusal": [row.refusal for row in rows],
        "time_to_first_byte": [row.time_to_first_byte for row in rows],
        "output_tokens": [row.output_tokens for row in rows],
    }


def sound_values(
    read: Mapping[str, Sequence[Any]], table: Mapping[str, Floats], failed: Flags, named: Mapping[Source, str]
) -> tuple[dict[Source, Floats], dict[Source, Flags]]:
    """What makes sense of each quantity, read from the column that is `named` so, and where something did not."""
    values: dict[Source, Floats] = {}
    invalid: dict[Source, Flags] = {}
    good = ~failed
    for source, name in named.items():
        raw = table[name]
        sound = (raw >= 0.0) & (raw <= LARGEST[source])  # False for NaN
        usable = sound & good
        if usable.all():
            values[source] = raw
            continue
        missing = read[name].count(None)
        if missing == raw.size:
            values[source] = raw
            continue
        values[source] = np.where(usable, raw, np.nan)
        if raw.size - np.count_nonzero(sound) > missing:  # something else than nothing was reported
            reported = np.array([value is not None for value in read[name]], dtype=np.bool_)
            invalid[source] = reported & ~sound & good
    return values, invalid


def hashes(units: Sequence[int | None]) -> Hashes:
    """64 bits of each; 0 where there is none."""
    return np.array([(unit or 0) & _HASH_MASK for unit in units], dtype=np.uint64)


def numbers(column: Sequence[Any]) -> Floats:
    """NaN where there is none."""
    if (not column or column[0] is None) and column.count(None) == len(column):
        return np.full(len(column), np.nan)
    try:
        return np.array(column, dtype=np.float64)
    except OverflowError:  # whole numbers have no upper bound in JSON
        return np.array([_number(value) for value in column])


def _number(value: Any) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def present(values: Floats) -> Floats:
    """The values that are there."""
    return values[~np.isnan(values)]
