"""The judge at its edges: the twentieth value, the last request of a horizon, the share that is just enough."""

from __future__ import annotations

import numpy as np
import pytest

from support.streams import ledger
from verdigris.core.analysis import Analysis
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.findings import change_text, estimate, find, is_complete, is_gating, needed
from verdigris.core.analysis.guardrail import default_scale
from verdigris.core.analysis.judge import OVERLAP, SILENCE, judge, outcome, silent
from verdigris.core.analysis.ledger import FAILING, Failure, Ledger
from verdigris.core.analysis.series import Tally
from verdigris.core.analysis.track import SAFE_THRESHOLD
from verdigris.core.analysis.wording import MINUS
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Estimate, Outcome, Standing
from verdigris.core.stats.capital import GROWTH_FOR

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), required=False)
ERRORS = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))


def rows(blue: int, green: int, *, start: float = 0.0, **more) -> list[Observation]:
    """One request a second: stable's, then the candidate's."""
    return [
        Observation(
            at=start + place + 1,
            environment="blue" if place < blue else "green",
            status=200,
            **{"duration": 0.1, **more},
        )
        for place in range(blue + green)
    ]


def filled(blue: int, green: int, *guardrails: Guardrail, **more) -> Ledger:
    values = {name: more.pop(name) for name in ("quality", "stratum") if name in more}
    book = ledger(guardrails=guardrails or (ERRORS,), **more)
    book.fold(rows(blue, green, **values))
    return book


def tally(*values: float, has_tail: bool = False) -> Tally:
    found = Tally(has_tail=has_tail)
    found.add(np.array(values), eligible=len(values), invalid=0)
    return found


def prove(book: Ledger) -> Ledger:
    for track in book.tracks:
        track.proven[0] = True
        track.proofs[0] = 20.0
    return book


# ------------------------------------------------------------------ the outcome


def test_a_horizon_is_reached_with_its_last_request() -> None:
    assert outcome(filled(3, 3, horizon=7)) is Outcome.WAITING
    assert outcome(filled(4, 3, horizon=7)) is Outcome.INCONCLUSIVE
    assert outcome(filled(4, 3)) is Outcome.WAITING


def test_as_many_candidates_as_asked_for_are_enough() -> None:
    book = prove(filled(10, 5))
    assert outcome(book, min_candidate=5) is Outcome.PASS
    assert judge(book, at=16.0, min_candidate=5).missing == ()
    assert judge(book, at=16.0, min_candidate=5).proven_at == 1.0
    assert outcome(book, min_candidate=6) is Outcome.WAITING
    lacking = judge(book, at=16.0, min_candidate=6)
    assert lacking.missing == ("5 of 6 candidate requests",)
    assert lacking.proven_at is None
    assert lacking.reason == "undecided: 5 of 6 candidate requests"
    assert judge(prove(filled(10, 5, sticky=True)), at=16.0).missing == ("5 of 50 candidate units",)


def test_each_outcome_gives_its_own_reason() -> None:
    book = prove(filled(10, 5, ERRORS, QUALITY, quality=0.8))
    assert judge(book, at=16.0, min_candidate=5).reason == "proven no worse than the margin in error_rate, quality"
    assert judge(filled(2, 3, horizon=5), at=6.0, min_candidate=3).reason == (
        "not decided within 5 requests: error_rate: no worse than +1 point not yet proven (e 1.0 of 20)"
    )
    assert judge(filled(3, 0), at=4.0).reason == "no candidate requests yet"
    assert judge(filled(0, 0), at=4.0).reason == "no stable requests yet; no candidate requests yet"
    failed = filled(4, 4)
    failed.failure = Failure(at=5.0, evidence=33.0)
    verdict = judge(failed, at=9.0)
    assert (verdict.outcome, verdict.evidence, verdict.threshold) == (Outcome.FAIL, 33.0, 20.0)
    assert verdict.reason.startswith("error_rate did not change")
    assert verdict.reason.endswith("(evidence 33.0 of 20 needed)")


def test_a_split_that_is_off_is_told_in_numbers() -> None:
    book = filled(2, 3)
    book.ratio.candidate, book.ratio.stable, book.ratio.expected = 300, 700, 499.5
    book.ratio.capital.peak = 1_000.0
    verdict = judge(book, at=6.0)
    assert verdict.outcome is Outcome.INVALID
    assert verdict.reason == (
        "the traffic is not split as configured: the candidate got 300 of 1,000 requests "
        "where about 500 were expected (evidence 1000 of 1,000 needed)"
    )
    assert verdict.missing[-1] == "the traffic is not split as configured"


def test_a_role_is_silent_after_ten_minutes_or_ten_of_its_intervals() -> None:
    book = filled(3, 2)
    assert silent(book, 3.0 + SILENCE) == ()
    assert silent(book, 3.5 + SILENCE) == (Role.STABLE,)
    assert set(silent(book, 5.5 + SILENCE)) == set(Role)
    assert judge(book, at=3.5 + SILENCE).reason == "no stable requests for 10 min"
    book.attendance.heard[Role.STABLE] = (0.0, 200.0)
    assert silent(book, 200.0 + 1_000.0) == (Role.CANDIDATE,), "100 s between two"
    assert set(silent(book, 200.0 + 1_000.5)) == set(Role)
    for share in (0.0, 1.0):
        book.ratio.shares = [(0.0, share)]
        assert silent(book, 1e6) == ()


def test_nine_of_ten_requests_of_kinds_that_both_met_are_enough() -> None:
    def met(alone: int) -> Ledger:
        book = ledger(guardrails=(ERRORS,), stratified=True)
        book.fold([*rows(10 - alone, 10, stratum="both"), *rows(alone, 0, start=30.0, stratum="alone")])
        return prove(book)

    assert met(1).slices.overlap() == OVERLAP
    assert outcome(met(1), min_candidate=10) is Outcome.PASS
    assert not any(phrase.startswith("only") for phrase in judge(met(1), at=32.0).missing)
    assert outcome(met(2), min_candidate=10) is Outcome.WAITING
    assert "only 80 % of requests are of kinds that both roles met, of 90 %" in judge(met(2), at=32.0).missing
    assert judge(met(2), at=32.0).overlap == 0.8


def test_a_scorer_fails_above_a_fifth() -> None:
    book = filled(4, 4, QUALITY, quality=0.8)
    book.scorers({"b": FAILING, "a": FAILING + 0.05})
    assert book.failing == {"a": 0.25}
    verdict = judge(book, at=9.0)
    assert verdict.outcome is Outcome.NO_DATA
    assert verdict.reason == "no word on quality: a failed in 25 % of its latest tries"
    assert verdict.findings[0].reason == "quality: no word, since a failed in 25 % of its latest tries"


# ------------------------------------------------------------------ findings


def test_one_value_or_one_pair_makes_a_metric_gate() -> None:
    book = filled(3, 3, QUALITY, pairs=0.5)
    (track,) = book.tracks
    assert not is_gating(book, track)
    assert find(book, track).standing is Standing.NOT_MEASURED
    assert find(book, track).reason == "neither role reports quality"
    book.pair([Pair(at=1.0, stable=Answer(quality=0.8), candidate=Answer(quality=0.8))])
    assert track.twins.n == 1
    assert is_gating(book, track)
    assert is_complete(book, track)
    alone = filled(1, 0, QUALITY, quality=0.8)
    assert is_gating(alone, alone.tracks[0])
    assert not is_complete(alone, alone.tracks[0])
    assert find(alone, alone.tracks[0]).standing is Standing.NO_DATA
    assert find(alone, alone.tracks[0]).reason == "quality: no values from candidate"


def test_an_estimate_knows_its_number_and_its_bounds() -> None:
    assert estimate(Metric.QUALITY, tally()) == Estimate(n=0)
    assert estimate(Metric.QUALITY, tally(*[0.5] * 19)) == Estimate(n=19, value=0.5)
    wide = estimate(Metric.QUALITY, tally(*[0.0, 1.0] * 10))
    assert (wide.n, wide.value, wide.low, wide.high) == (20, 0.5, 0.0, 1.0)
    cost = estimate(Metric.COST, tally(*[0.0, 10.0] * 10, has_tail=True))
    assert (cost.value, cost.low) == (5.0, 0.0)
    assert cost.high is not None
    assert cost.high > 5.0, "a cost has no upper bound"
    rate = estimate(Metric.ERROR_RATE, tally(1.0, 0.0, 0.0, 0.0))
    assert (rate.n, rate.value) == (4, 0.25)
    assert rate.low is not None
    assert rate.high is not None
    assert 0.0 < rate.low < 0.25 < rate.high < 1.0
    tail = estimate(Metric.LATENCY_P50, tally(*map(float, range(1, 102)), has_tail=True))
    assert tail.n == 101
    assert tail.value == pytest.approx(51.0, rel=0.02)
    assert tail.low is not None
    assert tail.high is not None
    assert tail.low < 45.0
    assert tail.high > 57.0


@pytest.mark.parametrize(
    ("metric", "stable", "candidate", "text"),
    [
        (Metric.QUALITY, 0.8, 0.6, f"quality fell by 0.200 (0.800 → 0.600, {MINUS}25.0 %)"),
        (Metric.QUALITY, 0.5, 0.6, "quality rose by 0.100 (0.500 → 0.600, +20.0 %)"),
        (Metric.ERROR_RATE, 0.1, 0.125, "error_rate rose by 2.50 points (10.0 % → 12.5 %)"),
        (Metric.COST, 0.0, 0.5, "cost rose by $0.5 ($0 → $0.5)"),
        (Metric.COST, 0.5, 0.5, "cost did not change ($0.5 → $0.5)"),
    ],
)
def test_a_change_in_words(metric: Metric, stable: float, candidate: float, text: str) -> None:
    assert change_text(metric, Estimate(n=1, value=stable), Estimate(n=1, value=candidate)) == text


def test_an_undecided_finding_says_how_far_both_proofs_are() -> None:
    book = filled(4, 4)
    (finding,) = judge(book, at=9.0).findings
    assert finding.standing is Standing.UNDECIDED
    assert finding.reason == (
        "error_rate did not change (0.00 % → 0.00 %); not decided (evidence for harm 1.0 of 20, for safety 1.0 of 20)"
    )
    assert (finding.stable.n, finding.candidate.n, finding.gates, finding.absolute) == (4, 4, True, 1.0)
    assert (finding.weight, finding.limit_text) == (1.0, "no worse than +1 point")
    (proven,) = judge(prove(book), at=9.0).findings
    assert proven.standing is Standing.SAFE
    assert proven.reason == "error_rate did not change (0.00 % → 0.00 %); proven no worse than +1 point"
    assert proven.needed is None


def test_how_many_more_are_needed_goes_on_as_it_went_so_far() -> None:
    book = ledger(guardrails=(ERRORS,))
    (track,) = book.tracks
    assert needed(track) is None
    for start in range(0, 4_000, 40):
        book.fold(rows(20, 20, start=float(start)))
        growth, compared = track.safety.best(track.first), track.safety.compared
        if growth >= 1.5 and needed(track) != 1:
            break
    told = needed(track)
    assert told is not None
    # with so many more, growing by the same factor for each, the bet reaches what is asked, and with one fewer not
    factor, goal = growth ** (1.0 / compared), GROWTH_FOR * SAFE_THRESHOLD
    assert growth * factor ** (told - 1) < goal <= growth * factor**told
    phrase = judge(book, at=4_000.0).missing[-1]
    assert phrase.endswith(f"about {told:,} more candidate requests")
    track.pairs = 0.5
    assert needed(track) is None


# ------------------------------------------------------------------ the past, and the face


def test_a_past_is_enough_with_a_hundred_requests_that_say_something() -> None:
    known = Baseline()
    known.fold(rows(99, 0, quality=0.6), stable="blue")
    assert not known.reports(Metric.QUALITY)
    young = known.scale(Metric.QUALITY)
    known.fold(rows(1, 0, quality=0.6), stable="blue")
    assert known.reports(Metric.QUALITY)
    scale = known.scale(Metric.QUALITY)
    assert scale is not None
    assert young == default_scale(Metric.QUALITY)
    assert scale.prior == pytest.approx(0.6)
    assert known.n == 100
    assert not known.reports(Metric.REFUSAL_RATE)


def test_the_face_hands_its_terms_on() -> None:
    analysis = Analysis(
        (ERRORS,), stable="blue", candidate="green", sticky=True, stratified=True, pairs=0.25, lag=2.0,
        scored=(Metric.QUALITY,), scoring=3.0, multiples=(1.0, 2.0), horizon=9,
    )  # fmt: skip
    terms = analysis._ledger.terms
    assert (terms.guardrails, terms.stable, terms.candidate) == ((ERRORS,), "blue", "green")
    assert (terms.sticky, terms.stratified, terms.pairs, terms.lag) == (True, True, 0.25, 2.0)
    assert (terms.scored, terms.scoring, terms.multiples, terms.horizon) == ((Metric.QUALITY,), 3.0, (1.0, 2.0), 9)
    assert analysis._ledger.history == 0
    assert not analysis._ledger.reported


def test_the_face_asks_for_fifty_candidates_unless_told_otherwise() -> None:
    for least, asked in ((None, 50), (7, 7)):
        analysis = Analysis(
            (ERRORS,), stable="blue", candidate="green", **({} if least is None else {"min_candidate": least})
        )
        analysis.observe_all(rows(10, 3))
        assert analysis.verdict().missing[0] == f"3 of {asked} candidate requests"
        prove(analysis._ledger)
        assert analysis.outcome is Outcome.WAITING
        analysis.observe_all(rows(0, asked - 3, start=20.0))
        assert analysis.outcome is Outcome.PASS


def test_without_a_history_the_first_values_choose_thresholds() -> None:
    guardrail = Guardrail(metric=Metric.LATENCY_P99, margin=Margin(relative=2.0))
    young = Analysis((guardrail,), stable="blue", candidate="green")
    assert young.verdict().findings[0].basis.startswith("no history of stable: the first 200 of its values")
    old = Analysis((guardrail,), stable="blue", candidate="green", history=rows(300, 0))
    assert old.verdict().findings[0].basis == "threshold from 300 requests of stable before this rollout"


def test_observations_are_settled_with_the_twentieth() -> None:
    analysis = Analysis((ERRORS,), stable="blue", candidate="green")
    for row in rows(10, 9):
        analysis.observe(row)
    assert analysis._ledger.samples(Role.STABLE) == 0
    analysis.observe(rows(0, 1, start=19.0)[0])
    assert (analysis._ledger.samples(Role.STABLE), analysis._ledger.samples(Role.CANDIDATE)) == (10, 10)
    assert analysis.verdict().at == 20.0
    assert analysis._ledger.series[Source.ERRORS].tallies[Role.CANDIDATE].n == 10
