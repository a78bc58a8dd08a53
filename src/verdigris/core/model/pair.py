"""A Pair: the same input, answered by both sides."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.core.model.compared import PairKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One side's answer to a shadowed input. `None` means unknown, never zero; a failed answer has no other value.

    `quality` lies in 0..1, `cost` is USD, as if no part of the answer had come from a provider's cache.
    """

    failed: bool = False
    quality: float | None = None
    cost: float | None = None
    refusal: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Both answers to one input, complete at unix time `at`.

    `scorer` names the version of what gave the qualities: scores of different versions are never pooled.
    Only SHADOW pairs are evidence: those of a CASE are shown beside them, since a few inputs again and again are no sample of the
    traffic. In a SELF pair `candidate` is stable's second answer. `similarity`, 0..1, is that of the two answers: it is told when the
    candidate's lie further from stable's than stable's own second ones do. `unit` is that of the request, as in an Observation.
    `unanswered`: no whole second answer came, so that neither says anything; it is counted, and no evidence.
    """

    at: float
    stable: Answer
    candidate: Answer
    stratum: str = ""
    scorer: str = ""
    kind: PairKind = PairKind.SHADOW
    similarity: float | None = None
    unit: int | None = None
    unanswered: bool = False
