"""Scores: one scorer's word on a Sample or a pair of them. A word, a scorer's failure and no word at all are three things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """`value` lies in 0..1, larger is better; of two sides 0.5 says that neither is, and above it the candidate is.

    `passed` is a yes or no where the scorer gives one: False is a defect of the answer. `label` is a short word for
    counting (`empty`, `tie`), `explanation` one or two sentences. `cost` is USD. `version` changes with everything that could change the
    word: code, model, prompt, options. Scores of different versions are never pooled. `traits` describe the answer and decide nothing:
    its `language`, its `form`.
    """

    scorer: str
    version: str
    value: float | None = None
    passed: bool | None = None
    label: str = ""
    explanation: str = ""
    cost: float = 0.0
    traits: Mapping[str, str] = field(default_factory=dict)


class Trouble(StrEnum):
    """Why a scorer gave no word."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"  # HTTP 429, after all tries
    REFUSED = "refused"  # another HTTP error
    UNREADABLE = "unreadable"  # an answer that is no verdict
    BUDGET = "budget"
    CRASHED = "crashed"
    OVERLOADED = "overloaded"  # more samples came than it can take


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreFailure:
    """The scorer gave no word: counts against data quality, never against the candidate. `cost` was spent all the same.

    `again_after` is how many seconds it asked to be left alone for. `was_sent` is False where nobody was asked at all.
    """

    scorer: str
    version: str
    trouble: Trouble
    reason: str
    cost: float = 0.0
    again_after: float | None = None
    was_sent: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """What the scorers said of one sampled request, as the judge takes it in; `None` where they said nothing.

    `began` and `at` are those of the request. `quality` lies in 0..1, `defect` says that a free scorer found the answer unusable
    (empty, looping, malformed …) and `defect_label` what it called that. `scorer` is the version of what gave the quality.
    `refusal_kind` names a refusal. `language` (`en`), `form` (`json`, `broken json`, `text`) and whether `tools` were called
    describe the answer; they are compared between the sides and decide nothing.
    """

    at: float
    began: float
    environment: str
    quality: float | None = None
    defect: bool | None = None
    refusal: bool | None = None
    cost: float | None = None
    scorer: str = ""
    unit: int | None = None
    stratum: str = ""
    defect_label: str = ""
    refusal_kind: str = ""
    language: str = ""
    form: str = ""
    tools: bool | None = None
