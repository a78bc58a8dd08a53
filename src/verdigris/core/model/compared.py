"""A pair as people look at it: the same input, both outputs, and what each scorer said of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure


class PairKind(StrEnum):
    """SHADOW: the candidate answered stable's input. SELF: stable answered it again; the noise between two answers of one side.

    CASE: both sides were given a declared case.
    """

    SHADOW = "shadow"
    SELF = "self"
    CASE = "case"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedPair:
    """`stable` answered first, `other` is the candidate's answer, or stable's second one in a SELF pair.

    Each sample carries the scores on itself; `scores` are those on the two together. `spent` is USD for the second answer and all
    scores. `case` names the case of a CASE pair.
    """

    id: str
    rollout: str
    at: float
    kind: PairKind
    stable: Sample
    other: Sample
    scores: tuple[Score | ScoreFailure, ...] = ()
    spent: float | None = None
    case: str = ""
