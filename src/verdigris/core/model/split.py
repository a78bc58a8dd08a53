"""A Split: the desired traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FULL = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sticky:
    """What keeps a user on one side: the request header or cookie whose value is hashed together with the salt."""

    source: Literal["header", "cookie"]
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One environment's part: `weight` in percent, two decimals at most; `release` is stamped on its requests."""

    environment: str
    release: str
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Shares whose weights sum to 100.

    Order matters with stickiness: shares take the hash range from 0 upwards in their order. The candidate stands
    first, so that raising its weight only ever adds users to it. `salt` changes with every rollout.
    """

    shares: tuple[Share, ...]
    salt: str
    sticky: Sticky | None = None

    def __post_init__(self) -> None:
        total = sum(share.weight for share in self.shares)
        if abs(total - FULL) > 1e-9 or any(not 0 <= share.weight <= FULL for share in self.shares):
            raise ValueError(f"weights must lie in 0..100 and sum to 100, not {total}")
        if len({share.environment for share in self.shares}) != len(self.shares):
            raise ValueError("an environment stands in a split once")

    @property
    def weights(self) -> dict[str, float]:
        """Weight in percent by environment."""
        return {share.environment: share.weight for share in self.shares}
