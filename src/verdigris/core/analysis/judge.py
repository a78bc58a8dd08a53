"""The judge: a Ledger in, a Verdict out. It looks and never changes anything, so it may look as often as it likes.

The order of the outcomes: FAIL (latched in the ledger), INVALID, NO_DATA, PASS, and WAITING for the rest. INCONCLUSIVE is not
the judge's word: whether time is up is for the strategy to say.
"""

from __future__ import annotations

import math

from verdigris.core.analysis.findings import find
from verdigris.core.analysis.guardrail import SAFE_THRESHOLD
from verdigris.core.analysis.ledger import FAIL_THRESHOLD, Ledger
from verdigris.core.analysis.wording import count, evidence_text, margin_text
from verdigris.core.model.metric import Guardrail
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Finding, Outcome, Standing, Verdict


def judge(ledger: Ledger, *, at: float, min_candidate: int = 50) -> Verdict:
    """What is proven at time `at`. PASS asks for `min_candidate` candidate observations that count as evidence."""
    findings = tuple(find(ledger, track) for track in ledger.tracks)
    missing = _missing(ledger, findings, min_candidate)
    outcome = _outcome(ledger, missing)
    return Verdict(
        at=at,
        outcome=outcome,
        reason=_reason(ledger, outcome, findings, missing),
        evidence=ledger.failure.evidence if ledger.failure else ledger.evidence,
        threshold=FAIL_THRESHOLD,
        samples_stable=ledger.samples(Role.STABLE),
        samples_candidate=ledger.samples(Role.CANDIDATE),
        findings=findings,
        missing=missing,
    )


def _outcome(ledger: Ledger, missing: tuple[str, ...]) -> Outcome:
    if ledger.failure is not None:
        return Outcome.FAIL
    if ledger.ratio.mismatch:
        return Outcome.INVALID
    if any(ledger.samples(role) == 0 for role in Role):
        return Outcome.NO_DATA
    return Outcome.WAITING if missing else Outcome.PASS


def _missing(ledger: Ledger, findings: tuple[Finding, ...], min_candidate: int) -> tuple[str, ...]:
    """What PASS still lacks."""
    phrases = [f"no {role} requests yet" for role in Role if ledger.samples(role) == 0]
    counted = ledger.counted[Role.CANDIDATE]
    if counted < min_candidate:
        noun = "candidate unit" if ledger.sticky else "candidate request"
        phrases.append(f"{counted} of {count(min_candidate, noun)}")
    if not any(finding.gates for finding in findings):
        phrases.append("no guardrail has anything to judge")
    phrases += [
        _lacks(guardrail, finding)
        for guardrail, finding in zip(ledger.guardrails, findings, strict=True)
        if finding.gates and finding.standing is not Standing.SAFE
    ]
    if ledger.ratio.mismatch:
        phrases.append("the traffic is not split as configured")
    return tuple(phrases)


def _lacks(guardrail: Guardrail, finding: Finding) -> str:
    if finding.standing is Standing.NO_DATA:
        silent = [
            role
            for role, estimate in ((Role.STABLE, finding.stable), (Role.CANDIDATE, finding.candidate))
            if not estimate.n
        ]
        return f"{finding.metric}: no values from {' and '.join(silent)}"
    text = f"{finding.metric}: no worse than {margin_text(guardrail.metric, guardrail.margin)} not yet proven"
    text += f" (e {evidence_text(finding.non_inferiority)} of {SAFE_THRESHOLD:.0f})"
    return f"{text}, about {count(finding.needed, 'more candidate request')}" if finding.needed else text


def _reason(ledger: Ledger, outcome: Outcome, findings: tuple[Finding, ...], missing: tuple[str, ...]) -> str:
    match outcome:
        case Outcome.FAIL:
            return max(findings, key=lambda finding: finding.share).reason
        case Outcome.INVALID:
            return _ratio_text(ledger)
        case Outcome.NO_DATA:
            return "; ".join(missing[:2])
        case Outcome.PASS:
            safe = [finding.metric for finding in findings if finding.gates]
            return f"proven no worse than the margin in {', '.join(safe)}"
        case _:
            return f"undecided: {'; '.join(missing)}"


def _ratio_text(ledger: Ledger) -> str:
    ratio = ledger.ratio
    total = ratio.candidate + ratio.stable
    return (
        f"the traffic is not split as configured: the candidate got {ratio.candidate:,} of {count(total, 'request')} "
        f"where about {math.floor(ratio.expected + 0.5):,} were expected "
        f"(evidence {evidence_text(ratio.capital.peak)} of 1,000 needed)"
    )
