"""The strategy of the file: a preset's name, or steps.

Presets are lists of steps for the same machine, so none of them skips proof: `blue-green` gives half the traffic to the
candidate for as long as the comparison needs and then everything, once it is proven or approved.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import (
    DEFAULT_STRATEGY,
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Step,
    Strategy,
    WeightStep,
)
from verdigris.spec.types import Doc, Duration, PositiveDuration, Weight
from verdigris.spec.units import format_duration
from verdigris.spec.wrong import Wrong

MAY_BE_BLANK = ("pause", "approve")
"""Keys that mean something without a value: `- approve:`."""

MOST_STEPS = 100
_MOST_SAMPLES = 100_000_000
_LAST = WeightStep(weight=FULL, hold=0.0, min_samples=0, advance=Advance.PROVEN)

PRESETS: dict[str, tuple[Step, ...]] = {
    "canary": DEFAULT_STRATEGY.steps,
    "blue-green": (WeightStep(weight=50.0, hold=900.0, min_samples=250), _LAST),
    "linear": (
        *(WeightStep(weight=weight, hold=600.0, min_samples=100) for weight in (20.0, 40.0, 60.0, 80.0)),
        _LAST,
    ),
}
Preset = Literal["canary", "blue-green", "linear"]


class PolicyDoc(Doc):
    """What happens at the end of the time, by what the judge says then. A key that is left out is rollback.

    With a horizon, a step that leaves out `inconclusive` takes the strategy's.
    """

    waiting: Otherwise | None = None
    inconclusive: Otherwise | None = None
    no_data: Otherwise | None = None
    invalid: Otherwise | None = None

    def model(self, *, inconclusive: Otherwise = Otherwise.ROLLBACK) -> Policy:
        return Policy(
            waiting=self.waiting or Otherwise.ROLLBACK,
            inconclusive=self.inconclusive or inconclusive,
            no_data=self.no_data or Otherwise.ROLLBACK,
            invalid=self.invalid or Otherwise.ROLLBACK,
        )


def _one_word(value: Any) -> Any:
    """`otherwise: hold` says it for every outcome."""
    return dict.fromkeys(PolicyDoc.model_fields, value) if isinstance(value, str) else value


PolicyValue = Annotated[PolicyDoc, BeforeValidator(_one_word, json_schema_input_type=PolicyDoc | Otherwise)]


class WeightStepDoc(Doc):
    """`weight: 10%`, held for `hold` watched seconds and `min_samples` requests in both roles.

    `hold` defaults to 15m and `min_samples` to 50; to 0 for the step to 100%, after which `bake` watches. `advance`
    (safe, scaled or proven) is what is asked before entering the step; the step to 100% always asks for proof.
    """

    weight: Weight
    hold: Duration | None = None
    min_samples: Annotated[int, Field(ge=0, le=_MOST_SAMPLES)] | None = None
    advance: Advance | None = None
    timeout: PositiveDuration | None = None
    otherwise: PolicyValue = PolicyDoc()

    @model_validator(mode="after")
    def _last_is_proven(self) -> Self:
        if self.weight == FULL and self.advance not in (None, Advance.PROVEN):
            raise Wrong(
                "is not enough for weight: 100%",
                hint="take `advance` out: all traffic moves only on proof or on an approval",
                at=("advance",),
            )
        return self

    def model(self) -> WeightStep:
        base = _LAST if self.weight == FULL else WeightStep(weight=self.weight)
        return WeightStep(
            weight=self.weight,
            hold=base.hold if self.hold is None else self.hold,
            min_samples=base.min_samples if self.min_samples is None else self.min_samples,
            advance=self.advance or base.advance,
            timeout=self.timeout,
            otherwise=self.otherwise.model(),
        )


class PauseDoc(Doc):
    """Wait for `resume`, or for `duration`."""

    duration: PositiveDuration | None = None


class ApproveDoc(Doc):
    """Wait for a person's word; after `timeout` `otherwise` decides."""

    timeout: PositiveDuration | None = None
    otherwise: Otherwise = Otherwise.ROLLBACK


def _pause(value: Any) -> Any:
    """`pause: 5m` says `pause: { duration: 5m }`; a bare `pause:` has no end of its own."""
    if value is None:
        return {}
    return {"duration": value} if isinstance(value, str) else value


def _approve(value: Any) -> Any:
    return {} if value is None else value


class PauseStepDoc(Doc):
    pause: Annotated[PauseDoc, BeforeValidator(_pause, json_schema_input_type=PauseDoc | str | None)]

    def model(self) -> PauseStep:
        return PauseStep(duration=self.pause.duration)


class ApproveStepDoc(Doc):
    approve: Annotated[ApproveDoc, BeforeValidator(_approve, json_schema_input_type=ApproveDoc | None)]

    def model(self) -> ApproveStep:
        return ApproveStep(timeout=self.approve.timeout, otherwise=self.approve.otherwise)


def _kind(value: Any) -> str:
    if isinstance(value, dict) and "weight" not in value:
        return "PauseStepDoc" if "pause" in value else "ApproveStepDoc" if "approve" in value else "WeightStepDoc"
    return "WeightStepDoc"


def _bare(value: Any) -> Any:
    """`- approve` says `- approve:`."""
    if not isinstance(value, str):
        return value
    if value in MAY_BE_BLANK:
        return {value: None}
    raise Wrong("is not a step", hint="write { weight: 10% }, { pause: 5m } or { approve: { timeout: 2h } }")


AnyStepDoc = Annotated[
    Annotated[WeightStepDoc, Tag("WeightStepDoc")]
    | Annotated[PauseStepDoc, Tag("PauseStepDoc")]
    | Annotated[ApproveStepDoc, Tag("ApproveStepDoc")],
    Discriminator(_kind),
]
StepDoc = Annotated[
    AnyStepDoc,
    BeforeValidator(_bare, json_schema_input_type=AnyStepDoc | Literal["pause", "approve"]),
]


class StrategyDoc(Doc):
    """Steps, or the name of a preset, and the times around them.

    A list that ends below 100% is completed with `weight: 100%`. `advance` is for every step below 100% that says
    nothing itself, but for the first: it leaves no weight at which anything could be proven. `time_limit` counts from
    the start to the switch; `otherwise` says what happens when it ends undecided, and after `horizon` requests of both
    roles, where nothing is said by then.
    """

    preset: Preset | None = None
    steps: Annotated[list[StepDoc], Field(min_length=1, max_length=MOST_STEPS)] | None = None
    bake: Duration = DEFAULT_STRATEGY.bake
    keep_previous: Duration = DEFAULT_STRATEGY.keep_previous
    time_limit: PositiveDuration = DEFAULT_STRATEGY.time_limit
    advance: Advance | None = None
    otherwise: PolicyValue = PolicyDoc()
    horizon: Annotated[int, Field(ge=1, le=_MOST_SAMPLES)] | None = None

    @model_validator(mode="after")
    def _steps_make_sense(self) -> Self:
        if self.steps is not None:
            if self.preset is not None:
                raise Wrong("stands beside steps", hint="give a preset or steps, not both", at=("preset",))
            _check_rising(self.steps)
        self._check_time()
        return self

    def _check_time(self) -> None:
        holds = sum(step.hold for step in self.model_steps() if isinstance(step, WeightStep))
        if holds >= self.time_limit:
            raise Wrong(
                f"(or its default, {format_duration(DEFAULT_STRATEGY.time_limit)}) ends before the holds of all steps, "
                f"which add up to {format_duration(holds)}, so no rollout could ever finish",
                hint="raise time_limit or shorten the holds",
                at=("time_limit",),
            )

    def model_steps(self) -> tuple[Step, ...]:
        if self.steps is None:
            preset = PRESETS[self.preset or "canary"]
            return tuple(self._completed(step, None, first=not index) for index, step in enumerate(preset))
        first = next((index for index, step in enumerate(self.steps) if isinstance(step, WeightStepDoc)), None)
        steps: tuple[Step, ...] = tuple(
            self._completed(step.model(), step, first=index == first) for index, step in enumerate(self.steps)
        )
        ends_full = isinstance(steps[-1], WeightStep) and steps[-1].weight == FULL
        return steps if ends_full else (*steps, self._completed(_LAST, None, first=False))

    def _completed(self, step: Step, written: Any, *, first: bool) -> Step:
        """The step with what the strategy says for steps that leave it out."""
        if not isinstance(step, WeightStep):
            return step
        own = written if isinstance(written, WeightStepDoc) else None
        if self.advance is not None and not first and step.weight < FULL and (own is None or own.advance is None):
            step = replace(step, advance=self.advance)
        # The horizon is the strategy's, so what happens at it is too, unless the step says its own.
        inconclusive = Otherwise.ROLLBACK if self.horizon is None else self.otherwise.model().inconclusive
        return replace(step, otherwise=(own.otherwise if own else PolicyDoc()).model(inconclusive=inconclusive))

    def model(self) -> Strategy:
        return Strategy(
            steps=self.model_steps(),
            bake=self.bake,
            keep_previous=self.keep_previous,
            time_limit=self.time_limit,
            otherwise=self.otherwise.model(),
            horizon=self.horizon,
        )


def _check_rising(steps: list[Any]) -> None:
    weights = [(index, step.weight) for index, step in enumerate(steps) if isinstance(step, WeightStepDoc)]
    for (_, before), (index, weight) in pairwise(weights):
        if weight <= before:
            raise Wrong(
                f"does not rise above the {before:g}% before it",
                hint="weights rise from step to step; a rollback is not a step",
                at=("steps", index, "weight"),
            )
    if weights and weights[-1][1] == FULL and weights[-1][0] != len(steps) - 1:
        raise Wrong(
            "stands after weight: 100%",
            hint="that is the last step; `bake` watches it",
            at=("steps", weights[-1][0] + 1),
        )


def named(value: Any) -> Any:
    """`strategy: canary` says `strategy: { preset: canary }`."""
    return {"preset": value} if isinstance(value, str) else value
