"""The public API's words, version 1: what its JSON bodies look like, for the server and for the typed client alike.

Views are what is answered, bodies are what is asked. Times are ISO 8601 in UTC, durations seconds, weights percent,
steps numbered from 0. A client skips fields it does not know; a server refuses them and names the nearest right one.
JSON has no infinity: evidence that outgrew a double is sent as the largest double, and what is not a number is null.
"""

from __future__ import annotations

import difflib
import math
import sys
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from verdigris.core.model.rollout import Phase
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Advance, Otherwise
from verdigris.core.model.verdict import Outcome, Standing

LONGEST_REASON = 1_000
"""Characters of a reason given by a person."""

LONGEST_NAME = 200
"""Characters of a name or version."""

MOST_STEPS = 100


def finite(value: Any) -> Any:
    """`value` with infinities at the largest double and what is not a number as None, through lists and objects."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else math.copysign(sys.float_info.max, value)
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


Evidence = Annotated[float | None, BeforeValidator(finite)]
"""An e-value: 1 says nothing, large speaks. None: not known."""

Number = Annotated[float | None, BeforeValidator(finite)]
"""A measured value; None: not known."""


class View(BaseModel):
    """Something answered."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Body(BaseModel):
    """Something asked. Unknown fields are refused, with the nearest right name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in value:
                if name not in cls.model_fields:
                    raise PydanticCustomError("unknown_field", "{text}", {"text": _unknown(str(name), cls)})
        return value


def _unknown(name: str, model: type[BaseModel]) -> str:
    short = name if len(name) <= 60 else name[:59] + "…"
    near = difflib.get_close_matches(name[:60], model.model_fields, n=1)
    meant = f"did you mean {near[0]!r}?" if near else "known are: " + (", ".join(model.model_fields) or "none")
    return f"unknown field {short!r}; {meant}"


# ------------------------------------------------------------------ asked


class WeightStepBody(Body):
    """Give the candidate `weight` percent. `advance` defaults to `proven` at 100 and to `safe` below."""

    kind: Literal["weight"]
    weight: float = Field(gt=0, le=FULL)
    hold: float = Field(default=900.0, ge=0)
    min_samples: int = Field(default=50, ge=0)
    advance: Advance | None = None
    timeout: float | None = Field(default=None, gt=0)
    otherwise: Otherwise = Otherwise.ROLLBACK


class PauseStepBody(Body):
    """Wait for `resume`, or `duration` seconds."""

    kind: Literal["pause"]
    duration: float | None = Field(default=None, gt=0)


class ApproveStepBody(Body):
    """Wait for a person's word; after `timeout` seconds `otherwise` decides."""

    kind: Literal["approve"]
    timeout: float | None = Field(default=None, gt=0)
    otherwise: Otherwise = Otherwise.ROLLBACK


StepBody = Annotated[WeightStepBody | PauseStepBody | ApproveStepBody, Field(discriminator="kind")]


class StrategyBody(Body):
    """A strategy for one rollout, in place of the configured one."""

    steps: tuple[StepBody, ...] = Field(max_length=MOST_STEPS)
    bake: float = Field(default=900.0, ge=0)
    keep_previous: float = Field(default=86_400.0, ge=0)
    time_limit: float = Field(default=21_600.0, gt=0)
    otherwise: Literal[Otherwise.ROLLBACK, Otherwise.HOLD] = Otherwise.ROLLBACK


class StartRollout(Body):
    """Start a rollout to the environment `to` (default: the only other one), whose release has `version`."""

    to: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    version: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    strategy: StrategyBody | None = None


class StepWord(Body):
    """Approve, advance. `step` is the one the person saw: when it has passed meanwhile, the word is refused."""

    step: int | None = Field(default=None, ge=0)


class ReasonWord(Body):
    """Pause, abort, rollback. `reason` is kept in the event log."""

    reason: str = Field(default="", max_length=LONGEST_REASON)


class NoWord(Body):
    """Resume: there is nothing to add."""


# ------------------------------------------------------------------ answered: a rollout


class ReleaseView(View):
    id: str
    version: str


class SideView(View):
    """Who plays a role."""

    environment: str
    release: ReleaseView


class StepView(View):
    """One step; what its kind does not have is null. `text` says it in words."""

    kind: Literal["weight", "pause", "approve"]
    text: str
    weight: float | None = None
    hold: float | None = None
    min_samples: int | None = None
    advance: Advance | None = None
    timeout: float | None = None
    otherwise: Otherwise | None = None
    duration: float | None = None


class WeightView(View):
    """The candidate's weight: `desired` in percent, and whether the data plane confirmed that it is `in_force`."""

    desired: float
    in_force: bool


class SamplesView(View):
    """Requests observed per role since the rollout began, and since the present step began."""

    stable: int
    candidate: int
    step_stable: int
    step_candidate: int


class VerdictView(View):
    """The judge's latest word. FAIL at `evidence >= threshold`; `missing` is what PASS still lacks."""

    at: AwareDatetime
    outcome: Outcome
    reason: str
    evidence: Evidence
    threshold: Number
    missing: tuple[str, ...] = ()


class RolloutView(View):
    """A rollout as it stands. `samples` and `verdict` are null until the judge has looked once.

    `step` counts from 0; it equals the number of steps once all are left. `watched_seconds` is how much of the present
    step was really observed. `waiting_for` names what keeps the rollout from moving on.
    """

    id: str
    service: str
    phase: Phase
    step: int
    steps: tuple[StepView, ...]
    weight: WeightView
    stable: SideView
    candidate: SideView
    actor: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    step_entered_at: AwareDatetime
    watched_seconds: float
    samples: SamplesView | None = None
    waiting_for: tuple[str, ...] = ()
    verdict: VerdictView | None = None
    reason: str = ""
    undecided: bool = False
    traffic_error: str = ""
    bake: float
    keep_previous: float
    time_limit: float
    otherwise: Otherwise


class RolloutList(View):
    """Newest first."""

    rollouts: tuple[RolloutView, ...]


# ------------------------------------------------------------------ answered: why


class EstimateView(View):
    """One role's value from `n` observations, with its 95 % confidence sequence `low`..`high`."""

    n: int
    value: Number = None
    low: Number = None
    high: Number = None


class FindingView(View):
    """One guardrail's numbers, in `unit`. `needed` estimates the candidate requests still missing to be safe."""

    metric: str
    unit: str
    standing: Standing
    stable: EstimateView
    candidate: EstimateView
    weight: float
    harm: Evidence
    far: Evidence
    non_inferiority: Evidence
    absolute: Evidence
    share: Evidence
    gates: bool
    limit_text: str
    reason: str
    needed: int | None = None


class ExplanationView(View):
    """Why a rollout stands where it stands: one sentence, the lines for a person, and the numbers."""

    rollout: str
    headline: str
    text: tuple[str, ...]
    findings: tuple[FindingView, ...]


class EventView(View):
    """One event of the log; `actor` is empty for what no person asked, `data` holds the event's own fields."""

    number: int
    at: AwareDatetime
    type: str
    actor: str = ""
    summary: str
    data: Annotated[dict[str, Any], BeforeValidator(finite)] = Field(default_factory=dict)


class EventList(View):
    """In order. Ask again with `after` for what came later."""

    events: tuple[EventView, ...]
    after: int


# ------------------------------------------------------------------ answered: the service


class SplitView(View):
    """Weights in percent by environment; `observed` is null while the data plane cannot be read or holds no split."""

    desired: dict[str, float]
    observed: dict[str, float] | None = None


class LiveView(View):
    requests: int
    connections: int


class TelemetryView(View):
    """What the measuring knows of itself: observations since start, log streams connected now, observations a second."""

    received: int
    lost: int
    late: int
    streams: int
    rate: Number


class GatewayView(View):
    url: str
    running: bool
    restarts: int


class StatusView(View):
    service: str
    stable: str
    ready: bool
    problems: tuple[str, ...] = ()
    rollout: RolloutView | None = None
    split: SplitView
    live: dict[str, LiveView]
    telemetry: TelemetryView
    gateway: GatewayView


class HealthView(View):
    """`problems` is told only to who may read the status."""

    status: Literal["ok", "not ok"]
    problems: tuple[str, ...] = ()


# ------------------------------------------------------------------ answered: what went wrong


class FieldProblem(View):
    """One field of the request that cannot be used, as a path such as `strategy.steps.0.weight`."""

    field: str
    message: str


class Problem(View):
    """An RFC 9457 problem, sent as `application/problem+json`. `code` never changes its meaning; `hint` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()
