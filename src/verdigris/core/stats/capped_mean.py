"""The mean of values with a heavy tail, such as cost: a capped mean and the rate at which the cap is exceeded.

Values are cut at a cap taken from stable's past (its 99.5th percentile), which bounds the mean; what hides above the
cap is watched as a rate. Evidence that the candidate is worse is .7 of the first and .3 of the second; that it is not
worse is asked of the capped mean alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.stats.block import Block
from verdigris.core.stats.comparison import Bet, Boundary
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.two_sample_mean import TwoSampleMean

CAP_QUANTILE = 0.995
_BODY, _TAIL = 0.7, 0.3


def in_caps(bets: tuple[Bet, ...], cap: float) -> tuple[Bet, ...]:
    """The same bets on values divided by `cap`."""
    return tuple(
        Bet(boundary=Boundary(scale=bet.boundary.scale, shift=bet.boundary.shift / cap), worse=bet.worse)
        for bet in bets
    )


def block_in_caps(block: Block, bets: tuple[Bet, ...], cap: float) -> Block:
    """Stable's values cut at `cap`, the candidate's above what any of `bets`, which are in caps, can need; in caps."""
    highest = cap * max(bet.boundary.cap for bet in bets)
    return Block(
        candidate=np.minimum(block.candidate, highest) / cap, stable=np.minimum(block.stable, cap) / cap, at=block.at
    )


@dataclass(kw_only=True, slots=True)
class CappedMean:
    """Values of at least 0 and any size; lower is better. `cap`, above 0, and the boundaries' shifts are in the values' unit.

    `tail` bets on what `bets` say of worse candidates, in their order.
    """

    bets: tuple[Bet, ...]
    cap: float
    body: TwoSampleMean
    tail: Exceedance

    @classmethod
    def start(cls, bets: tuple[Bet, ...], *, cap: float, prior: float) -> CappedMean:
        """`prior` is the capped mean expected of both roles, in the values' unit."""
        worse = tuple(bet for bet in bets if bet.worse)
        return cls(
            bets=bets,
            cap=cap,
            body=TwoSampleMean.start(in_caps(bets, cap), higher_is_better=False, prior=prior / cap, capped=True),
            tail=Exceedance.start(worse, threshold=cap, rate=1.0 - CAP_QUANTILE, bursts=False),
        )

    @property
    def compared(self) -> int:
        return self.body.compared

    def value(self, i: int) -> float:
        if not self.bets[i].worse:
            return self.body.value(i)
        before = sum(bet.worse for bet in self.bets[:i])
        return _BODY * self.body.value(i) + _TAIL * self.tail.value(before)

    def best(self, i: int) -> float:
        return self.body.best(i)

    def compare(self, block: Block) -> None:
        self.body.compare(block_in_caps(block, self.body.bets, self.cap))
        if self.tail.bets:
            self.tail.compare(block)

    def move(self, cap: float) -> None:
        """Goes on with another cap. It may only depend on values that are not compared any more.

        What was learned of both means is kept: in the values' unit they are about what they were.
        """
        self.body.bets = in_caps(self.bets, cap)
        self.body.candidate.scaled(self.cap / cap)
        self.body.stable.scaled(self.cap / cap)
        self.tail.move(cap)
        self.cap = cap

    def restart(self) -> None:
        self.body.restart()
        self.tail.restart()

    def dump(self) -> dict[str, Any]:
        return {"cap": self.cap, "body": self.body.dump(), "tail": self.tail.dump()}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.cap = float(dumped["cap"])
        self.body.bets = in_caps(self.bets, self.cap)
        self.body.restore(dumped["body"])
        self.tail.restore(dumped["tail"])
