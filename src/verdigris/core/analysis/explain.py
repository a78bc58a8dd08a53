"""Explain: a Rollout in, sentences and rows out. Every face (CLI, API, dashboard) shows this and computes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verdigris.core.analysis.track import SAFE_THRESHOLD
from verdigris.core.analysis.wording import MINUS, amount, count, difference, evidence_text, relative
from verdigris.core.model.metric import Metric
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.strategy import ApproveStep, PauseStep, WeightStep
from verdigris.core.model.verdict import Apart, Estimate, Finding, Outcome, Paired, Sampled, Slice, Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One guardrail, every cell a text: values per role with their 95 % intervals, and what is proven."""

    metric: Metric
    standing: Standing
    stable: str
    candidate: str
    change: str
    evidence: str
    weight: str
    limit: str
    reason: str
    basis: str = ""
    pairs: str = ""
    source: str = ""
    labels: str = ""
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceRow:
    """One metric inside one stratum, every cell a text."""

    stratum: str
    metric: Metric
    standing: Standing
    stable: str
    candidate: str
    change: str
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What was decided and why. `waiting_for` is what the step still asks, `missing` what PASS still lacks.

    `slices` are there where strata are told apart; `cautions` decide nothing.
    """

    rollout: str
    headline: str
    phase: Phase
    step: str
    outcome: Outcome | None
    evidence: str
    rows: tuple[Row, ...] = ()
    missing: tuple[str, ...] = ()
    waiting_for: tuple[str, ...] = ()
    slices: tuple[SliceRow, ...] = ()
    overlap: str = ""
    cautions: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The whole explanation as plain lines, without colours."""
        lines = [self.headline, "", f"phase     {self.phase}", f"step      {self.step}", f"evidence  {self.evidence}"]
        for row in self.rows:
            lines += ["", *_row_lines(row)]
        if self.slices:
            lines += [
                "",
                f"by stratum ({self.overlap}):" if self.overlap else "by stratum:",
                *_slice_lines(self.slices),
            ]
        for title, phrases in (
            ("to know", self.cautions),
            ("found before it began", self.checks),
            ("the step waits for", self.waiting_for),
            ("promotion still lacks", self.missing),
        ):
            if phrases:
                lines += ["", f"{title}:", *(f"  - {phrase}" for phrase in phrases)]
        return "\n".join(lines)


def explain(rollout: Rollout, *, waiting_for: Sequence[str] = ()) -> Explanation:
    """Explains the rollout from its latest verdict; `waiting_for` comes from whoever decides about steps."""
    verdict = rollout.verdict
    return Explanation(
        rollout=rollout.id,
        headline=_headline(rollout),
        phase=rollout.phase,
        step=step_text(rollout),
        outcome=verdict.outcome if verdict else None,
        evidence=(
            f"for harm {evidence_text(verdict.evidence)} of {verdict.threshold:.0f} needed; "
            f"{count(verdict.samples_stable, 'stable request')}, {count(verdict.samples_candidate, 'candidate request')}"
            if verdict
            else "nothing was judged yet"
        ),
        rows=tuple(_row(finding, verdict.threshold) for finding in verdict.findings) if verdict else (),
        missing=verdict.missing if verdict and not rollout.phase.is_final else (),
        waiting_for=tuple(waiting_for),
        slices=tuple(map(_slice_row, verdict.slices)) if verdict else (),
        overlap=(
            f"{verdict.overlap * 100:.0f} % of requests are of kinds that both roles met"
            if verdict and verdict.overlap is not None
            else ""
        ),
        cautions=tuple(caution.text for caution in verdict.cautions) if verdict else (),
        checks=rollout.checks,
    )


def step_text(rollout: Rollout) -> str:
    """`step 2 of 4: weight 25 %, watched for 12 s of 15 s`."""
    place = f"step {min(rollout.step, len(rollout.strategy.steps) - 1) + 1} of {len(rollout.strategy.steps)}"
    match rollout.current_step:
        case WeightStep() as step:
            held = f", watched for {rollout.watched:.0f} s of {step.hold:.0f} s" if step.hold else ""
            return f"{place}: weight {step.weight:g} %{held}"
        case PauseStep(duration=duration):
            return f"{place}: pause" + (f" of {duration:.0f} s" if duration is not None else " until resumed")
        case ApproveStep():
            return f"{place}: waits for approval"


def _headline(rollout: Rollout) -> str:
    """Who, after how much, and the rollout's own reason, which says what was decided."""
    name = f"{rollout.candidate.release.id} on {rollout.candidate.environment}"
    verdict = rollout.verdict
    why = rollout.reason or (verdict.reason if verdict else "nothing was judged yet")
    seen = f" after {count(verdict.samples_candidate, 'candidate request')}" if verdict else ""
    return f"{name}{seen}: {why}."


def _row(finding: Finding, threshold: float) -> Row:
    metric = finding.metric
    parts = [
        f"harm {evidence_text(finding.share)} of {threshold:.0f}",
        f"safety {evidence_text(finding.non_inferiority)} of {SAFE_THRESHOLD:.0f}",
    ]
    return Row(
        metric=metric,
        standing=finding.standing,
        stable=_estimate(metric, finding.stable),
        candidate=_estimate(metric, finding.candidate),
        change=_change(metric, finding.stable, finding.candidate),
        evidence=", ".join(parts),
        weight=f"{finding.weight:.2f}",
        limit=finding.limit_text,
        reason=finding.reason,
        basis=finding.basis,
        pairs=_pairs(metric, finding.paired) if finding.paired else "",
        source=_source(finding),
        labels=_labels(finding.sampled) if finding.sampled else "",
        apart=tuple(_apart(metric, each) for each in finding.apart),
    )


def _source(finding: Finding) -> str:
    """Where the values come from, where that is not the same for everybody."""
    sampled = finding.sampled
    if sampled is not None:
        by = f", by {sampled.scorer}" if sampled.scorer else ""
        out = f"; {sampled.left_out:,} by another version are left out" if sampled.left_out else ""
        return f"scorers: {count(sampled.stable, 'sample')} of stable, {sampled.candidate:,} of the candidate{by}{out}"
    if finding.metric is not Metric.QUALITY:
        return ""
    if finding.stable.n or finding.candidate.n:
        return "reported by the service"
    return "shadow pairs" if finding.paired else ""


def _labels(sampled: Sampled) -> str:
    return ", ".join(f"{each.label} {each.stable:,} → {each.candidate:,}" for each in sampled.labels)


def _apart(metric: Metric, each: Apart) -> str:
    kind = "cases" if each.kind == "case" else "pairs"
    by = f" by {each.scorer}" if each.scorer else ""
    return f"{kind}{by}, not counted: {each.n:,}, {amount(metric, each.stable)} → {amount(metric, each.candidate)}"


def _slice_row(part: Slice) -> SliceRow:
    return SliceRow(
        stratum=part.stratum,
        metric=part.metric,
        standing=part.standing,
        stable=_estimate(part.metric, part.stable),
        candidate=_estimate(part.metric, part.candidate),
        change=_change(part.metric, part.stable, part.candidate),
        evidence=f"harm {evidence_text(part.harm)}, safety {evidence_text(part.non_inferiority)}",
    )


def _pairs(metric: Metric, paired: Paired) -> str:
    return (
        f"{count(paired.n, 'pair')}: {amount(metric, paired.stable)} → {amount(metric, paired.candidate)}, "
        f"harm {evidence_text(paired.harm)}, safety {evidence_text(paired.non_inferiority)}"
    )


def _estimate(metric: Metric, estimate: Estimate) -> str:
    if estimate.value is None:
        return "no values"
    low = amount(metric, estimate.low) if estimate.low is not None else "?"
    high = amount(metric, estimate.high) if estimate.high is not None else "?"
    return f"{amount(metric, estimate.value)} ({low} to {high}; n {estimate.n:,})"


def _change(metric: Metric, stable: Estimate, candidate: Estimate) -> str:
    if stable.value is None or candidate.value is None:
        return "unknown"
    change = candidate.value - stable.value
    text = f"{MINUS if change < 0 else '+'}{difference(metric, change)}"
    share = "" if metric.is_rate else relative(stable.value, candidate.value)
    return f"{text} ({share})" if share else text


def _row_lines(row: Row) -> list[str]:
    return [
        f"{row.metric}: {row.standing.value.replace('_', ' ')}",
        f"  stable     {row.stable}",
        f"  candidate  {row.candidate}",
        f"  change     {row.change}",
        f"  evidence   {row.evidence} (weight {row.weight})",
        f"  limit      {row.limit}",
        *([f"  source     {row.source}"] if row.source else []),
        *([f"  labels     {row.labels}"] if row.labels else []),
        *([f"  basis      {row.basis}"] if row.basis else []),
        *([f"  pairs      {row.pairs}"] if row.pairs else []),
        *(f"  apart      {each}" for each in row.apart),
        f"  {row.reason}",
    ]


def _slice_lines(rows: Sequence[SliceRow]) -> Iterator[str]:
    for stratum, group in itertools.groupby(rows, key=lambda row: row.stratum):
        yield f"  {stratum or '(none)'}"
        for row in group:
            standing = row.standing.value.replace("_", " ")
            yield f"    {row.metric}: {standing}; {row.stable} → {row.candidate}, {row.change} ({row.evidence})"
