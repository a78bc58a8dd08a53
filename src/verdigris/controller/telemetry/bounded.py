"""Counters and histograms that cannot grow: names beyond a number become `other`, and old rollouts are let go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from verdigris.core.model.meter import Family, Kind, Labels, Point, Spread

OTHER = "other"
LONGEST = 100
"""Characters of a label's value."""


class Names:
    """The first `most` values of one label, as they are shown; all further ones are `other`. Nothing is left empty."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str | None, str] = {None: "", "": ""}

    def __getitem__(self, value: str | None) -> str:
        known = self._known.get(value)
        if known is None:
            if value is None or len(self._known) - 2 >= self._most:
                return OTHER
            known = self._known[value] = _shown(value)
        return known


def _shown(value: str) -> str:
    """Without what no exposition can carry."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in value[:LONGEST])
    return printable.encode("utf-8", "replace").decode()


class Tally:
    """The series of one counter. Keys are the values of `labels`, in their order."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self.name, self._help = name, text
        self._labels = tuple(labels)
        self._counts: dict[tuple[str, ...], float] = {}

    def add(self, key: tuple[str, ...], amount: float = 1.0) -> None:
        """A counter never falls: what is no positive number is not added."""
        if amount > 0.0 and amount < float("inf"):
            self._counts[key] = self._counts.get(key, 0.0) + amount

    def forget(self, rollout: str) -> None:
        """Lets go of the series of this rollout."""
        if "rollout" in self._labels:
            index = self._labels.index("rollout")
            for key in [key for key in self._counts if key[index] == rollout]:
                del self._counts[key]

    def family(self, common: Labels) -> Family:
        points = tuple(
            Point(labels=_labelled(common, self._labels, key), value=value) for key, value in self._counts.items()
        )
        return Family(name=self.name, kind=Kind.COUNTER, help=self._help, points=points)


class Spreads:
    """The series of one histogram, over fixed `bounds`."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self.name, self._help = name, text
        self._labels = tuple(labels)
        self._bounds = tuple(bounds)
        self._edges = np.asarray(self._bounds)
        self._counts: dict[tuple[str, ...], np.ndarray] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def add(self, key: tuple[str, ...], values: Iterable[float]) -> None:
        """Values that are no number are left out."""
        array = np.fromiter(values, dtype=float)
        array = array[np.isfinite(array)]
        if not array.size:
            return
        counts = np.bincount(np.searchsorted(self._edges, array, side="left"), minlength=len(self._bounds) + 1)
        self._put(key, counts, float(array.sum()))

    def add_one(self, key: tuple[str, ...], value: float) -> None:
        """As `add`, for values that come alone."""
        if not np.isfinite(value):
            return
        counts = np.zeros(len(self._bounds) + 1, dtype=int)
        counts[bisect_left(self._bounds, value)] = 1
        self._put(key, counts, value)

    def _put(self, key: tuple[str, ...], counts: np.ndarray, total: float) -> None:
        before = self._counts.get(key)
        if before is None:
            self._counts[key], self._sums[key] = counts, total
        else:
            before += counts
            self._sums[key] += total

    def forget(self, rollout: str) -> None:
        """Lets go of the series of this rollout."""
        if "rollout" in self._labels:
            index = self._labels.index("rollout")
            for key in [key for key in self._counts if key[index] == rollout]:
                del self._counts[key], self._sums[key]

    def family(self, common: Labels) -> Family:
        spreads = tuple(
            Spread(
                labels=_labelled(common, self._labels, key),
                counts=tuple(int(count) for count in counts),
                sum=self._sums[key],
            )
            for key, counts in self._counts.items()
        )
        return Family(name=self.name, kind=Kind.HISTOGRAM, help=self._help, spreads=spreads, bounds=self._bounds)


def _labelled(common: Labels, names: tuple[str, ...], key: tuple[str, ...]) -> Labels:
    return (*common, *zip(names, key, strict=True))
