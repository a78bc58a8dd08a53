"""How the demo says numbers and names: for somebody who has never seen the project."""

from __future__ import annotations

from verdigris.core.model.verdict import Standing
from verdigris.wire import EstimateView, FindingView

_METRICS = {
    "quality": "quality of answers",
    "cost": "cost per request",
    "error_rate": "errors",
    "latency_p99": "latency (slowest 1 %)",
    "refusal_rate": "refusals",
    "defect_rate": "defective answers",
}
_STANDINGS = {
    Standing.HARMFUL: "worse, proven",
    Standing.SAFE: "no worse, proven",
    Standing.UNDECIDED: "not proven yet",
    Standing.NO_DATA: "no data yet",
    Standing.NOT_MEASURED: "not measured",
}


def metric(name: str) -> str:
    return _METRICS.get(name, name.replace("_", " "))


def standing(value: Standing) -> str:
    return _STANDINGS[value]


def measured(estimate: EstimateView, unit: str) -> str:
    """`0.820`, `$0.00240`, `0.4 %`, `95 ms`; a dash where nothing is known."""
    value = estimate.value
    if value is None:
        return "-"
    match unit:
        case "share":
            return f"{value * 100:.2f} %"
        case "s":
            return f"{value * 1000:.0f} ms"
        case "USD":
            return f"${value:.5f}"
        case _:
            return f"{value:.3f}"


def compared(finding: FindingView) -> str:
    """`quality 0.705 / 0.820`: the candidate first."""
    stable, candidate = measured(finding.stable, finding.unit), measured(finding.candidate, finding.unit)
    return f"{metric(finding.metric)} {candidate} / {stable}"


def share(part: int, whole: int) -> str:
    """`7.5 %` of something; `0 %` of nothing."""
    return f"{part / whole * 100:.1f} %" if whole else "0 %"
