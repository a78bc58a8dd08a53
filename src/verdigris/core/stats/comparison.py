"""What every comparison of two roles has in common: boundaries, bets with their capital, a running centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import Capitals


@dataclass(frozen=True, kw_only=True, slots=True)
class Boundary:
    """Maps stable's value b to the value the candidate is held against: scale * b + shift."""

    scale: float = 1.0
    shift: float = 0.0

    @property
    def low(self) -> float:
        """The smallest boundary for b in 0..1."""
        return min(self.shift, self.scale + self.shift)

    @property
    def high(self) -> float:
        """The largest boundary for b in 0..1."""
        return max(self.shift, self.scale + self.shift)

    @property
    def cap(self) -> float:
        """Where stable's cap of 1 lies after the boundary: values of a candidate, of at least 0, are cut there."""
        return max(self.high, 0.0)

    @property
    def is_equality(self) -> bool:
        return self.scale == 1.0 and self.shift == 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bet:
    """One hypothesis that is bet on: that the candidate is `worse` than the boundary, or that it is not."""

    boundary: Boundary
    worse: bool

    @classmethod
    def start(cls, boundary: Boundary, *, worse: bool) -> Bet:
        return cls(boundary=boundary, worse=worse)


def rows(places: list[int]) -> slice | list[int]:
    """The same places, as a slice where they follow each other: arrays are indexed sooner by it."""
    first, last = places[0], places[-1]
    return slice(first, last + 1) if last - first + 1 == len(places) else places


class Comparison(Protocol):
    """Two roles compared block by block. The caller cuts blocks by labels and time, never by values."""

    @property
    def bets(self) -> tuple[Bet, ...]: ...

    @property
    def compared(self) -> int:
        """Values of the candidate that were compared."""

    def value(self, i: int) -> float:
        """The e-value of bet `i` now: evidence for what it bets on."""

    def best(self, i: int) -> float:
        """The growth of the luckiest stake of bet `i`: see `Capital.best`."""

    def compare(self, block: Block) -> None:
        """Settles one block for all bets, and learns from it afterwards."""

    def restart(self) -> None:
        """Forgets what was won and keeps what was lost: see `Capital.restart`."""

    def dump(self) -> dict[str, Any]: ...

    def restore(self, dumped: Mapping[str, Any]) -> None: ...


@dataclass(kw_only=True, slots=True)
class Centre:
    """One role's mean of the past, with a prior worth `strength` values; one for each bet, or one for all of them.

    Only power depends on it, never validity.
    """

    total: list[float]
    weight: float
    strength: float

    @classmethod
    def prior(cls, mean: float, strength: float, *, bets: int = 1) -> Centre:
        return cls(total=[mean * strength] * bets, weight=strength, strength=strength)

    @property
    def mean(self) -> list[float]:
        return [total / self.weight for total in self.total]

    def learn(self, total: Sequence[float], count: float) -> None:
        """Takes in the sums of `count` values."""
        self.total = [before + more for before, more in zip(self.total, total, strict=True)]
        self.weight += count

    def scaled(self, factor: float) -> None:
        """Goes on in another unit."""
        self.total = [total * factor for total in self.total]

    def restart(self) -> None:
        """Keeps the mean, which now weighs no more than the prior did: what comes next may be different."""
        self.total = [mean * self.strength for mean in self.mean]
        self.weight = self.strength

    def dump(self) -> list[Any]:
        return [self.total, self.weight]

    def restore(self, dumped: Sequence[Any]) -> None:
        self.total, self.weight = [float(total) for total in dumped[0]], float(dumped[1])


@dataclass(kw_only=True, slots=True)
class Wagers:
    """What every family of comparisons keeps: its bets, their capital, and how many candidate values were compared."""

    bets: tuple[Bet, ...]
    capitals: Capitals
    compared: int = 0

    def value(self, i: int) -> float:
        return self.capitals.values[i]

    def best(self, i: int) -> float:
        return self.capitals.best(i)

    def restart(self) -> None:
        self.capitals.restart()
        self.compared = 0

    def dump(self) -> dict[str, Any]:
        return {"capitals": self.capitals.dump(), "compared": self.compared}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.capitals.restore(dumped["capitals"])
        self.compared = int(dumped["compared"])


@dataclass(kw_only=True, slots=True)
class Unpaired(Wagers):
    """Bets on values that are not paired: their stakes are centred on both roles' means of the past."""

    candidate: Centre
    stable: Centre

    def learn(self, *, candidate: Sequence[float], candidate_n: int, stable: float, stable_n: int) -> None:
        """Moves the centres, after the block is settled; `candidate` and `stable` are sums."""
        self.candidate.learn(candidate, candidate_n)
        self.stable.learn([stable], stable_n)
        self.compared += candidate_n

    def restart(self) -> None:
        Wagers.restart(self)
        self.candidate.restart()
        self.stable.restart()

    def dump(self) -> dict[str, Any]:
        return {**Wagers.dump(self), "candidate": self.candidate.dump(), "stable": self.stable.dump()}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        Wagers.restore(self, dumped)
        self.candidate.restore(dumped["candidate"])
        self.stable.restore(dumped["stable"])
