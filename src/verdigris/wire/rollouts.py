"""What is answered about a rollout: where it stands, and the judge's latest word."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Advance, Otherwise
from verdigris.core.model.verdict import Outcome
from verdigris.wire.base import Evidence, Number, View


class ReleaseView(View):
    id: str
    version: str


class SideView(View):
    """Who plays a role."""

    environment: str
    release: ReleaseView


class PolicyView(View):
    """What happens at the end of the time, by the verdict's outcome then."""

    waiting: Otherwise
    inconclusive: Otherwise
    no_data: Otherwise
    invalid: Otherwise


class StepView(View):
    """One step; what its kind does not have is null. `text` says it in words.

    `otherwise` is a word, or one word for each outcome where they differ.
    """

    kind: Literal["weight", "pause", "approve"]
    text: str
    weight: float | None = None
    hold: float | None = None
    min_samples: int | None = None
    advance: Advance | None = None
    timeout: float | None = None
    otherwise: Otherwise | PolicyView | None = None
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


class CautionView(View):
    """Something people should know that decides nothing; `key` stays the same while it is the same thing."""

    key: str
    text: str


class VerdictView(View):
    """The judge's latest word. FAIL at `evidence >= threshold`; `missing` is what PASS still lacks.

    `proven_at`: the smallest multiple of the margins at which the candidate is proven no worse. `overlap`: the part of
    requests, 0..1, whose kind both roles met; null where kinds are not told apart.
    """

    at: AwareDatetime
    outcome: Outcome
    reason: str
    evidence: Evidence
    threshold: Number
    missing: tuple[str, ...] = ()
    proven_at: float | None = None
    overlap: float | None = None
    cautions: tuple[CautionView, ...] = ()


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
    otherwise: Otherwise | PolicyView
    horizon: int | None = None


class RolloutList(View):
    """Newest first."""

    rollouts: tuple[RolloutView, ...]
