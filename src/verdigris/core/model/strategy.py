"""A Strategy: the ordered steps of a rollout, and what decides when nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from verdigris.core.model.split import FULL


class Advance(StrEnum):
    """What is asked before the weight rises to a step.

    SAFE: the step before has been held and watched long enough, with its minimum samples in both roles, and nothing
    speaks against the candidate. PROVEN: all that, and PASS or an approval that names the evidence it saw.
    """

    SAFE = "safe"
    PROVEN = "proven"


class Otherwise(StrEnum):
    """What happens when a step, or the rollout, is not decided in time."""

    ROLLBACK = "rollback"
    HOLD = "hold"
    APPROVE = "approve"


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightStep:
    """Give the candidate `weight` percent; leave after `hold` watched seconds and `min_samples` requests in both roles.

    `advance` is what is asked before entering this step. `timeout` counts wall seconds since the step began; None
    leaves it to the rollout's time limit.
    """

    weight: float
    hold: float = 900.0
    min_samples: int = 50
    advance: Advance = Advance.SAFE
    timeout: float | None = None
    otherwise: Otherwise = Otherwise.ROLLBACK

    def __post_init__(self) -> None:
        if not 0 < self.weight <= FULL:
            raise ValueError(f"a step's weight must lie above 0 and at most at 100, not {self.weight}")
        if round(self.weight, 2) != self.weight:
            raise ValueError(f"a step's weight has two decimals at most, not {self.weight}")
        if self.weight == FULL and self.advance is not Advance.PROVEN:
            raise ValueError("the step to 100 % asks for advance: proven")


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseStep:
    """Wait for `resume`, or `duration` seconds where given."""

    duration: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApproveStep:
    """Wait for a person's word; after `timeout` wall seconds `otherwise` decides."""

    timeout: float | None = None
    otherwise: Otherwise = Otherwise.ROLLBACK


Step = WeightStep | PauseStep | ApproveStep


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategy:
    """Steps with rising weights that end at 100; then `bake` watched seconds still able to go back by itself.

    `time_limit` counts wall seconds from start to the switch; then `otherwise` (ROLLBACK or HOLD) decides.
    `keep_previous` is how long, in seconds after the promotion, `rollback` can still return to the previous side.
    """

    steps: tuple[Step, ...]
    bake: float = 900.0
    keep_previous: float = 86_400.0
    time_limit: float = 21_600.0
    otherwise: Otherwise = Otherwise.ROLLBACK

    def __post_init__(self) -> None:
        weights = [step.weight for step in self.steps if isinstance(step, WeightStep)]
        if not weights or weights[-1] != FULL or not isinstance(self.steps[-1], WeightStep):
            raise ValueError("the last step must be weight: 100%")
        if any(later <= earlier for earlier, later in pairwise(weights)):
            raise ValueError("weights must rise from step to step")


DEFAULT_STRATEGY = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=900.0, min_samples=50),
        WeightStep(weight=25.0, hold=900.0, min_samples=100),
        WeightStep(weight=50.0, hold=1_800.0, min_samples=250),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    )
)
