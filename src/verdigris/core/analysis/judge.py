"""The judge: a Ledger in, a Verdict out. It looks and never changes anything, so it may look as often as it likes.

The order of the outcomes: FAIL (latched in the ledger), NO_DATA while a role is silent, INVALID, NO_DATA before both roles
were heard or while a scorer fails, PASS, INCONCLUSIVE once the horizon is reached, and WAITING for the rest.
"""

from __future__ import annotations

import math

from verdigris.core.analysis.findings import (
    absence_text,
    failures,
    find,
    is_complete,
    is_gating,
    lacks_pairs,
    pairs_text,
    slices,
)
from verdigris.core.analysis.ledger import FAIL_THRESHOLD, Ledger
from verdigris.core.analysis.track import SAFE_THRESHOLD, Track
from verdigris.core.analysis.wording import count, evidence_text, margin_text, span
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Finding, Outcome, Standing, Verdict

OVERLAP = 0.9
"""PASS needs this part of both roles' requests to lie in strata that the other role met as well."""

SILENCE = 600.0
"""Seconds without any request of a role that should have some, after which there is no data; ten times the role's usual
interval between two, if that is longer."""


def judge(ledger: Ledger, *, at: float, min_candidate: int = 50) -> Verdict:
    """What is proven at time `at`. PASS asks for `min_candidate` candidate observations that count as evidence."""
    findings = tuple(find(ledger, track) for track in ledger.tracks)
    said = outcome(ledger, at=at, min_candidate=min_candidate)
    missing = _missing(ledger, findings, at, min_candidate)
    return Verdict(
        at=at,
        outcome=said,
        reason=_reason(ledger, said, findings, missing),
        evidence=ledger.failure.evidence if ledger.failure else ledger.evidence,
        threshold=FAIL_THRESHOLD,
        samples_stable=ledger.samples(Role.STABLE),
        samples_candidate=ledger.samples(Role.CANDIDATE),
        findings=findings,
        missing=missing,
        proven_at=_proven_at(ledger, min_candidate),
        overlap=ledger.slices.overlap(),
        slices=slices(ledger),
        cautions=ledger.watch.cautions(),
    )


def outcome(ledger: Ledger, *, at: float | None = None, min_candidate: int = 50) -> Outcome:
    """The outcome alone, hundreds of times quicker than the whole word. Without `at`, nobody is taken to be silent."""
    if ledger.failure is not None:
        return Outcome.FAIL
    if at is not None and silent(ledger, at):
        return Outcome.NO_DATA
    if ledger.ratio.mismatch:
        return Outcome.INVALID
    if any(ledger.samples(role) == 0 for role in Role) and not ledger.pairs:
        return Outcome.NO_DATA
    if ledger.failing:
        return Outcome.NO_DATA
    if _proven_at(ledger, min_candidate) == 1.0:
        return Outcome.PASS
    horizon = ledger.terms.horizon
    if horizon is not None and sum(ledger.samples(role) for role in Role) >= horizon:
        return Outcome.INCONCLUSIVE
    return Outcome.WAITING


def silent(ledger: Ledger, at: float) -> tuple[Role, ...]:
    """The roles that once were heard, should still be, and are not. At 0 and 100 % one of them should not."""
    if ledger.ratio.share in (0.0, 1.0):
        return ()
    return tuple(
        role
        for role, (first, last) in ledger.attendance.heard.items()
        if at - last > max(SILENCE, 10.0 * (last - first) / max(1, ledger.samples(role) - 1))
    )


def _proven_at(ledger: Ledger, min_candidate: int) -> float | None:
    """The smallest multiple of the margins at which every gating metric is proven safe, if all else is well."""
    gating = [track for track in ledger.tracks if is_gating(ledger, track)]
    overlap = ledger.slices.overlap()
    if (
        not gating
        or ledger.attendance.counted[Role.CANDIDATE] < min_candidate
        or (overlap is not None and overlap < OVERLAP)
        or ledger.watch.turned_away.is_uneven
    ):
        return None
    for place, multiple in enumerate(ledger.terms.multiples):
        if all(
            track.is_proven(place) and is_complete(ledger, track) and not lacks_pairs(ledger, track, place)
            for track in gating
        ):
            return multiple
    return None


def _missing(ledger: Ledger, findings: tuple[Finding, ...], at: float, min_candidate: int) -> tuple[str, ...]:
    """What PASS still lacks."""
    phrases = [f"no {role} requests yet" for role in Role if ledger.samples(role) == 0]
    phrases += [f"no {role} requests for {span(at - ledger.attendance.heard[role][1])}" for role in silent(ledger, at)]
    phrases += [f"no word on quality: {failure}" for failure in failures(ledger)]
    counted = ledger.attendance.counted[Role.CANDIDATE]
    if counted < min_candidate:
        noun = "candidate unit" if ledger.terms.sticky else "candidate request"
        phrases.append(f"{counted} of {count(min_candidate, noun)}")
    if not any(finding.gates for finding in findings):
        phrases.append("no guardrail has anything to judge")
    phrases += [
        _lacks(ledger, track, finding)
        for track, finding in zip(ledger.tracks, findings, strict=True)
        if finding.gates and finding.standing is not Standing.SAFE
    ]
    phrases += _strata_missing(ledger)
    if ledger.watch.turned_away.is_uneven:
        phrases.append(ledger.watch.turned_away.text())
    if ledger.ratio.mismatch:
        phrases.append("the traffic is not split as configured")
    return tuple(phrases)


def _strata_missing(ledger: Ledger) -> list[str]:
    phrases = []
    overlap = ledger.slices.overlap()
    if overlap is not None and overlap < OVERLAP:
        phrases.append(
            f"only {overlap * 100:.0f} % of requests are of kinds that both roles met, of {OVERLAP * 100:.0f} %"
        )
    for track in ledger.tracks:
        names = [ledger.strata.name(stratum) for stratum in track.unproven_strata()]
        if names and track.proofs[0] >= SAFE_THRESHOLD:
            phrases.append(f"{track.guardrail.metric}: not yet proven inside {', '.join(map(repr, names))}")
    return phrases


def _lacks(ledger: Ledger, track: Track, finding: Finding) -> str:
    guardrail = track.guardrail
    if finding.standing is Standing.NO_DATA:
        silent = [
            role
            for role, estimate in ((Role.STABLE, finding.stable), (Role.CANDIDATE, finding.candidate))
            if not estimate.n
        ]
        return f"{finding.metric}: no values from {' and '.join(silent)}"
    if ledger.series[track.source].is_withheld:
        return absence_text(guardrail.metric, ledger.series[track.source])
    if track.is_proven(0) and lacks_pairs(ledger, track):
        return f"{guardrail.metric}: {pairs_text(track)}"
    text = f"{finding.metric}: no worse than {margin_text(guardrail.metric, guardrail.margin)} not yet proven"
    text += f" (e {evidence_text(finding.non_inferiority)} of {SAFE_THRESHOLD:.0f})"
    noun = "more candidate sample" if finding.sampled else "more candidate request"
    return f"{text}, about {count(finding.needed, noun)}" if finding.needed else text


def _reason(ledger: Ledger, outcome: Outcome, findings: tuple[Finding, ...], missing: tuple[str, ...]) -> str:
    match outcome:
        case Outcome.FAIL:
            return max(findings, key=lambda finding: finding.share).reason
        case Outcome.INVALID:
            return _ratio_text(ledger)
        case Outcome.NO_DATA:
            return "; ".join(phrase for phrase in missing if phrase.startswith("no "))
        case Outcome.INCONCLUSIVE:
            return f"not decided within {count(ledger.terms.horizon or 0, 'request')}: {'; '.join(missing)}"
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
