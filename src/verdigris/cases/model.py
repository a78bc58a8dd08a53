"""A Case, what one run of it found, and what a whole run says of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from verdigris.cases.rules import Rule
from verdigris.core.model.sample import Exchange, Sample

MOST_OUTPUT = 4_000
"""Characters of an answer that a result shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is sent: a POST of `body` to `path`, None where the caller says where to. Headers may be secrets and are never shown."""

    body: bytes = field(repr=False)
    content_type: str = "application/json"
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One declared input. `weight` is its part in the mean; `place` is where it stands, `file:line`."""

    id: str
    question: Question
    rules: tuple[Rule, ...]
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule's word: `value` lies in 0..1, None where it could not be judged; `said` is one plain sentence. `cost` is USD."""

    rule: str
    value: float | None
    said: str
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """What one case found. `score` is the mean of the rules' values, None where one of them could not be judged.

    `problem` says why there is no answer, which scores 0. `cost` is USD: the answer's own, which is `answer_cost`, and the rules' words; None where nothing of it is known.
    """

    case: Case
    score: float | None
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    status: int = 0
    seconds: float = 0.0
    output: str = ""
    cost: float | None = None
    answer_cost: float | None = None
    exchange: Exchange | None = field(default=None, repr=False, compare=False)
    sample: Sample | None = field(default=None, repr=False, compare=False)

    def why(self) -> str:
        """The worst that was found, in one line."""
        if self.problem:
            return self.problem
        unsure = [finding for finding in self.findings if finding.value is None]
        short = sorted((each for each in self.findings if each.value is not None), key=lambda each: each.value or 0.0)
        worst = [*unsure, *(each for each in short if each.value != 1.0)]
        return worst[0].said if worst else "everything asked for is there"


@dataclass(frozen=True, kw_only=True, slots=True)
class CasesRun:
    """What the cases say of one endpoint, `of` by name. `results` stand in the order of the cases."""

    of: str
    results: tuple[CaseResult, ...]
    min_score: float

    @property
    def score(self) -> float | None:
        """The weighted mean of all cases that could be judged."""
        judged = [(each.score, each.case.weight) for each in self.results if each.score is not None]
        total = sum(weight for _, weight in judged)
        return sum(score * weight for score, weight in judged) / total if total else None

    @property
    def unjudged(self) -> tuple[CaseResult, ...]:
        return tuple(each for each in self.results if each.score is None)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """Cases below `min_score`, the worst first."""
        below = [each for each in self.results if each.score is not None and each.score < self.min_score]
        return tuple(sorted(below, key=lambda each: each.score or 0.0))

    @property
    def best(self) -> float:
        """The score if all that could not be judged were right."""
        total = sum(each.case.weight for each in self.results)
        reached = sum((1.0 if each.score is None else each.score) * each.case.weight for each in self.results)
        return reached / total if total else 0.0

    @property
    def passed(self) -> bool | None:
        """None where it hangs on what could not be judged, and where nobody answered at all."""
        if not self.answered:
            return None
        if _below(self.best, self.min_score):
            return False
        return None if self.unjudged else True

    @property
    def answered(self) -> int:
        return sum(each.status > 0 for each in self.results)

    @property
    def cost(self) -> float:
        """USD, as far as it is known."""
        return sum(each.cost or 0.0 for each in self.results)


def mean_of(findings: Sequence[Finding]) -> float | None:
    """Each rule has an equal part; nothing is said of a case whose rules could not all be judged."""
    values = [finding.value for finding in findings if finding.value is not None]
    return sum(values) / len(values) if len(values) == len(findings) and values else None


def _below(score: float, least: float) -> bool:
    return score < least - 1e-9  # sums of tenths
