"""What is answered about samples, scores and pairs. Texts are redacted before they are kept."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from verdigris.core.model.compared import PairKind
from verdigris.core.model.score import Trouble
from verdigris.wire.base import Number, View


class ScoreView(View):
    """One scorer's word. Where it gave none, `trouble` and `reason` say why, and the rest is null.

    `value` lies in 0..1; on a pair 0.5 says that neither answer is better, and above it the other one is than stable's.
    """

    scorer: str
    version: str
    value: Number = None
    passed: bool | None = None
    label: str = ""
    explanation: str = ""
    cost: Number = None
    trouble: Trouble | None = None
    reason: str = ""


class UsageView(View):
    """Tokens; null where not known. `partial`: of an answer that broke off, so lower bounds."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    partial: bool = False


class ToolCallView(View):
    name: str
    arguments: str = ""


class SampleView(View):
    """One request and its answer. `shortened`: texts are cut here, and whole in the pair they belong to.

    `problem` says why nothing, or not all, could be read. `redacted` counts what was taken out.
    """

    id: str
    at: AwareDatetime
    environment: str
    release: str
    route: str
    status: int
    duration: float
    system: str = ""
    input: str
    output: str
    model: str | None = None
    finish_reason: str | None = None
    refusal: bool | None = None
    refusal_kind: str = ""
    usage: UsageView
    tool_calls: tuple[ToolCallView, ...] = ()
    is_complete: bool = True
    problem: str = ""
    redacted: int = 0
    stratum: str = ""
    scores: tuple[ScoreView, ...] = ()
    shortened: bool = False


class SampleList(View):
    """Newest first. Ask again with `before` for older ones; null when there are none."""

    samples: tuple[SampleView, ...]
    before: float | None = None


class PairView(View):
    """The same input, answered twice. `other` is the candidate's answer, or stable's second one where `kind` is `self`.

    `outcome` is one word for it: `better`, `worse`, `tie`, `failed`, `unscored`. `spent` is USD for the second answer and all scores, null
    where not known.
    """

    id: str
    rollout: str
    at: AwareDatetime
    kind: PairKind
    outcome: str
    stable: SampleView
    other: SampleView
    scores: tuple[ScoreView, ...] = ()
    spent: Number = None
    case: str = ""


class PairList(View):
    """Newest first. Ask again with `before` for older ones; null when there are none."""

    pairs: tuple[PairView, ...]
    before: float | None = None


class ScorerView(View):
    """How often a scorer was asked since the controller began. `failure_share` is null before the first time."""

    scorer: str
    version: str = ""
    tries: int
    failures: int
    failure_share: Number = None
    cost: Number = None
    gates: bool = False


class WorkView(View):
    """Counts since the controller began.

    `samples` were read; `missed` became none, by reason. `kept` samples and pairs were written, `not_kept` could not be. `pairs` were made, by
    kind; `dropped` were drawn and not made, by reason. `overruns` are pairs that cost more than was set aside for them.
    """

    samples: int
    missed: dict[str, int] = Field(default_factory=dict)
    kept: int
    not_kept: int
    pairs: dict[str, int] = Field(default_factory=dict)
    dropped: dict[str, int] = Field(default_factory=dict)
    overruns: int = 0
    scorers: tuple[ScorerView, ...] = ()


class MoneyView(View):
    """USD spent or set aside: on the rollout and on this UTC day. `remaining` is null where nothing bounds it."""

    purse: str
    rollout: float
    day: float
    remaining: float | None = None


class SpreadView(View):
    """The mean of `n` words and its 95 % interval; null while there are too few."""

    n: int
    mean: Number = None
    low: Number = None
    high: Number = None


class NoiseView(View):
    """One scorer's words on shadow pairs, beside those on stable's pairs with `itself`: the noise between two answers of one side."""

    scorer: str
    version: str
    shadow: SpreadView
    itself: SpreadView


class QualityView(View):
    """The work beside the decisions. `money` is null when what was spent cannot be read: nothing is spent then."""

    rollout: str
    work: WorkView
    money: tuple[MoneyView, ...] | None
    noise: tuple[NoiseView, ...] = ()
    problems: tuple[str, ...] = ()
