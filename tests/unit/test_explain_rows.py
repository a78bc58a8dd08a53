"""What explain prints of a verdict made by hand: every cell, every line, and what is left out where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verdigris.core.analysis.explain import Row, SliceRow, explain
from verdigris.core.analysis.wording import MINUS
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.strategy import DEFAULT_STRATEGY, Strategy, WeightStep
from verdigris.core.model.verdict import (
    Apart,
    Caution,
    Estimate,
    Finding,
    Labelled,
    Outcome,
    Paired,
    Sampled,
    Slice,
    Standing,
    Verdict,
)

CANDIDATE = Release.of(version="2")
ROLLOUT = Rollout(
    id="ro-1",
    service="summarizer",
    strategy=DEFAULT_STRATEGY,
    guardrails=DEFAULT_GUARDRAILS,
    stable=Side(environment="blue", release=Release.of(version="1")),
    candidate=Side(environment="green", release=CANDIDATE),
    sticky=None,
    salt="salt",
    actor="ann",
    started_at=0.0,
    step_entered_at=0.0,
    step=1,
    weight=25.0,
    watched=12.0,
    checks=("the cases were answered as before",),
)
QUALITY = Finding(
    metric=Metric.QUALITY,
    standing=Standing.NOT_MEASURED,
    stable=Estimate(n=1_200, value=0.8, low=0.78, high=0.82),
    candidate=Estimate(n=300, value=0.7, low=0.65, high=0.75),
    weight=0.35,
    harm=9.0,
    far=8.0,
    non_inferiority=1.25,
    absolute=7.0,
    share=3.5,
    gates=True,
    limit_text="no worse than a tenth",
    reason="quality fell",
    basis="threshold from somewhere",
    paired=Paired(n=40, stable=0.75, candidate=0.5, harm=12_000.0, non_inferiority=150.0),
    apart=(
        Apart(kind="case", scorer="judge-1", n=1_000, stable=0.9, candidate=0.6),
        Apart(kind="shadow", scorer="", n=3, stable=0.4, candidate=0.3),
    ),
)
ERRORS = Finding(
    metric=Metric.ERROR_RATE,
    standing=Standing.SAFE,
    stable=Estimate(n=1_200, value=0.02, low=0.015, high=None),
    candidate=Estimate(n=300, value=0.005, low=None, high=0.011),
    weight=0.2,
    harm=0.1,
    far=0.1,
    non_inferiority=25.0,
    absolute=1.0,
    share=0.02,
    gates=True,
    limit_text="at most 5 %",
    reason="errors fell",
)
VERDICT = Verdict(
    at=10.0,
    outcome=Outcome.WAITING,
    reason="undecided: all of it",
    evidence=3.52,
    threshold=20.0,
    samples_stable=1_200,
    samples_candidate=1,
    findings=(QUALITY, ERRORS),
    missing=("quality: not yet proven",),
    overlap=0.875,
    slices=(
        Slice(
            stratum="pro",
            metric=Metric.QUALITY,
            standing=Standing.NO_DATA,
            stable=Estimate(n=10, value=0.5, low=0.25, high=0.75),
            candidate=Estimate(n=0),
            harm=1.0,
            non_inferiority=2.0,
        ),
        Slice(
            stratum="",
            metric=Metric.LATENCY_P95,
            standing=Standing.UNDECIDED,
            stable=Estimate(n=100, value=0.2, low=0.1, high=0.3),
            candidate=Estimate(n=50, value=1.2, low=0.9, high=1.5),
            harm=4.0,
            non_inferiority=5.0,
        ),
        Slice(
            stratum="",
            metric=Metric.COST,
            standing=Standing.HARMFUL,
            stable=Estimate(n=100, value=0.0, low=0.0, high=0.0),
            candidate=Estimate(n=50, value=0.5, low=0.25, high=1.5),
            harm=40.0,
            non_inferiority=1.0,
        ),
    ),
    cautions=(Caution(key="length", text="the answers are longer"),),
)
JUDGED = replace(ROLLOUT, verdict=VERDICT)


def test_each_cell_of_a_row() -> None:
    assert explain(JUDGED).rows == (
        Row(
            metric=Metric.QUALITY,
            standing=Standing.NOT_MEASURED,
            stable="0.800 (0.780 to 0.820; n 1,200)",
            candidate="0.700 (0.650 to 0.750; n 300)",
            change=f"{MINUS}0.100 ({MINUS}12.5 %)",
            evidence="harm 3.5 of 20, safety 1.2 of 20",
            weight="0.35",
            limit="no worse than a tenth",
            reason="quality fell",
            basis="threshold from somewhere",
            pairs="40 pairs: 0.750 → 0.500, harm over 10,000, safety 150",
            source="reported by the service",
            labels="",
            apart=(
                "cases by judge-1, not counted: 1,000, 0.900 → 0.600",
                "pairs, not counted: 3, 0.400 → 0.300",
            ),
        ),
        Row(
            metric=Metric.ERROR_RATE,
            standing=Standing.SAFE,
            stable="2.0 % (1.5 % to ?; n 1,200)",
            candidate="0.50 % (? to 1.1 %; n 300)",
            change=f"{MINUS}1.50 points",
            evidence="harm 0.0 of 20, safety 25.0 of 20",
            weight="0.20",
            limit="at most 5 %",
            reason="errors fell",
        ),
    )


def test_each_cell_of_a_slice() -> None:
    assert explain(JUDGED).slices == (
        SliceRow(
            stratum="pro",
            metric=Metric.QUALITY,
            standing=Standing.NO_DATA,
            stable="0.500 (0.250 to 0.750; n 10)",
            candidate="no values",
            change="unknown",
            evidence="harm 1.0, safety 2.0",
        ),
        SliceRow(
            stratum="",
            metric=Metric.LATENCY_P95,
            standing=Standing.UNDECIDED,
            stable="200 ms (100 ms to 300 ms; n 100)",
            candidate="1.20 s (900 ms to 1.50 s; n 50)",
            change="+1.00 s (+500 %)",
            evidence="harm 4.0, safety 5.0",
        ),
        SliceRow(
            stratum="",
            metric=Metric.COST,
            standing=Standing.HARMFUL,
            stable="$0 ($0 to $0; n 100)",
            candidate="$0.5 ($0.25 to $1.50; n 50)",
            change="+$0.5",
            evidence="harm 40.0, safety 1.0",
        ),
    )


TEXT = f"""\
{CANDIDATE.id} on green after 1 candidate request: undecided: all of it.

phase     progressing
step      step 2 of 4: weight 25 %, watched for 12 s of 900 s
evidence  for harm 3.5 of 20 needed; 1,200 stable requests, 1 candidate request

quality: not measured
  stable     0.800 (0.780 to 0.820; n 1,200)
  candidate  0.700 (0.650 to 0.750; n 300)
  change     {MINUS}0.100 ({MINUS}12.5 %)
  evidence   harm 3.5 of 20, safety 1.2 of 20 (weight 0.35)
  limit      no worse than a tenth
  source     reported by the service
  basis      threshold from somewhere
  pairs      40 pairs: 0.750 → 0.500, harm over 10,000, safety 150
  apart      cases by judge-1, not counted: 1,000, 0.900 → 0.600
  apart      pairs, not counted: 3, 0.400 → 0.300
  quality fell

error_rate: safe
  stable     2.0 % (1.5 % to ?; n 1,200)
  candidate  0.50 % (? to 1.1 %; n 300)
  change     {MINUS}1.50 points
  evidence   harm 0.0 of 20, safety 25.0 of 20 (weight 0.20)
  limit      at most 5 %
  errors fell

by stratum (88 % of requests are of kinds that both roles met):
  pro
    quality: no data; 0.500 (0.250 to 0.750; n 10) → no values, unknown (harm 1.0, safety 2.0)
  (none)
    latency_p95: undecided; 200 ms (100 ms to 300 ms; n 100) → 1.20 s (900 ms to 1.50 s; n 50), \
+1.00 s (+500 %) (harm 4.0, safety 5.0)
    cost: harmful; $0 ($0 to $0; n 100) → $0.5 ($0.25 to $1.50; n 50), +$0.5 (harm 40.0, safety 1.0)

to know:
  - the answers are longer

found before it began:
  - the cases were answered as before

the step waits for:
  - hold: more of it
  - samples: more of them

promotion still lacks:
  - quality: not yet proven"""


def test_the_whole_text() -> None:
    explanation = explain(JUDGED, waiting_for=("hold: more of it", "samples: more of them"))
    assert explanation.to_text() == TEXT


def test_the_rest_of_an_explanation() -> None:
    found = explain(JUDGED)
    assert (found.rollout, found.phase, found.outcome) == ("ro-1", Phase.PROGRESSING, Outcome.WAITING)
    assert found.waiting_for == ()
    assert found.missing == ("quality: not yet proven",)
    assert found.cautions == ("the answers are longer",)
    assert found.checks == ("the cases were answered as before",)
    assert found.overlap == "88 % of requests are of kinds that both roles met"


def test_before_a_verdict_there_is_nothing_but_what_stood_before() -> None:
    assert (
        explain(replace(ROLLOUT, checks=(), weight=10.0, step=0)).to_text()
        == f"""\
{CANDIDATE.id} on green: nothing was judged yet.

phase     progressing
step      step 1 of 4: weight 10 %, watched for 12 s of 900 s
evidence  nothing was judged yet"""
    )


def test_the_rollouts_own_reason_comes_before_the_verdicts() -> None:
    found = explain(replace(JUDGED, reason="paused at 25 % by bob"))
    assert found.headline == f"{CANDIDATE.id} on green after 1 candidate request: paused at 25 % by bob."


@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK])
def test_what_is_over_lacks_nothing(phase: Phase) -> None:
    assert explain(replace(JUDGED, phase=phase)).missing == ()


def test_strata_without_an_overlap_are_printed_without_it() -> None:
    found = explain(replace(JUDGED, verdict=replace(VERDICT, overlap=None)))
    assert found.overlap == ""
    assert "\n\nby stratum:\n  pro\n" in found.to_text()
    assert explain(replace(JUDGED, verdict=replace(VERDICT, overlap=0.0))).overlap.startswith("0 % of requests")


def row(finding: Finding) -> Row:
    (found,) = explain(replace(JUDGED, verdict=replace(VERDICT, findings=(finding,)))).rows
    return found


NOTHING = Estimate(n=0)


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"sampled": Sampled(stable=1, candidate=2_000)}, "scorers: 1 sample of stable, 2,000 of the candidate"),
        (
            {"sampled": Sampled(stable=30, candidate=4, scorer="judge-1", left_out=1_500)},
            "scorers: 30 samples of stable, 4 of the candidate, by judge-1; 1,500 by another version are left out",
        ),
        ({"stable": NOTHING, "candidate": NOTHING}, "shadow pairs"),
        ({"stable": NOTHING, "candidate": NOTHING, "paired": None}, ""),
        ({"stable": NOTHING}, "reported by the service"),
        ({"candidate": NOTHING}, "reported by the service"),
        ({"metric": Metric.COST}, ""),
    ],
)
def test_where_values_come_from(changes: dict, source: str) -> None:
    assert row(replace(QUALITY, **changes)).source == source


def test_labels_of_samples_are_told_by_side() -> None:
    labels = (Labelled(label="cut off", stable=1, candidate=2_000), Labelled(label="empty", stable=3_000, candidate=0))
    finding = replace(ERRORS, sampled=Sampled(stable=5_000, candidate=4_000, labels=labels))
    assert row(finding).labels == "cut off 1 → 2,000, empty 3,000 → 0"
    text = explain(replace(JUDGED, verdict=replace(VERDICT, findings=(finding,)))).to_text()
    assert (
        "\n  source     scorers: 5,000 samples of stable, 4,000 of the candidate"
        "\n  labels     cut off 1 → 2,000, empty 3,000 → 0\n" in text
    )


@pytest.mark.parametrize(
    ("stable", "candidate", "change"),
    [
        (0.8, 0.8, "+0.000 (+0.0 %)"),
        (0.5, 0.75, "+0.250 (+50.0 %)"),
        (0.0, 0.5, "+0.500"),
        (0.4, 0.0, f"{MINUS}0.400 ({MINUS}100 %)"),
        (None, 0.5, "unknown"),
        (0.5, None, "unknown"),
    ],
)
def test_a_change_has_its_sign_and_its_share(stable: float | None, candidate: float | None, change: str) -> None:
    finding = replace(QUALITY, stable=Estimate(n=9, value=stable), candidate=Estimate(n=9, value=candidate))
    assert row(finding).change == change


def test_an_interval_that_is_not_known_says_so() -> None:
    assert row(replace(QUALITY, stable=Estimate(n=2, value=0.5))).stable == "0.500 (? to ?; n 2)"
    assert row(replace(QUALITY, stable=Estimate(n=2, value=0.0, low=0.0, high=0.0))).stable == (
        "0.000 (0.000 to 0.000; n 2)"
    )


def test_a_step_that_holds_nothing_says_no_seconds() -> None:
    last = DEFAULT_STRATEGY.steps[-1]
    assert explain(replace(ROLLOUT, step=3)).step == "step 4 of 4: weight 100 %"
    assert explain(replace(ROLLOUT, step=9)).step == "step 4 of 4: weight 100 %"
    half = Strategy(steps=(WeightStep(weight=12.5, hold=0.5), last))
    assert (
        explain(replace(ROLLOUT, step=0, strategy=half)).step == "step 1 of 2: weight 12.5 %, watched for 12 s of 0 s"
    )
