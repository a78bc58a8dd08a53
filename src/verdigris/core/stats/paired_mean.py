"""Bets on the mean of bounded differences: each pair gives one difference, its mean is claimed to be at most 0.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import Capitals
from verdigris.core.stats.capped_mean import block_in_caps, in_caps
from verdigris.core.stats.comparison import Bet, Wagers
from verdigris.core.stats.products import factors

_LEAST = 1e-3  # of a bound, so that stakes stay finite


def mean_factors(differences: Floats, bound: float) -> Floats:
    """Factors against "the mean of `differences` is at most 0", one per stake.

    Every difference must be at least -`bound`; there is no upper bound.
    """
    grown: Floats = factors(differences[None, :] / bound)[0]
    return grown


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
        distances: Floats = np.array([self._distances(bet, block) for bet in self.bets])
        self.capitals.step(factors(distances), block.candidate.size)
        self.compared += block.candidate.size

    def _distances(self, bet: Bet, block: Block) -> Floats:
        """The differences in the direction that is bet on, as parts of the largest one in the other direction."""
        boundary = bet.boundary
        top = boundary.cap if self.capped else 1.0
        candidate = np.minimum(block.candidate, top) if self.capped else block.candidate
        above = candidate - (boundary.scale * block.stable + boundary.shift)
        if bet.worse is self.higher_is_better:
            return above / -max(top - boundary.low, _LEAST)
        return above / max(boundary.high, _LEAST)


@dataclass(kw_only=True, slots=True)
class PairedCapped:
    """Values of at least 0 and any size that both roles gave to the same requests; lower is better.

    The capped mean alone is compared: what hides above the cap is watched on live requests. `cap`, above 0, and the
    boundaries' shifts are in the values' unit.
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
        self.body.compare(block_in_caps(block, self.body.bets, self.cap))

    def move(self, cap: float) -> None:
        """Goes on with another cap. It may only depend on values that are not compared any more."""
        self.body.bets = in_caps(self.bets, cap)
        self.cap = cap

    def restart(self) -> None:
        self.body.restart()

    def dump(self) -> dict[str, Any]:
        return {"cap": self.cap, "body": self.body.dump()}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.cap = float(dumped["cap"])
        self.body.bets = in_caps(self.bets, self.cap)
        self.body.restore(dumped["body"])
