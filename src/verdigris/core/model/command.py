"""Commands: what the shell must now do. A Decision is the new state and the commands that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verdigris.core.model.rollout import Rollout
from verdigris.core.model.split import Split


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplySplit:
    """Bring the data plane to `split`; answered by SplitApplied or SplitRefused. Safe to repeat."""

    split: Split
    weight: float


class Topic(StrEnum):
    """What an announcement is about."""

    STARTED = "started"
    WEIGHT = "weight"
    WAITING = "waiting"
    PAUSED = "paused"
    RESUMED = "resumed"
    WARNING = "warning"
    PROMOTED = "promoted"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announce:
    """Tell the people: one plain sentence."""

    topic: Topic
    text: str


Command = ApplySplit | Announce


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    rollout: Rollout
    commands: tuple[Command, ...] = ()
