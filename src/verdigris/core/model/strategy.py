"""A Strategy: the ordered steps of a rollout, and what decides when nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

from verdigris.core.model.split import FULL
from verdigris.core.model.verdict import Outcome


class Advance(StrEnum):
    """What is asked before the weight rises to a step.

    SAFE: the step before has been held and watched long enough, with its minimum samples in both roles, and nothing
    speaks against the candidate. SCALED: all that, and proof or an approval that the candidate is no worse than
    `scaled_multiple` times the margins; from 0 % there is nothing to prove from, so it asks what SAFE asks. PROVEN: as
    SAFE, and PASS or an approval that names the evidence it saw.
    """

    SAFE = "safe"
    SCALED = "scaled"
    PROVEN = "proven"


_SCALE = ((10.0, 4.0), (25.0, 2.0))


def scaled_multiple(weight: float) -> float:
    """The multiple of the margins to be proven before `weight` percent is left: the more exposed, the narrower."""
    return next((multiple for most, multiple in _SCALE if weight <= most), 1.0)


class Otherwise(StrEnum):
    """What happens when a step, or the rollout, is not decided in time. None of them ever promotes by itself.

    ROLLBACK: go back. HOLD: stand still, paused and undecided; a person may resume, which gives it its time anew,
    approve or abort. APPROVE: ask a person for an approval of the evidence as it stands; without it nothing goes on.
    """

    ROLLBACK = "rollback"
    HOLD = "hold"
    APPROVE = "approve"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What happens at the end of the time, by what the judge says at that moment.

    `waiting` is also the word for PASS: proven, but held or sampled too little in time.
    """

    waiting: Otherwise = Otherwise.ROLLBACK
    inconclusive: Otherwise = Otherwise.ROLLBACK
    no_data: Otherwise = Otherwise.ROLLBACK
    invalid: Otherwise = Otherwise.ROLLBACK

    @classmethod
    def always(cls, otherwise: Otherwise) -> Policy:
        """The same whatever the judge says."""
        return cls(waiting=otherwise, inconclusive=otherwise, no_data=otherwise, invalid=otherwise)

    @property
    def single(self) -> Otherwise | None:
        """The word, when it is the same whatever the judge says."""
        words = {self.waiting, self.inconclusive, self.no_data, self.invalid}
        return self.waiting if len(words) == 1 else None

    def for_outcome(self, outcome: Outcome | None) -> Otherwise:
        """The word on `outcome`; None means that nothing was judged yet."""
        match outcome:
            case None | Outcome.NO_DATA:
                return self.no_data
            case Outcome.INCONCLUSIVE:
                return self.inconclusive
            case Outcome.INVALID:
                return self.invalid
            case Outcome.WAITING | Outcome.PASS:
                return self.waiting
            case Outcome.FAIL:
                return Otherwise.ROLLBACK
            case _:
                assert_never(outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightStep:
    """Give the candidate `weight` percent; leave after `hold` watched seconds and `min_samples` requests in both roles.

    `advance` is what is asked before entering this step. `timeout` counts wall seconds since the step began; None
    leaves it to the rollout's time limit. `otherwise` decides when it ends, and when the judge says INCONCLUSIVE where
    the next step asks for proof.
    """

    weight: float
    hold: float = 900.0
    min_samples: int = 50
    advance: Advance = Advance.SAFE
    timeout: float | None = None
    otherwise: Policy = Policy()

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

    `time_limit` counts wall seconds from start to the switch; then `otherwise` decides.
    `keep_previous` is how long, in seconds after the promotion, `rollback` can still return to the previous side.
    `horizon` is after how many requests of both roles the judge says INCONCLUSIVE instead of WAITING; None: never.
    """

    steps: tuple[Step, ...]
    bake: float = 900.0
    keep_previous: float = 86_400.0
    time_limit: float = 21_600.0
    otherwise: Policy = Policy()
    horizon: int | None = None

    def __post_init__(self) -> None:
        weights = [step.weight for step in self.steps if isinstance(step, WeightStep)]
        if not weights or weights[-1] != FULL or not isinstance(self.steps[-1], WeightStep):
            raise ValueError("the last step must be weight: 100%")
        if any(later <= earlier for earlier, later in pairwise(weights)):
            raise ValueError("weights must rise from step to step")
        if self.horizon is not None and self.horizon < 1:
            raise ValueError(f"a horizon is a number of requests, not {self.horizon}")

    @property
    def multiples(self) -> tuple[float, ...]:
        """The multiples of the margins that its steps want to know proven, rising from 1."""
        weights = [step for step in self.steps if isinstance(step, WeightStep)]
        asked = {scaled_multiple(left.weight) for left, step in pairwise(weights) if step.advance is Advance.SCALED}
        return tuple(sorted({1.0, *asked}))


DEFAULT_STRATEGY = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=900.0, min_samples=50),
        WeightStep(weight=25.0, hold=900.0, min_samples=100),
        WeightStep(weight=50.0, hold=1_800.0, min_samples=250),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    )
)
