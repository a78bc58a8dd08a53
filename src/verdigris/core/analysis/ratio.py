"""The sample-ratio test against the shares that were configured, each from its moment on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.clock import Clock
from verdigris.core.analysis.columns import Columns, Flags
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.sample_ratio import LOG_ODDS, ratio_factors

RATIO_THRESHOLD = 1_000.0
"""1 / alpha of this test, whose alpha of .001 is its own."""

SHORTEST_LAG, LONGEST_LAG = 30.0, 300.0
"""Seconds after which the requests of a moment are taken to have ended; three times the longest one, inside these."""

_SETTLE = 0.5  # seconds around a change in which a request may have met either split
_REMEMBERED = 64
_SPAN = 1_000


@dataclass(kw_only=True, slots=True)
class SampleRatio:
    """Counts units by role. `shares` holds (time, candidate's share) in time order; NaN stands for "changing".

    Requests are counted by the second in which they began, and a second is settled only when its requests have had
    time to end, `least_lag` seconds at least: a slow candidate must not look like a missing one. `open` is the first
    second not settled yet; `waiting` holds [candidate, stable] by second and share.
    """

    capital: Capital = field(default_factory=lambda: Capital.start(LOG_ODDS.size, pace=2_000.0))
    shares: list[tuple[float, float]] = field(default_factory=list)
    waiting: dict[tuple[int, float], list[int]] = field(default_factory=dict)
    open: int = 0
    longest: float = 0.0
    candidate: int = 0
    stable: int = 0
    expected: float = 0.0
    least_lag: float = 0.0
    clock: Clock = field(default_factory=Clock)

    @property
    def mismatch(self) -> bool:
        return self.capital.peak >= RATIO_THRESHOLD

    def expect(self, at: float, share: float) -> bool:
        """Notes a share from `at` on; False if it is the one in force anyway."""
        latest = self.shares[-1][1] if self.shares else None
        if latest is not None and (latest == share or (math.isnan(latest) and math.isnan(share))):
            return False
        self.shares = sorted([*self.shares, (at, share)], key=lambda entry: entry[0])[-_REMEMBERED:]
        return True

    def split_of(self, began: Floats) -> Floats:
        """For each moment, when the share in force then was first expected; minus infinity before the first."""
        if not self.shares or began.size == 0:
            return np.full(began.size, -np.inf)
        times = np.array([at for at, _ in self.shares])
        if began.min() >= times[-1]:
            return np.full(began.size, times[-1])
        return np.concatenate(([-np.inf], times))[np.searchsorted(times, began, side="right")]

    @property
    def share(self) -> float | None:
        """The latest share; None before the first and while it changes."""
        latest = self.shares[-1][1] if self.shares else math.nan
        return None if math.isnan(latest) else latest

    def fold(self, columns: Columns) -> None:
        """Counts the observations whose request began under a share between 0 and 1, well away from its changes."""
        if not self.shares or not len(columns):
            return
        times = np.array([at for at, _ in self.shares])
        began = columns.began
        first = int(np.searchsorted(times, began.min(), side="right")) - 1
        last = int(np.searchsorted(times, began.max(), side="right")) - 1
        for place in range(max(first, 0), last + 1):
            share = self.shares[place][1]
            if 0.0 < share < 1.0:
                until = times[place + 1] - _SETTLE if place + 1 < times.size else np.inf
                chosen = (began >= times[place] + _SETTLE) & (began < until)
                self._count(began[chosen], columns.candidate[chosen], share)
        self.longest = max(self.longest, float((columns.at - began).max()))
        self.clock.read(columns.at)
        self._settle()

    def _count(self, began: Floats, candidate: Flags, share: float) -> None:
        if not began.size:
            return
        seconds = np.maximum(np.floor(began), self.open).astype(np.int64)
        first, last = int(seconds.min()), int(seconds.max())
        if last - first < _SPAN:
            totals = np.bincount(seconds - first)
            chosen = np.bincount(seconds[candidate] - first, minlength=totals.size)
            for place in np.flatnonzero(totals).tolist():
                self._add(first + place, share, int(chosen[place]), int(totals[place]))
            return
        for second in np.unique(seconds).tolist():  # a clock has jumped
            inside = seconds == second
            self._add(second, share, int(np.count_nonzero(candidate & inside)), int(np.count_nonzero(inside)))

    def _add(self, second: int, share: float, on_candidate: int, total: int) -> None:
        counts = self.waiting.setdefault((second, share), [0, 0])
        counts[0] += on_candidate
        counts[1] += total - on_candidate

    def _settle(self) -> None:
        if math.isinf(self.clock.now):
            return
        lag = max(min(max(SHORTEST_LAG, 3.0 * self.longest), LONGEST_LAG), self.least_lag)
        self.open = max(self.open, math.floor(self.clock.now - lag))
        for second, share in sorted(key for key in self.waiting if key[0] < self.open):
            candidate, stable = self.waiting.pop((second, share))
            self.capital.step(ratio_factors(candidate, stable, share), candidate + stable)
            self.candidate += candidate
            self.stable += stable
            self.expected += share * (candidate + stable)

    def dump(self) -> dict[str, Any]:
        return {
            "capital": self.capital.dump(),
            "shares": [[at, None if math.isnan(share) else share] for at, share in self.shares],
            "waiting": [[second, share, *counts] for (second, share), counts in self.waiting.items()],
            "open": [self.open, self.longest],
            "clock": self.clock.dump(),
            "counts": [self.candidate, self.stable, self.expected],
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.capital.restore(dumped["capital"])
        self.shares = [(float(at), math.nan if share is None else float(share)) for at, share in dumped["shares"]]
        self.waiting = {(second, share): [candidate, stable] for second, share, candidate, stable in dumped["waiting"]}
        self.open, self.longest = dumped["open"]
        self.clock = Clock.load(dumped["clock"])
        self.candidate, self.stable, self.expected = dumped["counts"]
