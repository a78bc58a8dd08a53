"""What is answered about the reasons: the numbers behind a verdict, and what happened."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Base64Bytes, BeforeValidator, Field

from verdigris.core.model.verdict import Standing
from verdigris.wire.base import Evidence, Number, View, finite
from verdigris.wire.rollouts import CautionView


class EstimateView(View):
    """One role's value from `n` observations, with its 95 % confidence sequence `low`..`high`."""

    n: int
    value: Number = None
    low: Number = None
    high: Number = None


class PairedView(View):
    """What `n` shadow pairs say of one metric: both means, and e-values as in a finding."""

    n: int
    stable: Number
    candidate: Number
    harm: Evidence
    non_inferiority: Evidence


class LabelledView(View):
    """How many samples of each side had this label."""

    label: str
    stable: int
    candidate: int


class SampledView(View):
    """What a metric is measured by where scorers do it: samples by role, and the version that gives the quality.

    `left_out` are samples whose quality another version gave.
    """

    stable: int
    candidate: int
    scorer: str = ""
    left_out: int = 0
    labels: tuple[LabelledView, ...] = ()


class ApartView(View):
    """Pairs that are no evidence: of cases, or scored by another version than the one that counts; both means."""

    kind: str
    scorer: str
    n: int
    stable: Number
    candidate: Number


class FindingView(View):
    """One guardrail's numbers, in `unit`. `needed` estimates the candidate requests, or samples, still missing to be safe.

    `basis` says what past the thresholds come from, empty where there are none. `sampled` is null where the metric is read
    from requests.
    """

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
    basis: str = ""
    paired: PairedView | None = None
    sampled: SampledView | None = None
    apart: tuple[ApartView, ...] = ()


class SliceView(View):
    """One metric inside one stratum, in `unit`; `non_inferiority` is at twice the margin."""

    stratum: str
    metric: str
    unit: str
    standing: Standing
    stable: EstimateView
    candidate: EstimateView
    harm: Evidence
    non_inferiority: Evidence


class ExplanationView(View):
    """Why a rollout stands where it stands: one sentence, the lines for a person, and the numbers."""

    rollout: str
    headline: str
    text: tuple[str, ...]
    findings: tuple[FindingView, ...]
    slices: tuple[SliceView, ...] = ()
    overlap: float | None = None
    cautions: tuple[CautionView, ...] = ()


class EventView(View):
    """One event of the log; `actor` is empty for what no person asked, `data` holds the event's own fields."""

    number: int
    at: AwareDatetime
    type: str
    actor: str = ""
    summary: str
    data: Annotated[dict[str, Any], BeforeValidator(finite)] = Field(default_factory=dict)


class RecordPage(View):
    """Pieces of what the judge was given, in order and as they are stored. Ask again with `after` until none comes."""

    segments: tuple[Base64Bytes, ...]
    after: int


class EventList(View):
    """In order. Ask again with `after` for what came later."""

    events: tuple[EventView, ...]
    after: int
