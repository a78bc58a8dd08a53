"""A Rollout: one passage from the stable Release to the candidate Release, as it stands after its latest event."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verdigris.core.model.metric import Guardrail
from verdigris.core.model.release import Release
from verdigris.core.model.split import FULL, Share, Split, Sticky
from verdigris.core.model.strategy import Step, Strategy
from verdigris.core.model.verdict import Verdict

MOST_CAUTIONS = 64


class Phase(StrEnum):
    """Where a rollout is in its life."""

    PROGRESSING = "progressing"
    PAUSED = "paused"  # by a pause step, by a person, or undecided at the time limit
    AWAITING_APPROVAL = "awaiting_approval"
    BAKING = "baking"  # at 100 %, still able to go back by itself
    ROLLING_BACK = "rolling_back"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"

    @property
    def is_final(self) -> bool:
        return self in (Phase.PROMOTED, Phase.ROLLED_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Who plays a role: an environment and the release it held when the rollout began."""

    environment: str
    release: Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """The whole state `decide` needs; everything in it follows from the event log.

    `weight` is the candidate's desired weight in percent and `in_force` whether the data plane confirmed it.
    `watched` is how many seconds of the current step were observed with the weight in force; time in which the
    controller was down or blind is not in it. `base_stable` and `base_candidate` are the sample counts at which the
    step began. `undecided` marks a rollout that its time limit or a step's timeout left to a person, `limit_reached` one
    whose time limit has spoken: it speaks once, whatever the judge says afterwards.
    `step_entered_at` is when the step began, or was resumed: a step's wall clock starts again with a person's resume.
    `paused_by` names the person whose pause holds it. `extended_at` is when a person's word gave an undecided rollout
    its time limit anew, and `switched_at` when 100 % first came in force. `cautions` holds the keys of the verdicts'
    cautions that were told, MOST_CAUTIONS at most; further ones are not.
    `checks` says what was found before it began, a sentence each.
    """

    id: str
    service: str
    strategy: Strategy
    guardrails: tuple[Guardrail, ...]
    stable: Side
    candidate: Side
    sticky: Sticky | None
    salt: str
    actor: str
    started_at: float
    phase: Phase = Phase.PROGRESSING
    step: int = 0
    step_entered_at: float
    weight: float = 0.0
    in_force: bool = False
    watched: float = 0.0
    base_stable: int = 0
    base_candidate: int = 0
    approved: bool = False
    undecided: bool = False
    verdict: Verdict | None = None
    reason: str = ""
    finished_at: float | None = None
    traffic_error: str = ""
    paused_by: str = ""
    extended_at: float | None = None
    switched_at: float | None = None
    cautions: tuple[str, ...] = ()
    limit_reached: bool = False
    checks: tuple[str, ...] = ()

    @property
    def current_step(self) -> Step:
        return self.strategy.steps[min(self.step, len(self.strategy.steps) - 1)]

    @property
    def split(self) -> Split:
        """The traffic this state asks for; the candidate stands first so that its users never move back."""
        return Split(
            shares=(
                Share(environment=self.candidate.environment, release=self.candidate.release.id, weight=self.weight),
                Share(
                    environment=self.stable.environment,
                    release=self.stable.release.id,
                    weight=round(FULL - self.weight, 2),
                ),
            ),
            salt=self.salt,
            sticky=self.sticky,
        )

    @property
    def serving(self) -> Side:
        """The side that is stable once this rollout is over (or for now, while it runs)."""
        return self.candidate if self.phase is Phase.PROMOTED else self.stable
