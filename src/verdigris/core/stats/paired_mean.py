"""Bets on the mean of bounded differences: each pair gives one difference, its mean is claimed to be at most 0.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential, log_products
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import STAKES, Capitals
from verdigris.core.stats.capped_mean import in_caps
from verdigris.core.stats.comparison import Bet, Wagers

_LEAST = 1e-3  # of a bound, so that stakes stay finite


def mean_factors(differences: Floats, bound: float) -> Floats:
    """Factors against "the mean of `differences` is at most 0", one per stake.

    Every difference must be at least -`bound`; there is no upper bound.
    """
    stakes: Floats = STAKES[None, :] / bound
    return exponential(log_products(stakes, differences, np.zeros(1))[0])


@dataclass(kw_only=True, slots=True)
class PairedMean(Wagers):
    """Values in 0..1 that both roles gave to the same requests: scores, or events as 0 and 1. Order is that of pairs.

    With `capped`, stable's values were cut at 1 and the candidate's may be any size, as in `TwoSampleMean`.
    """

    higher_is_better: bool
    capped: bool = False

    @classmethod
    def start(cls, bets: tuple[Bet, ...], *, higher_is_better: bool, capped: bool = False) -> PairedMean:
        return cls(bets=bets, capitals=Capitals.start(len(bets)), higher_is_better=higher_is_better, capped=capped)

    def compare(self, block: Block) -> None:
        bounds, differences = zip(*(self._differences(bet, block) for bet in self.bets), strict=True)
        stakes: Floats = STAKES[None, :] / np.array(bounds)[:, None]
        logs = log_products(stakes, np.array(differences), np.zeros(len(bounds)))
        self.capitals.step(exponential(logs), block.candidate.size)
        self.compared += block.candidate.size

    def _differences(self, bet: Bet, block: Block) -> tuple[float, Floats]:
        """In the direction that is bet on; at least minus the first."""
        boundary = bet.boundary
        top = boundary.high if self.capped else 1.0
        candidate = np.minimum(block.candidate, top) if self.capped else block.candidate
        above = candidate - (boundary.scale * block.stable + boundary.shift)
        if bet.worse is self.higher_is_better:
            return max(top - boundary.low, _LEAST), -above
        return max(boundary.high, _LEAST), above


@dataclass(kw_only=True, slots=True)
class PairedCapped:
    """Values of at least 0 and any size that both roles gave to the same requests; lower is better.

    The capped mean alone is compared. Within pairs it is already more than live requests can tell, and how often the
    cap is exceeded is watched there. `cap` and the boundaries' shifts are in the values' unit.
    """

    bets: tuple[Bet, ...]
    cap: float
    body: PairedMean

    @classmethod
    def start(cls, bets: tuple[Bet, ...], *, cap: float) -> PairedCapped:
        return cls(bets=bets, cap=cap, body=PairedMean.start(in_caps(bets, cap), higher_is_better=False, capped=True))

    @property
    def compared(self) -> int:
        return self.body.compared

    def value(self, i: int) -> float:
        return self.body.value(i)

    def best(self, i: int) -> float:
        return self.body.best(i)

    def compare(self, block: Block) -> None:
        highest = self.cap * max(bet.boundary.high for bet in self.body.bets)
        self.body.compare(
            Block(
                candidate=np.minimum(block.candidate, highest) / self.cap,
                stable=np.minimum(block.stable, self.cap) / self.cap,
                at=block.at,
            )
        )

    def restart(self) -> None:
        self.body.restart()

    def dump(self) -> dict[str, Any]:
        return {"cap": self.cap, "body": self.body.dump()}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.cap = float(dumped["cap"])
        self.body.bets = in_caps(self.bets, self.cap)
        self.body.restore(dumped["body"])
