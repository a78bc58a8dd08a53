"""Terms: what a rollout's evidence is judged by, fixed before the first observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric

MAY_BE_SCORED = frozenset((Metric.QUALITY, Metric.COST, Metric.REFUSAL_RATE, Metric.DEFECT_RATE))
"""What an answer says, which its samples can say too."""

PAIRS_PART = 0.25
"""The part of each metric's evidence that rests on shadow pairs where they are declared. Without any, the rest must reach 26
and a third where it would 20: a quarter stays at 1.
"""

PAIRS_WITHIN = 2.0
"""Pairs alone must show quality to be no worse than this many times the margin: what a service says of itself, or a grade of single
answers, may be blind to what both answers side by side show.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """`stable` and `candidate` are environment names.

    `sticky`: a unit is drawn once and sends many requests. `stratified`: observations are compared inside their strata.
    `lag`: a request counts for PASS this many seconds after it began, so that those which hang are not left out.
    `pairs`: the part, 0..1, of a metric's evidence that rests on shadow pairs. `pairs_within`: how many times as wide the margin is
    at which pairs alone must show quality to be no worse, as long as they come; None asks nothing of them alone.
    `multiples` of the margins at which the candidate may be proven no worse; the first is 1. `horizon`: observations of both roles
    after which an undecided comparison is INCONCLUSIVE.
    `scored` are metrics that only sampled answers say anything of: what requests report of them is ignored, never mixed in,
    and nobody is blamed for not reporting it. `scoring`: seconds in which the word on a sample is there, after its request ended.
    """

    guardrails: tuple[Guardrail, ...]
    stable: str
    candidate: str
    sticky: bool = False
    stratified: bool = False
    lag: float = 0.0
    pairs: float = 0.0
    pairs_within: float | None = None
    multiples: tuple[float, ...] = (1.0,)
    horizon: int | None = None
    scored: tuple[Metric, ...] = ()
    scoring: float = 0.0

    def __post_init__(self) -> None:
        if not self.multiples or self.multiples[0] != 1.0 or sorted(self.multiples) != list(self.multiples):
            raise ValueError(f"multiples rise from 1, not {self.multiples}")
        if not 0.0 <= self.pairs <= 1.0:
            raise ValueError(f"the part of pairs lies in 0..1, not {self.pairs}")
        if self.pairs_within is not None and not 1.0 <= self.pairs_within < float("inf"):
            raise ValueError(f"pairs are asked for at 1 times the margin or more, not {self.pairs_within}")
        if self.lag != 0.0 and not 0.01 <= self.lag < float("inf"):
            raise ValueError(f"a lag is 0, or a number of seconds from 0.01 on, not {self.lag}")
        if self.scoring != 0.0 and not 0.01 <= self.scoring < float("inf"):
            raise ValueError(f"the time of a score is 0, or a number of seconds from 0.01 on, not {self.scoring}")
        if not {*self.scored} <= MAY_BE_SCORED:
            raise ValueError(f"samples say nothing of {', '.join({*self.scored} - MAY_BE_SCORED)}")

    @property
    def samples(self) -> bool:
        """Whether samples are evidence at all."""
        return bool(self.scored) or any(each.metric is Metric.DEFECT_RATE for each in self.guardrails)

    def is_scored(self, metric: Metric) -> bool:
        """Whether only samples say anything of it."""
        return metric in self.scored or metric is Metric.DEFECT_RATE

    def dump(self) -> dict[str, Any]:
        return {
            "guardrails": [_dump_guardrail(guardrail) for guardrail in self.guardrails],
            "stable": self.stable,
            "candidate": self.candidate,
            "sticky": self.sticky,
            "stratified": self.stratified,
            "lag": self.lag,
            "pairs": self.pairs,
            "pairs_within": self.pairs_within,
            "multiples": list(self.multiples),
            "horizon": self.horizon,
            "scored": [metric.value for metric in self.scored],
            "scoring": self.scoring,
        }

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Terms:
        """Raises: KeyError, TypeError, ValueError when it is no dumped Terms."""
        return cls(
            guardrails=tuple(map(_load_guardrail, dumped["guardrails"])),
            stable=dumped["stable"],
            candidate=dumped["candidate"],
            sticky=bool(dumped["sticky"]),
            stratified=bool(dumped["stratified"]),
            lag=float(dumped["lag"]),
            pairs=float(dumped["pairs"]),
            pairs_within=dumped.get("pairs_within"),
            multiples=tuple(map(float, dumped["multiples"])),
            horizon=dumped["horizon"],
            scored=tuple(Metric(name) for name in dumped.get("scored", ())),
            scoring=float(dumped.get("scoring", 0.0)),
        )


def _dump_guardrail(guardrail: Guardrail) -> dict[str, Any]:
    return {
        "metric": guardrail.metric.value,
        "margin": [guardrail.margin.relative, guardrail.margin.absolute],
        "tolerance": [guardrail.tolerance.relative, guardrail.tolerance.absolute],
        "limit": guardrail.limit,
        "required": guardrail.required,
        "adjust": guardrail.adjust.value if guardrail.adjust else None,
    }


def _load_guardrail(dumped: Mapping[str, Any]) -> Guardrail:
    relative, absolute = dumped["margin"]
    tolerated, tolerated_absolute = dumped["tolerance"]
    return Guardrail(
        metric=Metric(dumped["metric"]),
        margin=Margin(relative=relative, absolute=absolute),
        tolerance=Margin(relative=tolerated, absolute=tolerated_absolute),
        limit=dumped["limit"],
        required=bool(dumped["required"]),
        adjust=Covariate(dumped["adjust"]) if dumped["adjust"] else None,
    )
