"""Taps: what the data plane copies of live traffic besides serving it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """Sends a `share` (0..1) of the requests to these `paths` (prefixes by segment) also to environment `to`, whose answers nobody sees.

    For load, not for scoring.
    """

    to: str
    share: float
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Taps:
    """`sampled` is the share (0..1) of each environment's requests whose bodies are copied; an environment left out has none."""

    sampled: Mapping[str, float] = field(default_factory=dict)
    mirror: Mirror | None = None

    def __post_init__(self) -> None:
        shares = [*self.sampled.values(), *([self.mirror.share] if self.mirror else [])]
        if any(not 0.0 <= share <= 1.0 for share in shares):
            raise ValueError(f"a share lies in 0..1, not {shares}")

    @property
    def environments(self) -> frozenset[str]:
        """All that are named."""
        named = frozenset(self.sampled)
        return named if self.mirror is None else named | {self.mirror.to}
