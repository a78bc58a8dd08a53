"""Findings: one guardrail's estimates, evidence, standing and reason."""

from __future__ import annotations

import math
from typing import assert_never

from verdigris.core.analysis.columns import Source, Trait
from verdigris.core.analysis.guardrail import WARM_UP, threshold_quantile
from verdigris.core.analysis.ledger import FAIL_THRESHOLD, Ledger
from verdigris.core.analysis.series import Series, Tally
from verdigris.core.analysis.track import SAFE_THRESHOLD, Track, Twins
from verdigris.core.analysis.wording import amount, difference, evidence_text, limit_text, margin_text, relative
from verdigris.core.model.metric import Margin, Metric
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Estimate, Finding, Paired, Sampled, Slice, Standing
from verdigris.core.stats.capital import GROWTH_FOR
from verdigris.core.stats.confidence import mean_interval, quantile_ranks, rate_interval

PAIRS_STOP = 600.0
"""Seconds of requests without a pair, or ten times the usual interval between two, after which none are waited for."""

_FEW = 20  # candidate values before a growth is worth extending
_GROWING = 1.5  # below that, growth and luck look alike
_TOLD_BY = {Source.DEFECTS: Trait.DEFECT, Source.REFUSALS: Trait.REFUSAL}


def find(ledger: Ledger, track: Track) -> Finding:
    """Where one guardrail stands."""
    guardrail = track.guardrail
    series = ledger.series[track.source]
    stable, candidate = (estimate(guardrail.metric, series.tallies[role]) for role in Role)
    gates = is_gating(ledger, track)
    complete = _has_both(ledger, track) and not (ledger.failing and track.source is Source.QUALITY)
    standing = _standing(ledger, track, gates=gates, complete=complete)
    return Finding(
        metric=guardrail.metric,
        standing=standing,
        stable=stable,
        candidate=candidate,
        weight=track.weight,
        harm=track.value(0),
        far=track.value(1),
        non_inferiority=track.proofs[0],
        absolute=track.absolute.value if track.absolute else 1.0,
        share=ledger.shares(track).total,
        gates=gates,
        limit_text=limit_text(guardrail),
        reason=_reason(ledger, track, standing, stable, candidate) + _invalid_text(series),
        needed=None if standing is Standing.SAFE else needed(track),
        basis=_basis(ledger, track),
        paired=_paired(track.twins) if track.twins.n else None,
        sampled=_sampled(ledger, track.source),
        apart=ledger.pairing.told() if track.source is Source.QUALITY else (),
    )


def failures(ledger: Ledger) -> tuple[str, ...]:
    """The scorers that fail too often to be believed."""
    return tuple(f"{name} failed in {share * 100:.0f} % of its latest tries" for name, share in ledger.failing.items())


def _sampled(ledger: Ledger, source: Source) -> Sampled | None:
    sampling = ledger.sampling
    if sampling is None or source not in sampling.sources:
        return None
    trait = _TOLD_BY.get(source)
    return Sampled(
        stable=sampling.counts[Role.STABLE],
        candidate=sampling.counts[Role.CANDIDATE],
        scorer=(sampling.scorers.current or "") if source is Source.QUALITY else "",
        left_out=sampling.left_out if source is Source.QUALITY else 0,
        labels=() if trait is None else ledger.watch.drift.labelled(trait),
    )


def is_gating(ledger: Ledger, track: Track) -> bool:
    """Whether PASS needs its proof: it was asked for, or somebody reports the metric."""
    guardrail, tallies = track.guardrail, ledger.series[track.source].tallies
    return (
        guardrail.required
        or ledger.terms.is_scored(guardrail.metric)
        or guardrail.metric in ledger.reported
        or track.twins.n > 0
        or any(tally.n for tally in tallies.values())
    )


def lacks_pairs(ledger: Ledger, track: Track, place: int = 0) -> bool:
    """Whether pairs come, and do not show on their own yet that the candidate is no worse than the wider margin."""
    return track.lacks_pairs(place) and not _pairs_stopped(ledger)


def _pairs_stopped(ledger: Ledger) -> bool:
    heard = ledger.pairing.heard
    if heard is None:
        return True
    now = max((last for _, last in ledger.attendance.heard.values()), default=-math.inf)
    first, last = heard
    return now - last > max(PAIRS_STOP, 10.0 * (last - first) / max(1, ledger.pairs - 1))


def is_complete(ledger: Ledger, track: Track) -> bool:
    """Whether there is something of both roles to compare, and nothing is kept from it on one side."""
    return _has_both(ledger, track) and not ledger.series[track.source].is_withheld


def _has_both(ledger: Ledger, track: Track) -> bool:
    return track.twins.n > 0 or all(tally.n for tally in ledger.series[track.source].tallies.values())


def slices(ledger: Ledger) -> tuple[Slice, ...]:
    """Every metric inside every stratum, in the order in which strata were first seen."""
    return tuple(_slice(ledger, track, stratum) for stratum in sorted(ledger.slices.tallies) for track in ledger.tracks)


def _slice(ledger: Ledger, track: Track, stratum: int) -> Slice:
    tallies = ledger.slices.tallies[stratum].get(track.source)
    stable, candidate = (estimate(track.guardrail.metric, tallies[role]) if tallies else Estimate(n=0) for role in Role)
    inside = (track.harm.inside or {}).get(stratum)
    safety = track.inside[0].get(stratum, 1.0)
    if stable.n and candidate.n:
        standing = Standing.SAFE if safety >= SAFE_THRESHOLD else Standing.UNDECIDED
        if inside is not None and inside.value(0) >= FAIL_THRESHOLD and standing is Standing.UNDECIDED:
            standing = Standing.HARMFUL
    else:
        standing = Standing.NO_DATA
    return Slice(
        stratum=ledger.strata.name(stratum),
        metric=track.guardrail.metric,
        standing=standing,
        stable=stable,
        candidate=candidate,
        harm=inside.value(0) if inside else 1.0,
        non_inferiority=safety,
    )


def _paired(twins: Twins) -> Paired:
    return Paired(
        n=twins.n,
        stable=twins.stable.mean or 0.0,
        candidate=twins.candidate.mean or 0.0,
        harm=twins.test.value(0) if twins.test else 1.0,
        non_inferiority=twins.test.value(2) if twins.test else 1.0,
    )


def _basis(ledger: Ledger, track: Track) -> str:
    """What past its thresholds come from."""
    if threshold_quantile(track.guardrail.metric) is None:
        return ""
    trial = track.harm
    if trial.scale is None:
        return f"no history of stable: the first {WARM_UP:,} of its values choose the threshold, then it is judged"
    if trial.calibrated:
        return f"threshold from {trial.calibrated:,} values of stable in this rollout"
    return f"threshold from {ledger.history:,} requests of stable before this rollout"


def estimate(metric: Metric, tally: Tally) -> Estimate:
    """One role's value with its interval; an interval's end that is not known is None."""
    if not tally.n:
        return Estimate(n=0)
    if metric.quantile is not None:
        low, high = quantile_ranks(tally.n, metric.quantile)
        sketch = tally.sketch
        return Estimate(
            n=tally.n, value=sketch.quantile(metric.quantile), low=sketch.at_rank(low), high=sketch.at_rank(high)
        )
    mean = tally.moments.mean
    if metric.is_rate:
        low_rate, high_rate = rate_interval(tally.n, tally.moments.total)
        return Estimate(n=tally.n, value=mean, low=low_rate, high=high_rate)
    interval = mean_interval(tally.moments)
    if interval is None:
        return Estimate(n=tally.n, value=mean)
    top = 1.0 if metric is Metric.QUALITY else math.inf
    return Estimate(n=tally.n, value=mean, low=max(interval[0], 0.0), high=min(interval[1], top))


def needed(track: Track) -> int | None:
    """Further candidate values until non-inferiority, if its luckiest bet goes on growing as it did so far.

    None while that would be a guess: with few values, or where pairs have a part in it.
    """
    compared, growth = track.safety.compared, track.safety.best(track.first)
    if compared < _FEW or growth < _GROWING or track.pairs:
        return None
    per_value = math.log(growth) / compared
    return max(1, math.ceil(math.log(GROWTH_FOR * SAFE_THRESHOLD / growth) / per_value))


def _standing(ledger: Ledger, track: Track, *, gates: bool, complete: bool) -> Standing:
    if _is_harmful(ledger, track):
        return Standing.HARMFUL
    withheld = ledger.series[track.source].is_withheld or lacks_pairs(ledger, track)
    if track.is_proven(0) and (complete or track.source is not Source.QUALITY) and not withheld:
        return Standing.SAFE
    if not gates:
        return Standing.NOT_MEASURED
    return Standing.UNDECIDED if complete else Standing.NO_DATA


def _is_harmful(ledger: Ledger, track: Track) -> bool:
    share = ledger.shares(track).total
    if share >= FAIL_THRESHOLD:
        return True
    return ledger.failure is not None and share >= max(ledger.shares(other).total for other in ledger.tracks)


def _reason(ledger: Ledger, track: Track, standing: Standing, stable: Estimate, candidate: Estimate) -> str:
    metric = track.guardrail.metric
    match standing:
        case Standing.NOT_MEASURED:
            return f"neither role reports {metric}"
        case Standing.NO_DATA if ledger.failing and track.source is Source.QUALITY:
            return f"{metric}: no word, since {' and '.join(failures(ledger))}"
        case Standing.NO_DATA:
            return f"{metric}: no values from {_silent(stable, candidate)}"
        case Standing.HARMFUL:
            return _harm_text(ledger, track, stable, candidate)
        case Standing.SAFE:
            proof = f"proven no worse than {margin_text(metric, track.guardrail.margin)}"
            if track.lacks_pairs(0):
                proof += f"; shadow pairs stopped after {track.twins.n:,} and show nothing on their own"
        case Standing.UNDECIDED if ledger.series[track.source].is_withheld:
            proof = f"not decided: {absence_text(metric, ledger.series[track.source])}"
        case Standing.UNDECIDED if track.is_proven(0) and lacks_pairs(ledger, track):
            proof = f"not decided: {pairs_text(track)}"
        case Standing.UNDECIDED:
            proof = (
                f"not decided (evidence for harm {evidence_text(ledger.shares(track).total)} of {FAIL_THRESHOLD:.0f}, "
                f"for safety {evidence_text(track.proofs[0])} of {SAFE_THRESHOLD:.0f})"
            )
        case _:
            assert_never(standing)
    return f"{_compared(track, stable, candidate)}; {proof}"


def _compared(track: Track, stable: Estimate, candidate: Estimate) -> str:
    """What moved: by the requests, or by the pairs where no request has a value."""
    if not track.twins.n or (stable.value is not None and candidate.value is not None):
        return change_text(track.guardrail.metric, stable, candidate)
    return _in_pairs(track)


def _in_pairs(track: Track) -> str:
    twins = track.twins
    ours, theirs = (Estimate(n=twins.n, value=side.mean) for side in (twins.stable, twins.candidate))
    return f"in {twins.n:,} shadow pairs {change_text(track.guardrail.metric, ours, theirs)}"


def _harm_text(ledger: Ledger, track: Track, stable: Estimate, candidate: Estimate) -> str:
    metric, limit = track.guardrail.metric, track.guardrail.limit
    shares, failure = ledger.shares(track), ledger.failure
    proof = f"(evidence {evidence_text(failure.evidence if failure else shares.total)} of {FAIL_THRESHOLD:.0f} needed)"
    if shares.absence > max(shares.between, shares.limit):
        return f"{absence_text(metric, ledger.series[track.source])}; proven {proof}"
    if limit is not None and shares.limit > shares.between and shares.between < FAIL_THRESHOLD:
        side = "below the floor" if metric.higher_is_better else "above the limit"
        value = f"{metric} is {amount(metric, candidate.value)}" if candidate.value is not None else f"{metric}"
        return f"{value}, proven {side} of {amount(metric, limit)} {proof}"
    test = track.twins.test
    by_pairs = test is not None and test.value(0) > track.harm.harm(0)
    change = _in_pairs(track) if by_pairs else _compared(track, stable, candidate)
    return f"{change}; proven worse {proof}"


def change_text(metric: Metric, stable: Estimate, candidate: Estimate) -> str:
    """`quality rose by 0.071 (0.771 → 0.842, +9.2 %)`."""
    if stable.value is None or candidate.value is None:
        return f"{metric}: no values from {_silent(stable, candidate)}"
    change = candidate.value - stable.value
    values = f"{amount(metric, stable.value)} → {amount(metric, candidate.value)}"
    if change == 0:
        return f"{metric} did not change ({values})"
    share = "" if metric.is_rate else relative(stable.value, candidate.value)
    return (
        f"{metric} {'rose' if change > 0 else 'fell'} by {difference(metric, change)} "
        f"({values}{', ' + share if share else ''})"
    )


def _silent(stable: Estimate, candidate: Estimate) -> str:
    return " and ".join(role.value for role, side in zip(Role, (stable, candidate), strict=True) if not side.n)


def _invalid_text(series: Series) -> str:
    parts = [f"{tally.invalid:,} {role}" for role, tally in series.tallies.items() if tally.invalid]
    return f"; left out as no possible values: {' and '.join(parts)}" if parts else ""


def pairs_text(track: Track) -> str:
    """What pairs do not show on their own."""
    margin, times = track.guardrail.margin, track.asked[0]
    wide = Margin(relative=margin.relative * times, absolute=margin.absolute * times)
    return (
        f"by shadow pairs alone no worse than {margin_text(track.guardrail.metric, wide)} not yet proven "
        f"(e {evidence_text(track.agreed[0])} of {SAFE_THRESHOLD:.0f}, {track.twins.n:,} pairs)"
    )


def absence_text(metric: Metric, series: Series) -> str:
    def gone(role: Role) -> str:
        tally = series.tallies[role]
        return f"{tally.missing / max(1, tally.missing + tally.n) * 100:.1f} %"

    return f"{metric} is missing in {gone(Role.CANDIDATE)} of the candidate's answers and in {gone(Role.STABLE)} of stable's"
