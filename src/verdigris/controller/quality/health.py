"""What the quality work knows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verdigris.controller.quality.noise import Floor


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """How often a scorer was asked since the controller began, how often it gave no word, and what its words have cost (USD).

    `gates`: its word counts for the verdict.
    """

    scorer: str
    version: str = ""
    tries: int = 0
    failures: int = 0
    cost: float = 0.0
    gates: bool = False

    @property
    def failure_share(self) -> float | None:
        """0..1; None before the first try."""
        return self.failures / self.tries if self.tries else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """USD of one purse, spent or set aside: on the rollout and on this (UTC) day. `remaining` is None where nothing bounds it."""

    purse: str
    rollout: float
    day: float
    remaining: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityHealth:
    """Counts since the controller began; `problems` are plain sentences.

    `samples` were read; `missed` became none, by reason. `pairs` were made, by kind, and `dropped` were drawn and not made, by reason.
    `overruns` are pairs that cost more than was set aside for them.
    """

    samples: int = 0
    missed: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    not_kept: int = 0
    pairs: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    overruns: int = 0
    scorers: tuple[Tries, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class QualitySummary:
    """The counts, and what belongs to one rollout: the money and the noise floor. `money` is None when its file cannot be read."""

    rollout: str
    health: QualityHealth
    money: tuple[Money, ...] | None = ()
    floors: tuple[Floor, ...] = ()
