"""What every comparison of two roles has in common: a boundary, three pieces of evidence, a running centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.capital import Capital


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
    def is_equality(self) -> bool:
        return self.scale == 1.0 and self.shift == 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """E-values of one comparison.

    `harm` speaks against "not worse than the tolerance", `far` against "not worse than the margin",
    `non_inferiority` against "worse than the margin" (its running maximum). `growth` is the luckiest
    non-inferiority bet's factor over the `candidates` values that were compared.
    """

    harm: float
    far: float
    non_inferiority: float
    growth: float
    candidates: int

    def in_force(self, *, proven_safe: bool) -> float:
        """The evidence for harm that counts.

        Once the candidate is proven no worse than the margin, only harm beyond the margin matters. The minimum never
        exceeds `harm`, so the change of question costs nothing.
        """
        return min(self.far, self.harm) if proven_safe else self.harm


class Comparison(Protocol):
    """Two roles compared block by block. The caller cuts blocks by labels and time, never by values."""

    @property
    def evidence(self) -> Evidence: ...

    def compare(self, candidate: Floats, stable: Floats) -> None:
        """Settles one block; both arrays hold at least one value."""

    def dump(self) -> dict[str, Any]: ...

    def restore(self, dumped: dict[str, Any]) -> None: ...


@dataclass(kw_only=True, slots=True)
class Centre:
    """A role's mean of the past, with a prior worth `weight` values. Only power depends on it, never validity."""

    total: float
    weight: float

    @classmethod
    def prior(cls, mean: float, strength: float) -> Centre:
        return cls(total=mean * strength, weight=strength)

    @property
    def mean(self) -> float:
        return self.total / self.weight

    def learn(self, total: float, count: float) -> None:
        self.total += total
        self.weight += count

    def dump(self) -> list[float]:
        return [self.total, self.weight]

    def restore(self, dumped: Sequence[float]) -> None:
        self.total, self.weight = (float(number) for number in dumped)


@dataclass(kw_only=True, slots=True)
class Zone:
    """The state of one comparison: three capitals, and both roles' centres. `compared` counts candidate values."""

    candidate: Centre
    stable: Centre
    harm: Capital = field(default_factory=Capital.start)
    far: Capital = field(default_factory=Capital.start)
    safe: Capital = field(default_factory=Capital.start)
    compared: int = 0

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            harm=self.harm.value,
            far=self.far.value,
            non_inferiority=self.safe.peak,
            growth=self.safe.best,
            candidates=self.compared,
        )

    def settle(self, *, harm: Floats, far: Floats, safe: Floats, observations: int) -> None:
        """Pays out one block's bets: factors against "harmless", "within the margin" and "beyond the margin"."""
        self.harm.step(harm, observations)
        self.far.step(far, observations)
        self.safe.step(safe, observations)

    def learn(self, *, candidate: float, candidate_n: int, stable: float, stable_n: int) -> None:
        """Moves the centres, after the block is settled; `candidate` and `stable` are sums."""
        self.candidate.learn(candidate, candidate_n)
        self.stable.learn(stable, stable_n)
        self.compared += candidate_n

    def dump(self) -> dict[str, Any]:
        return {
            "harm": self.harm.dump(),
            "far": self.far.dump(),
            "safe": self.safe.dump(),
            "candidate": self.candidate.dump(),
            "stable": self.stable.dump(),
            "compared": self.compared,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.harm.restore(dumped["harm"])
        self.far.restore(dumped["far"])
        self.safe.restore(dumped["safe"])
        self.candidate.restore(dumped["candidate"])
        self.stable.restore(dumped["stable"])
        self.compared = int(dumped["compared"])
