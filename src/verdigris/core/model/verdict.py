"""A Verdict: what the evidence says at one moment, with its reasons in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verdigris.core.model.metric import Metric


class Outcome(StrEnum):
    """PASS and FAIL are proven; the others say why nothing is."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    FAIL = "fail"
    INVALID = "invalid"  # the traffic was not split as configured: freeze, tell, do not roll back
    INCONCLUSIVE = "inconclusive"  # the horizon is reached: the strategy decides
    NO_DATA = "no_data"  # nothing to judge: hold
    WAITING = "waiting"  # evidence is being gathered


class Standing(StrEnum):
    """Where one metric stands."""

    HARMFUL = "harmful"  # its share of the evidence is proof on its own, or an absolute limit is proven broken
    SAFE = "safe"  # proven no worse than the margin
    UNDECIDED = "undecided"
    NO_DATA = "no_data"
    NOT_MEASURED = "not_measured"  # a default guardrail on something neither role reports: does not gate


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """One role's value: `n` observations; `value` and its 95 % confidence sequence `low`..`high` in the metric's unit."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """What shadow pairs say of one metric: `n` pairs, both means, and e-values as in `Finding`."""

    n: int
    stable: float
    candidate: float
    harm: float
    non_inferiority: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """Pairs that are no evidence: those of a `case`, or `shadow` pairs scored by another version than the one that counts.

    `n` of them had a score on both sides; `stable` and `candidate` are the means.
    """

    kind: str
    scorer: str
    n: int
    stable: float
    candidate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """How many samples of each side had this label."""

    label: str
    stable: int
    candidate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """What a metric is measured by where scorers do it: samples by role, the version that gives the quality, what was found.

    `left_out` are samples whose quality another version gave, `labels` kinds of defects or of refusals.
    """

    stable: int
    candidate: int
    scorer: str = ""
    left_out: int = 0
    labels: tuple[Labelled, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """One metric inside one stratum. `harm` and `non_inferiority` are e-values, the latter at twice the margin."""

    stratum: str
    metric: Metric
    standing: Standing
    stable: Estimate
    candidate: Estimate
    harm: float
    non_inferiority: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """Something people should know that decides nothing. It is told once for each `key`."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One guardrail's numbers.

    `harm`, `far`, `non_inferiority` and `absolute` are e-values: evidence against "not worse than the tolerance",
    against "not worse than the margin", for "no worse than the margin" (running maximum), and against "keeps the
    limit". `share` is `weight` times the evidence in force, this metric's part of the verdict's `evidence`.
    `needed` estimates the further candidate observations until the metric is safe; None when no estimate is honest.
    `basis` says what past the thresholds come from, empty where the metric needs none. `sampled` is None where the metric is
    read from requests.
    """

    metric: Metric
    standing: Standing
    stable: Estimate
    candidate: Estimate
    weight: float
    harm: float
    far: float
    non_inferiority: float
    absolute: float
    share: float
    gates: bool
    limit_text: str
    reason: str
    needed: int | None = None
    basis: str = ""
    paired: Paired | None = None
    sampled: Sampled | None = None
    apart: tuple[Apart, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The judge's word at time `at`.

    `evidence` is the weighted mean of e-values over the family; FAIL at `evidence >= threshold` (1/alpha).
    `samples_stable` and `samples_candidate` count observations folded since the rollout began.
    `missing` names what PASS still lacks, one phrase each. `proven_at` is the smallest multiple of the margins at which
    the candidate is proven no worse, 1.0 with PASS; None when there is none. `overlap` is the part of both roles'
    requests that lies in strata where they could be compared, None without strata.
    """

    at: float
    outcome: Outcome
    reason: str
    evidence: float
    threshold: float
    samples_stable: int
    samples_candidate: int
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    proven_at: float | None = None
    overlap: float | None = None
    slices: tuple[Slice, ...] = ()
    cautions: tuple[Caution, ...] = ()
