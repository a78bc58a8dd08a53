"""Thinning: where more arrives than the judge needs, a part of it is judged, drawn by label alone.

Each observation is kept with the probability 2^-k, whatever its role and whatever it measured, so what is kept proves as
much as the same number of requests would. k is fixed for a moment before it comes, from the rate of arrivals until then, and
holds for the requests that *began* in that moment: by when they ended, slow requests would be thinned differently from
quick ones.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from verdigris.core.analysis.columns import LARGEST, Hashes, Source
from verdigris.core.analysis.units import mix
from verdigris.core.model.observation import Observation
from verdigris.core.stats.arrays import Floats

WINDOW = 5.0
"""Seconds over which the rate is taken. A higher rate is answered after one, for requests that begin from then on."""

PATIENCE = 3
"""Windows in a row that must be quiet enough before more is kept again."""

_QUIET = 0.75  # of what may go to the judge: the margin that keeps k from going up and down
_MOST_HALVINGS = 40
_REMEMBERED = 3_600.0  # seconds for which a change of k is known
_BACK = 120.0  # seconds; what is older than the window by more comes from a clock that went back
_MASK = 2**64 - 1
_LAST = 1e11  # seconds; a time beyond is none


@dataclass(kw_only=True, slots=True)
class Thinning:
    """Keeps about `most` observations a second at the most, on average; infinity keeps all.

    An observation with a unit is in or out with its unit; one without is drawn by its number of arrival. What is kept at
    one k is a part of what is kept at any smaller one. `salt` makes the draw another one. `changes` holds (time, k) in the
    order of time: k holds for what began from then on. `seen` and `kept` count.
    Raises: ValueError for a `most` that is not above 0.
    """

    most: float = 1_000.0
    salt: int = 0x7C15_9E37_79B9_7F4A
    changes: list[tuple[float, int]] = field(default_factory=list)
    seen: int = 0
    kept: int = 0
    since: float = math.nan
    latest: float = -math.inf
    arrived: int = 0
    quiet: int = 0

    def __post_init__(self) -> None:
        if not self.most > 0.0:
            raise ValueError(f"most must be above 0, not {self.most}")

    @property
    def k(self) -> int:
        """How often the stream is halved, for what begins from now on."""
        return self.changes[-1][1] if self.changes else 0

    def keep(self, observations: Sequence[Observation]) -> list[Observation]:
        """Those that go to the judge, in the order they came."""
        numbers = np.arange(self.seen, self.seen + len(observations), dtype=np.uint64)
        self.seen += len(observations)
        kept = list(observations)
        if any(k for _, k in self.changes):
            chosen = self._drawn(observations, numbers)
            kept = [row for row, taken in zip(observations, chosen.tolist(), strict=True) if taken]
        self.kept += len(kept)
        if math.isfinite(self.most):
            self._count(observations)
        return kept

    # ------------------------------------------------------------------ who is kept

    def _drawn(self, observations: Sequence[Observation], numbers: Hashes) -> npt.NDArray[np.bool_]:
        own = [row.unit for row in observations]
        labels = np.array([0 if unit is None else unit & _MASK for unit in own], dtype=np.uint64)
        alone = np.array([unit is None for unit in own], dtype=np.bool_)
        labels[alone] = mix(numbers[alone] + np.uint64(1))
        halvings = self._halvings(_began(observations))
        # The first bits, since the last ones choose the place in the map of units seen.
        first = mix(labels ^ np.uint64(self.salt & _MASK)) >> (np.uint64(64) - np.maximum(halvings, np.uint64(1)))
        kept: npt.NDArray[np.bool_] = (first == 0) | (halvings == 0)
        return kept

    def _halvings(self, began: Floats) -> Hashes:
        """The k of each moment; that of the earliest change remembered for what is older, and the latest without a time."""
        times = np.array([at for at, _ in self.changes])
        ks = np.array([k for _, k in self.changes], dtype=np.uint64)
        found: Hashes = ks[np.maximum(np.searchsorted(times, began, side="right") - 1, 0)]
        return found

    # ------------------------------------------------------------------ how many are kept

    def _count(self, observations: Sequence[Observation]) -> None:
        """Closes a window when its time is over."""
        ends = [row.at for row in observations if -_LAST < row.at < _LAST]
        self.arrived += len(ends)
        if not ends:
            return
        at = max(ends)
        if math.isnan(self.since) or at < self.since - _BACK:
            # The first, or a clock that went back: what it said of later times is forgotten.
            self._begin(at)
            self.changes = self.changes[: bisect_left(self.changes, (at, 0))]
            self.latest = at
        self.latest = max(self.latest, at)
        if at - self.since >= WINDOW:
            self._adjust(self.arrived / (at - self.since))
            self._begin(at)
            self._forget()

    def _begin(self, at: float) -> None:
        self.since, self.arrived = at, 0

    def _adjust(self, rate: float) -> None:
        needed = min(max(math.ceil(math.log2(rate / self.most)), 0), _MOST_HALVINGS) if rate > 0.0 else 0
        if needed > self.k:
            self._change(needed)
        elif self.k and rate * 0.5 ** (self.k - 1) < self.most * _QUIET:
            self.quiet += 1
            if self.quiet >= PATIENCE:
                self._change(self.k - 1)
        else:
            self.quiet = 0

    def _change(self, k: int) -> None:
        """From now on. Before the first change everything was kept."""
        self.quiet = 0
        if not self.changes:
            self.changes.append((-math.inf, 0))
        self.changes.append((self.latest, k))

    def _forget(self) -> None:
        while len(self.changes) > 1 and self.changes[1][0] < self.latest - _REMEMBERED:
            del self.changes[0]
        if len(self.changes) == 1 and not self.k:
            self.changes.clear()


def _began(observations: Sequence[Observation]) -> Floats:
    at = np.array([row.at for row in observations], dtype=np.float64)
    duration = np.array([row.duration for row in observations], dtype=np.float64)
    began: Floats = at - np.where((duration > 0.0) & (duration <= LARGEST[Source.LATENCY]), duration, 0.0)
    return began
