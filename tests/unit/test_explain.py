"""Explain: what was decided and why, in sentences and rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger
from verdigris.core.analysis.explain import explain
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.wording import MINUS, amount, limit_text, margin_text, relative
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.strategy import DEFAULT_STRATEGY, ApproveStep, PauseStep, Strategy
from verdigris.core.model.verdict import Standing

ROLLOUT = Rollout(
    id="ro-1",
    service="summarizer",
    strategy=DEFAULT_STRATEGY,
    guardrails=DEFAULT_GUARDRAILS,
    stable=Side(environment="blue", release=Release.of(version="1")),
    candidate=Side(environment="green", release=Release.of(version="2")),
    sticky=None,
    salt="salt",
    actor="ann",
    started_at=0.0,
    step_entered_at=0.0,
    weight=10.0,
    watched=12.0,
)


def judged(**kinds: Behaviour) -> Rollout:
    rng = np.random.default_rng(1)
    book = ledger(baseline=baseline(rng))
    feed(book, rng, 1_000, batch=50, **kinds)
    return replace(ROLLOUT, verdict=judge(book, at=10.0))


def test_before_any_verdict() -> None:
    explanation = explain(ROLLOUT)
    assert explanation.outcome is None
    assert explanation.rows == ()
    assert "nothing was judged yet" in explanation.headline
    assert explanation.step == "step 1 of 4: weight 10 %, watched for 12 s of 900 s"


def test_a_rollback_says_what_why_and_after_how_many() -> None:
    rollout = replace(judged(candidate=Behaviour(quality=0.7)), phase=Phase.ROLLED_BACK)
    explanation = explain(rollout)
    assert rollout.verdict is not None
    assert f"after {rollout.verdict.samples_candidate} candidate requests: quality fell by" in explanation.headline
    assert explanation.missing == ()
    assert explanation.rows[0].standing is Standing.HARMFUL


def test_the_text_holds_every_metric_and_what_is_missing() -> None:
    text = explain(judged(), waiting_for=("hold: 888 s more",)).to_text()
    for guardrail in DEFAULT_GUARDRAILS:
        assert f"\n{guardrail.metric}: " in text
    assert "the step waits for:\n  - hold: 888 s more" in text
    assert "promotion still lacks:\n  - error_rate: no worse than +1 point not yet proven" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_its_headline(phase: Phase) -> None:
    headline = explain(replace(judged(), phase=phase)).headline
    assert ROLLOUT.candidate.release.id in headline
    assert headline.endswith(".")


def test_the_other_steps() -> None:
    last = DEFAULT_STRATEGY.steps[-1]
    for step, text in (
        (PauseStep(), "pause until resumed"),
        (PauseStep(duration=5.0), "pause of 5 s"),
        (ApproveStep(), "waits for approval"),
    ):
        rollout = replace(ROLLOUT, strategy=Strategy(steps=(step, last)))
        assert explain(rollout).step == f"step 1 of 2: {text}"


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (Metric.QUALITY, 0.8417, "0.842"),
        (Metric.ERROR_RATE, 0.0031, "0.31 %"),
        (Metric.ERROR_RATE, 0.15, "15.0 %"),
        (Metric.LATENCY_P99, 0.3204, "320 ms"),
        (Metric.LATENCY_P99, 5.0, "5.00 s"),
        (Metric.COST, 0.00214, "$0.00214"),
        (Metric.COST, 12.0, "$12.00"),
    ],
)
def test_amounts(metric: Metric, value: float, text: str) -> None:
    assert amount(metric, value) == text


def test_zones_in_words() -> None:
    zone = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), tolerance=Margin(absolute=0.01), limit=0.7)
    assert limit_text(zone) == f"no worse than {MINUS}10 % ({MINUS}0.010 tolerated); at least 0.700"
    assert margin_text(Metric.ERROR_RATE, Margin(absolute=0.01)) == "+1 point"
    assert margin_text(Metric.COST, Margin()) == "equal"
    assert relative(0.0, 1.0) == ""
    assert relative(1.0, 41.0) == "+4,000 %"
