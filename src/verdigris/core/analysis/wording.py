"""How numbers are said: one way for verdicts, announcements and `explain`."""

from __future__ import annotations

from verdigris.core.model.metric import Guardrail, Margin, Metric

MINUS = "−"  # noqa: RUF001 -- a minus sign, as printed


def amount(metric: Metric, value: float) -> str:
    """A value in the metric's unit: 0.842, 1.5 %, 320 ms, $0.0021."""
    match metric.unit:
        case "share":
            return f"{value * 100:.2f} %" if abs(value) < 0.01 else f"{value * 100:.1f} %"
        case "s":
            return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value:.2f} s"
        case "USD":
            return f"${value:.2f}" if abs(value) >= 1 else f"${value:.3g}"
        case _:
            return f"{value:.3f}"


def difference(metric: Metric, value: float) -> str:
    """The size of a difference: rates differ in points."""
    return f"{abs(value) * 100:.2f} points" if metric.unit == "share" else amount(metric, abs(value))


def relative(stable: float, candidate: float) -> str:
    """`+8.4 %`; empty where stable's value is 0."""
    if stable == 0:
        return ""
    change = (candidate / stable - 1) * 100
    return f"{MINUS if change < 0 else '+'}{abs(change):,.{0 if abs(change) >= 100 else 1}f} %"


def margin_text(metric: Metric, margin: Margin) -> str:
    """`+10 %`, `+1 point`, `+200 %`: the margin in the worse direction; `equal` where it is zero."""
    sign = MINUS if metric.higher_is_better else "+"
    parts = []
    if margin.relative:
        parts.append(f"{sign}{margin.relative * 100:g} %")
    if margin.absolute:
        points = margin.absolute * 100
        text = f"{points:g} point{'' if points == 1 else 's'}" if metric.unit == "share" else ""
        parts.append(f"{sign}{text or amount(metric, margin.absolute)}")
    return " ".join(parts) or "equal"


def limit_text(guardrail: Guardrail) -> str:
    """The whole zone: `no worse than +1 point; at most 5.0 %`."""
    text = f"no worse than {margin_text(guardrail.metric, guardrail.margin)}"
    if guardrail.tolerance != Margin():
        text += f" ({margin_text(guardrail.metric, guardrail.tolerance)} tolerated)"
    if guardrail.limit is not None:
        side = "at least" if guardrail.metric.higher_is_better else "at most"
        text += f"; {side} {amount(guardrail.metric, guardrail.limit)}"
    return text


def evidence_text(value: float) -> str:
    """An e-value, short enough to read."""
    if value >= 10_000:
        return "over 10,000"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def count(n: int, noun: str) -> str:
    """`1 request`, `2,000 requests`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
