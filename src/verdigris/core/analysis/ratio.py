"""The sample-ratio test against the shares that were configured, each from its moment on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import Columns
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.sample_ratio import LOG_ODDS, ratio_factors

RATIO_THRESHOLD = 1_000.0
"""1 / alpha of this test, whose alpha of .001 is its own."""

_SETTLE = 0.5  # seconds around a change in which a request may have met either split
_REMEMBERED = 64


@dataclass(kw_only=True, slots=True)
class SampleRatio:
    """Counts units by role. `shares` holds (time, candidate's share) in time order; NaN stands for "changing"."""

    capital: Capital = field(default_factory=lambda: Capital.start(LOG_ODDS.size, pace=2_000.0))
    shares: list[tuple[float, float]] = field(default_factory=list)
    candidate: int = 0
    stable: int = 0
    expected: float = 0.0

    @property
    def mismatch(self) -> bool:
        return self.capital.peak >= RATIO_THRESHOLD

    def expect(self, at: float, share: float) -> None:
        if self.shares and self.shares[-1][1] == share:
            return
        self.shares = sorted([*self.shares, (at, share)], key=lambda entry: entry[0])[-_REMEMBERED:]

    def fold(self, columns: Columns) -> None:
        """Counts the observations whose request began under a share between 0 and 1, well away from its changes."""
        if not self.shares:
            return
        times = np.array([at for at, _ in self.shares])
        places = np.searchsorted(times, columns.began, side="right") - 1
        since = columns.began - times[np.maximum(places, 0)]
        until = np.append(times, np.inf)[places + 1] - columns.began
        settled = (places >= 0) & (since >= _SETTLE) & (until > _SETTLE)
        for place in np.unique(places[settled]):
            share = self.shares[place][1]
            if 0.0 < share < 1.0:
                self._count(columns.candidate[settled & (places == place)], share)

    def _count(self, candidate: np.ndarray, share: float) -> None:
        on_candidate = int(np.count_nonzero(candidate))
        on_stable = candidate.size - on_candidate
        self.capital.step(ratio_factors(on_candidate, on_stable, share), candidate.size)
        self.candidate += on_candidate
        self.stable += on_stable
        self.expected += share * candidate.size

    def dump(self) -> dict[str, Any]:
        return {
            "capital": self.capital.dump(),
            "shares": [[at, None if np.isnan(share) else share] for at, share in self.shares],
            "counts": [self.candidate, self.stable, self.expected],
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.capital.restore(dumped["capital"])
        self.shares = [(float(at), np.nan if share is None else float(share)) for at, share in dumped["shares"]]
        candidate, stable, self.expected = dumped["counts"]
        self.candidate, self.stable = int(candidate), int(stable)
