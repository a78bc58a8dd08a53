"""What the observations prove: Observations are folded into a Ledger, and the judge turns a Ledger into a Verdict.

Pure: nothing here asks the clock, draws lots or touches a file. A raw request is never asked for again. `Analysis` is
the face for programs of their own; it and the nouns it speaks keep their names and meaning between versions.

    >>> from verdigris.core.analysis import Analysis, Guardrail, Margin, Metric, Observation
    >>> analysis = Analysis(
    ...     [
    ...         Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.10)),
    ...         Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01)),
    ...     ]
    ... )
    >>> for i in range(2_000):
    ...     side = ("stable", "candidate")[i % 2]
    ...     quality = (0.80 if side == "stable" else 0.70) + 0.01 * (i // 2 % 10)
    ...     analysis.observe(Observation(at=i / 10, environment=side, status=200, duration=0.2, quality=quality))
    ...     if analysis.outcome == "fail":
    ...         break
    >>> verdict = analysis.verdict()
    >>> verdict.outcome.value
    'fail'
    >>> verdict.samples_candidate < 200
    True
    >>> verdict.reason.split(", ")[0]
    'quality fell by 0.100 (0.845 → 0.745'
"""

from verdigris.core.analysis.face import Analysis
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL, Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Finding, Outcome, Slice, Standing, Verdict

__all__ = [
    "DEFAULT_GUARDRAILS",
    "DEFECT_GUARDRAIL",
    "Analysis",
    "Answer",
    "Covariate",
    "Finding",
    "Guardrail",
    "Margin",
    "Metric",
    "Observation",
    "Outcome",
    "Pair",
    "Role",
    "Scored",
    "Slice",
    "Standing",
    "Verdict",
]
