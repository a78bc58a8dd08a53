"""The noise floor: how far stable's second answers lie from its first ones, beside how far the candidate's do."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.score import Score
from verdigris.core.stats.moments import Moments

MOST_SCORERS = 64
"""Scorers and versions of them that are summed up; further ones are not."""

_Z = 1.959964
"""The normal distribution's 97.5 % point."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """`n` words of one scorer on pairs of one kind: their mean, and its 95 % interval from two words on."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """One scorer's words (0..1) on shadow pairs and on stable's pairs with itself."""

    scorer: str
    version: str
    shadow: Spread
    itself: Spread


class NoiseFloor:
    """Sums of one rollout's words, by scorer, version and kind."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], dict[PairKind, Moments]] = defaultdict(dict)

    def add(self, pair: ComparedPair) -> None:
        for word in pair.scores:
            if isinstance(word, Score) and word.value is not None:
                self._add((word.scorer, word.version), pair.kind, word.value)

    def _add(self, scorer: tuple[str, str], kind: PairKind, value: float) -> None:
        if scorer in self._sums or len(self._sums) < MOST_SCORERS:
            sums = self._sums[scorer]
            sums[kind] = sums.get(kind, Moments()) + Moments.of(np.array([value]))

    def floors(self) -> tuple[Floor, ...]:
        return tuple(
            Floor(
                scorer=scorer,
                version=version,
                shadow=_spread(sums.get(PairKind.SHADOW, Moments())),
                itself=_spread(sums.get(PairKind.SELF, Moments())),
            )
            for (scorer, version), sums in sorted(self._sums.items())
        )


def _spread(sums: Moments) -> Spread:
    n, mean = int(sums.n), sums.mean
    if mean is None or n < 2:
        return Spread(n=n, mean=mean)
    half = _Z * math.sqrt(sums.variance / (n - 1))
    return Spread(n=n, mean=mean, low=max(0.0, mean - half), high=min(1.0, mean + half))
