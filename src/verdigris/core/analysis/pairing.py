"""Pairing: which pairs are evidence, and what the others say beside them.

Shadow pairs are draws from the traffic, so they are evidence: one of each unit, where units are drawn. Cases are a few inputs again and again: a difference in one of
them would come back until it looked proven, so they are counted apart. Stable's second answers say how far two answers of
one side lie apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from verdigris.core.analysis.columns import hashes
from verdigris.core.analysis.succession import Succession
from verdigris.core.analysis.units import Units
from verdigris.core.model.compared import PairKind
from verdigris.core.model.pair import Pair
from verdigris.core.model.verdict import Apart
from verdigris.core.stats.moments import Moments

_MOST_APART = 4  # versions; the one that was silent longest gives way


class Counted(NamedTuple):
    """Pairs that are evidence. `quality`: their scores too. `anew`: these come from something else than those before."""

    pairs: tuple[Pair, ...]
    quality: bool
    anew: bool


@dataclass(kw_only=True, slots=True)
class Pairing:
    """`succession` of the versions that score shadow pairs; `apart` holds stable's and the candidate's qualities in pairs that are
    no evidence, by kind and version. `units` are those whose first pair was seen, None where requests are drawn one by one.
    `heard` is when pairs whose quality counts were first and last made.
    """

    units: Units | None = None
    heard: tuple[float, float] | None = None
    succession: Succession = field(default_factory=Succession)
    apart: dict[tuple[PairKind, str], tuple[Moments, Moments]] = field(default_factory=dict)

    def counted(self, pairs: Sequence[Pair], *, without_quality: bool = False) -> Iterator[Counted]:
        """Those that are evidence, in the order in which they came."""
        pairs = [pair for pair in pairs if not pair.unanswered]
        if without_quality:
            pairs = [_without_quality(pair) for pair in pairs]
        for (kind, scorer), group in itertools.groupby(pairs, key=lambda pair: (pair.kind, pair.scorer)):
            together = tuple(group)
            if kind is PairKind.CASE:
                self._add(kind, scorer, together)
            elif kind is PairKind.SHADOW and (first := self._first(together)):
                yield self._shadow(scorer, first)

    def _first(self, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
        """The first of every unit: one user's differences resemble each other, and would be taken for many users' word."""
        if self.units is None:
            return pairs
        own = [pair.unit for pair in pairs]
        first = self.units.first(hashes(own), np.array([unit is None for unit in own], dtype=np.bool_))
        return tuple(pair for pair, counts in zip(pairs, first.tolist(), strict=True) if counts)

    def _shadow(self, scorer: str, pairs: tuple[Pair, ...]) -> Counted:
        if all(pair.stable.quality is None and pair.candidate.quality is None for pair in pairs):
            return Counted(pairs, quality=True, anew=False)  # no word on quality is no other word
        anew = self.succession.take(scorer, len(pairs))
        if anew is None:
            self._add(PairKind.SHADOW, scorer, pairs)
        else:
            first, last = self.heard or (math.inf, -math.inf)
            self.heard = (min(first, *(pair.at for pair in pairs)), max(last, *(pair.at for pair in pairs)))
        if anew:
            self.apart.pop((PairKind.SHADOW, scorer), None)
        return Counted(pairs, quality=anew is not None, anew=bool(anew))

    def told(self) -> tuple[Apart, ...]:
        """What pairs say that are no evidence."""
        return tuple(
            Apart(
                kind=kind.value, scorer=scorer, n=int(stable.n), stable=stable.mean or 0.0, candidate=other.mean or 0.0
            )
            for (kind, scorer), (stable, other) in self.apart.items()
        )

    def _add(self, kind: PairKind, scorer: str, pairs: Sequence[Pair]) -> None:
        both = [
            (pair.stable.quality, pair.candidate.quality)
            for pair in pairs
            if _is_score(pair.stable.quality) and _is_score(pair.candidate.quality)
        ]
        if not both:
            return
        stable, candidate = self.apart.pop((kind, scorer), (Moments(), Moments()))
        self.apart[kind, scorer] = (
            stable + Moments.of(np.array([one for one, _ in both], dtype=np.float64)),
            candidate + Moments.of(np.array([other for _, other in both], dtype=np.float64)),
        )
        if len(self.apart) > _MOST_APART:
            del self.apart[next(iter(self.apart))]

    def dump(self) -> dict[str, Any]:
        return {
            "units": self.units.dump() if self.units else None,
            "heard": self.heard,
            "succession": self.succession.dump(),
            "apart": [
                [kind.value, scorer, stable.dump(), candidate.dump()]
                for (kind, scorer), (stable, candidate) in self.apart.items()
            ],
        }

    @classmethod
    def start(cls, *, sticky: bool) -> Pairing:
        return cls(units=Units() if sticky else None)

    @classmethod
    def load(cls, dumped: dict[str, Any], *, sticky: bool) -> Pairing:
        """A ledger from before units of pairs were told apart knows of none."""
        units = cls.start(sticky=sticky).units
        if units is not None and dumped.get("units") is not None:
            units.restore(dumped["units"])
        heard = dumped.get("heard")
        return cls(
            units=units,
            heard=None if heard is None else (float(heard[0]), float(heard[1])),
            succession=Succession.load(dumped["succession"]),
            apart={
                (PairKind(kind), str(scorer)): (Moments.load(stable), Moments.load(candidate))
                for kind, scorer, stable, candidate in dumped["apart"]
            },
        )


def _without_quality(pair: Pair) -> Pair:
    return replace(pair, stable=replace(pair.stable, quality=None), candidate=replace(pair.candidate, quality=None))


def _is_score(quality: float | None) -> bool:
    return quality is not None and math.isfinite(quality) and 0.0 <= quality <= 1.0
