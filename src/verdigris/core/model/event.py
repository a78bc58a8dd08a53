"""Events: what happened to a rollout, always with the time at which it happened and, for a person's word, whose.

The log of these is the audit trail, and replaying it gives the rollout's state.
"""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.core.model.metric import Guardrail
from verdigris.core.model.rollout import Side
from verdigris.core.model.split import Sticky
from verdigris.core.model.strategy import Strategy
from verdigris.core.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A rollout was asked for; everything it will need is fixed here. `checks` says what was found beforehand, a sentence each."""

    at: float
    actor: str
    rollout: str
    service: str
    strategy: Strategy
    guardrails: tuple[Guardrail, ...]
    stable: Side
    candidate: Side
    sticky: Sticky | None
    salt: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The judge looked. `watched` is how many seconds were really watched since the event before."""

    at: float
    verdict: Verdict
    watched: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitApplied:
    """The data plane confirmed the candidate's `weight`."""

    at: float
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitRefused:
    """The data plane could not be brought to the candidate's `weight`; it is tried again."""

    at: float
    weight: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """A person approved leaving `step`, having seen `evidence` (the verdict's reason at that moment)."""

    at: float
    actor: str
    step: int
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseRequested:
    at: float
    actor: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeRequested:
    at: float
    actor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvanceRequested:
    """A person moved the rollout on from `step` without waiting: an approval that also ends hold and minimum samples."""

    at: float
    actor: str
    step: int
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AbortRequested:
    """Stop this rollout; traffic returns to the stable side."""

    at: float
    actor: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackRequested:
    """Go back, also after the promotion, as long as the previous side is kept."""

    at: float
    actor: str
    reason: str = ""


Event = (
    Started
    | Judged
    | SplitApplied
    | SplitRefused
    | Approved
    | PauseRequested
    | ResumeRequested
    | AdvanceRequested
    | AbortRequested
    | RollbackRequested
)
