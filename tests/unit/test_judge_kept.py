"""Small promises of the ledger's parts: what is counted, kept and bounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, ledger, observations
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric

FULL = Guardrail(
    metric=Metric.QUALITY,
    margin=Margin(relative=0.1, absolute=0.02),
    tolerance=Margin(relative=0.03, absolute=0.01),
    limit=0.5,
    required=False,
    adjust=Covariate.REQUEST_BYTES,
)


def test_a_baseline_weighs_the_recent_past_and_stays_bounded() -> None:
    rng, known = np.random.default_rng(1), Baseline()
    for _ in range(30):
        known.fold(observations(rng, 2_000, share=0.0), stable="blue")
        assert known.n <= 20_000
    for _ in range(20):
        known.fold(observations(rng, 2_000, share=0.0, stable=Behaviour(quality=0.5)), stable="blue")
    scale = known.scale(Metric.QUALITY)
    assert scale is not None
    assert scale.prior < 0.6
    assert known.n <= 20_000


def test_values_that_make_no_sense_are_counted_by_role() -> None:
    rng, book = np.random.default_rng(2), ledger()
    rows = observations(rng, 200)
    book.fold([replace(row, quality=7.0) if row.environment == "green" else row for row in rows])
    book.fold([replace(row, quality=7.0) if row.environment == "green" else row for row in rows])
    green = 2 * sum(row.environment == "green" and not row.failed for row in rows)
    assert f"left out as no possible values: {green} candidate" in judge(book, at=1.0).findings[0].reason


def test_terms_are_kept_whole() -> None:
    terms = Terms(
        guardrails=(FULL,),
        stable="a",
        candidate="b",
        sticky=True,
        stratified=True,
        lag=3.0,
        pairs=0.25,
        pairs_within=2.0,
        multiples=(1.0, 2.0),
        horizon=7,
    )
    assert Terms.load(terms.dump()) == terms


@pytest.mark.parametrize(
    "wrong", [{"lag": 0.001}, {"lag": -1.0}, {"pairs": 1.1}, {"multiples": (2.0,)}, {"multiples": ()}]
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not"):
        Terms(**{"guardrails": (FULL,), "stable": "a", "candidate": "b", **wrong})


def test_the_ratio_is_counted_right_when_a_clock_jumps() -> None:
    """A batch that spans years is counted second by second as one that spans a moment is."""
    rng, book = np.random.default_rng(3), ledger()
    rows = observations(rng, 400, share=0.3)
    spread = [replace(row, at=row.at + 2_000_000.0 * (i % 3)) for i, row in enumerate(rows)]
    columns, ratio = book.columns(spread), SampleRatio()
    ratio.expect(-10.0, 0.3)
    ratio.fold(columns)
    waiting = np.array(list(ratio.waiting.values())).sum(axis=0)
    assert waiting[0] + ratio.candidate == columns.candidate.sum()
    assert waiting[1] + ratio.stable == (~columns.candidate).sum()


def test_thresholds_of_the_lane_of_safety_come_from_stable_alone() -> None:
    rng = np.random.default_rng(4)
    guardrail = Guardrail(metric=Metric.LATENCY_P99, margin=Margin(relative=2.0), tolerance=Margin(relative=1.5))
    book = ledger(guardrails=(guardrail,), lag=1.0, baseline=baseline(rng))
    for start in range(0, 8_000, 100):
        book.fold(observations(rng, 100, start=start / 400, candidate=Behaviour(latency=0.3)))
    assert book.live.settled is not None
    past = book.live.settled.past[Source.LATENCY]
    median = past.quantile(0.5)
    assert median is not None
    assert median == pytest.approx(0.15, rel=0.1)
    assert 3_000 < past.n < 4_000
