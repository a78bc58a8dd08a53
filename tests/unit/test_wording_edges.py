"""How numbers are said, at the edges where the way of saying them changes."""

from __future__ import annotations

import pytest

from verdigris.core.analysis.wording import (
    MINUS,
    amount,
    count,
    difference,
    evidence_text,
    limit_text,
    margin_text,
    relative,
    span,
)
from verdigris.core.model.metric import Guardrail, Margin, Metric


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (Metric.ERROR_RATE, 0.01, "1.0 %"),
        (Metric.ERROR_RATE, -0.0099, "-0.99 %"),
        (Metric.DEFECT_RATE, -0.25, "-25.0 %"),
        (Metric.LATENCY_P50, 0.9994, "999 ms"),
        (Metric.LATENCY_P50, 1.0, "1.00 s"),
        (Metric.TTFB_P95, -1.5, "-1.50 s"),
        (Metric.COST, 1.0, "$1.00"),
        (Metric.COST, 1.234, "$1.23"),
        (Metric.COST, 0.9876, "$0.988"),
        (Metric.COST, -3.0, "$-3.00"),
    ],
)
def test_amounts_at_their_edges(metric: Metric, value: float, text: str) -> None:
    assert amount(metric, value) == text


def test_differences_changes_evidence_counts_and_spans() -> None:
    assert difference(Metric.ERROR_RATE, -0.0123) == "1.23 points"
    assert difference(Metric.LATENCY_P99, -0.25) == "250 ms"
    assert [relative(1.0, 1.0), relative(1.0, 1.005), relative(1.0, 0.995)] == ["+0.0 %", "+0.5 %", f"{MINUS}0.5 %"]
    assert [relative(2.0, 4.0), relative(2.0, 3.99), relative(1.0, 26.5)] == ["+100 %", "+99.5 %", "+2,550 %"]
    assert [evidence_text(value) for value in (0.25, 99.94, 100.0, 9_999.0, 10_000.0)] == [
        "0.2",
        "99.9",
        "100",
        "9999",
        "over 10,000",
    ]
    assert [count(n, "request") for n in (0, 1, 2, 12_345)] == [
        "0 requests",
        "1 request",
        "2 requests",
        "12,345 requests",
    ]
    assert [span(seconds) for seconds in (45.4, 119.0, 120.0, 7_199.0, 7_200.0)] == [
        "45 s",
        "119 s",
        "2 min",
        "120 min",
        "2.0 h",
    ]


def test_a_margin_of_both_kinds_and_a_zone_with_a_limit() -> None:
    assert margin_text(Metric.LATENCY_P95, Margin(relative=0.1, absolute=0.05)) == "+10 % +50 ms"
    assert margin_text(Metric.REFUSAL_RATE, Margin(absolute=0.02)) == "+2 points"
    assert margin_text(Metric.QUALITY, Margin(relative=0.025)) == f"{MINUS}2.5 %"
    zone = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01), limit=0.05)
    assert limit_text(zone) == "no worse than +1 point; at most 5.0 %"
