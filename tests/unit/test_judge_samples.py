"""What scorers say of sampled answers: what it counts for, what it never counts for, and whose word it is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from support.sampled import ERRORS, GUARDRAILS, QUALITY, Rollout, Side, arrivals, scored, terms
from verdigris.controller.book import Book
from verdigris.core.analysis import Analysis
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.explain import explain
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.replay import replay
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL, Guardrail, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Finding, Outcome, Standing
from verdigris.testing import builders

REFUSALS = next(each for each in DEFAULT_GUARDRAILS if each.metric is Metric.REFUSAL_RATE)
COST = next(each for each in DEFAULT_GUARDRAILS if each.metric is Metric.COST)


def at_once(*guardrails: Guardrail, **more) -> Ledger:
    """A ledger in which everything counts as it comes."""
    return Ledger.begin(terms(guardrails=guardrails or GUARDRAILS, lag=0.0, scoring=0.0, **more))


def requests(n: int, *, start: float = 0.0, every: float = 1.0, **members) -> list[Observation]:
    return [
        Observation(
            **{
                "at": start + i * every,
                "environment": ("blue", "green")[i % 2],
                "status": 200,
                "duration": 0.5,
                **members,
            }
        )
        for i in range(n)
    ]


def finding(book: Ledger, metric: Metric, *, at: float = 100.0) -> Finding:
    return next(each for each in judge(book, at=at).findings if each.metric is metric)


# ------------------------------------------------------------------ what counts, and for what


def test_quality_is_that_of_the_samples_and_never_what_requests_report() -> None:
    book = at_once()
    book.fold(requests(200, quality=0.1))
    assert finding(book, Metric.QUALITY).standing is Standing.NO_DATA
    book.score(scored(200))
    found = finding(book, Metric.QUALITY)
    assert found.stable.n == found.candidate.n == 100
    assert found.stable.value == pytest.approx(0.845)
    assert found.sampled is not None
    assert (found.sampled.stable, found.sampled.candidate, found.sampled.scorer) == (100, 100, "judge@1")


def test_a_gating_scorer_makes_quality_gate_though_nobody_wrote_a_guardrail() -> None:
    book = at_once()
    book.fold(requests(400))
    assert not QUALITY.required
    assert "quality: no values from stable and candidate" in judge(book, at=400.0).missing
    assert outcome(book) is not Outcome.PASS


def test_nobody_is_blamed_for_not_reporting_what_scorers_measure() -> None:
    book = at_once()
    rows = requests(600, quality=0.8)
    book.fold([replace(row, quality=None) if row.environment == "green" else row for row in rows])
    assert book.series[Source.QUALITY].harm is None
    assert book.evidence < 1.5


def unscored(rows: list[Scored], *sides: str) -> list[Scored]:
    """One answer in seven of these sides has no score."""
    return [
        replace(row, quality=None, scorer="") if row.environment in sides and i // 2 % 7 == 0 else row
        for i, row in enumerate(rows)
    ]


def test_a_candidate_whose_answers_often_get_no_score_is_neither_blamed_nor_promoted() -> None:
    """Those on which a scorer fails may be its worst; the others are no proof."""
    book = at_once()
    book.fold(requests(2_000, every=0.1))
    book.score(unscored(scored(2_000, every=0.1), "green"))
    found = finding(book, Metric.QUALITY)
    assert found.non_inferiority > 20.0
    assert found.standing is Standing.UNDECIDED
    assert outcome(book) is Outcome.WAITING
    said = "quality is missing in 14.3 % of the candidate's answers and in 0.0 % of stable's"
    assert judge(book, at=200.0).missing == (said,)
    assert found.reason.endswith(f"not decided: {said}")
    assert book.evidence < 1.5
    assert outcome(Ledger.decode(book.encode())) is Outcome.WAITING


def test_words_that_are_still_to_come_are_not_missing() -> None:
    """The candidate's take a minute; what has none says so at once, on both sides."""
    book, rows = Ledger.begin(terms(lag=5.0, scoring=300.0)), unscored(scored(1_200, every=0.5), "green", "blue")

    def known(row: Scored) -> float:
        return row.at + (1.0 if row.quality is None else 60.0 if row.environment == "green" else 2.0)

    for row in sorted(rows, key=known):
        book.fold(requests(4, start=known(row), every=0.01))
        book.score([row])
        assert not book.series[Source.QUALITY].is_withheld
    counted = book.series[Source.QUALITY].absence
    assert counted is not None
    assert counted.capital.seen > 300


def test_scores_that_both_sides_lack_are_in_nobodys_way() -> None:
    book = at_once()
    book.fold(requests(2_000, every=0.1))
    book.score(unscored(scored(2_000, every=0.1), "green", "blue"))
    assert outcome(book) is Outcome.PASS


def test_a_cost_that_samples_tell_of_stable_alone_is_no_proof_either() -> None:
    book = at_once(COST, ERRORS)
    book.fold(requests(2_000, every=0.1))
    rows = [replace(row, cost=0.01) for row in scored(2_000, every=0.1)]
    book.score([replace(row, cost=None) if row.environment == "green" and i % 3 else row for i, row in enumerate(rows)])
    assert "cost is missing in 66" in " ".join(judge(book, at=200.0).missing)
    assert outcome(book) is not Outcome.PASS


def test_what_was_kept_before_missing_scores_were_counted_is_taken_up() -> None:
    book = at_once()
    book.fold(requests(200))
    book.score(scored(200))
    older = json.loads(book.encode())
    older["series"]["quality"]["absence"] = None
    copy = Ledger.decode(json.dumps(older).encode())
    copy.score(scored(40, start=200.0))
    assert finding(copy, Metric.QUALITY).candidate.n == 120


def test_samples_count_for_nothing_else() -> None:
    with_samples, without = at_once(), at_once()
    for book in (with_samples, without):
        book.expect(0.0, 0.5)
        book.fold(requests(100))
    with_samples.score(scored(90))
    for name in ("attendance", "ratio"):
        assert getattr(with_samples, name).dump() == getattr(without, name).dump()
    errors = [book.series[Source.ERRORS].dump() for book in (with_samples, without)]
    assert errors[0] == errors[1]
    assert with_samples.samples(Role.CANDIDATE) == 50


def test_worse_samples_are_harm_and_alike_ones_are_safe() -> None:
    worse, alike = at_once(), at_once()
    for book, drop in ((worse, 0.12), (alike, 0.0)):
        book.fold(requests(2_000, every=0.1))
        book.score(
            [
                replace(row, quality=(row.quality or 0.0) - (drop if row.environment == "green" else 0.0))
                for row in scored(2_000, every=0.1)
            ]
        )
    assert outcome(worse) is Outcome.FAIL
    assert worse.failure is not None
    assert "quality fell" in judge(worse, at=200.0).reason
    assert outcome(alike) is Outcome.PASS


def test_defects_are_found_and_named() -> None:
    book = at_once()
    book.fold(requests(600))
    rows = scored(600)
    broken = [
        replace(row, defect=True, defect_label=("empty", "loop")[i % 3 == 0], quality=None)
        if row.environment == "green" and i % 10 < 2
        else row
        for i, row in enumerate(rows)
    ]
    book.score(broken)
    assert outcome(book) is Outcome.FAIL
    found = finding(book, Metric.DEFECT_RATE)
    assert found.standing is Standing.HARMFUL
    assert found.sampled is not None
    labels = {each.label: (each.stable, each.candidate) for each in found.sampled.labels}
    assert labels.keys() == {"empty", "loop"}
    assert all(stable == 0 and candidate > 0 for stable, candidate in labels.values())
    rollout = builders.a_rollout(verdict=judge(book, at=600.0))
    text = explain(rollout).to_text()
    assert "source     scorers: 300 samples of stable, 300 of the candidate, by judge@1" in text
    assert "labels     empty 0 → " in text


def test_quality_that_the_service_reports_says_so() -> None:
    book = Ledger.begin(Terms(guardrails=(QUALITY, ERRORS), stable="blue", candidate="green"))
    book.fold(requests(100, quality=0.8))
    assert "source     reported by the service" in explain(builders.a_rollout(verdict=judge(book, at=1.0))).to_text()
    book.score(scored(100))
    assert finding(book, Metric.QUALITY).sampled is None


def test_values_that_make_no_sense_are_left_out_and_counted() -> None:
    book = at_once()
    good = scored(40)
    book.score([*good, *scored(2, quality=7.0), *scored(2, quality=float("nan")), *scored(2, at=float("inf"))])
    book.score([Scored(at=1.0, began=float("nan"), environment="blue", quality=0.5, scorer="judge@1")])
    book.score(scored(4, environment="elsewhere"))
    found = finding(book, Metric.QUALITY)
    assert found.stable.n + found.candidate.n == 41
    assert "left out as no possible values: 2 stable and 2 candidate" in found.reason


def test_the_order_inside_a_batch_does_not_matter() -> None:
    rows = scored(300)
    one, other = at_once(), at_once()
    one.score(rows)
    other.score([rows[i] for i in np.random.default_rng(1).permutation(300)])
    assert one.encode() == other.encode()


def test_the_first_sample_of_a_unit_counts() -> None:
    book = at_once(sticky=True)
    book.fold([replace(row, unit=i // 2 % 10) for i, row in enumerate(requests(100))])
    book.score([replace(row, unit=100 * (i % 2) + i // 2 % 5) for i, row in enumerate(scored(100))])
    found = finding(book, Metric.QUALITY)
    assert (found.stable.n, found.candidate.n) == (5, 5)
    assert book.sampling is not None
    assert book.sampling.counts == {Role.STABLE: 5, Role.CANDIDATE: 5}


def test_samples_are_compared_inside_strata_and_splits() -> None:
    book = at_once(stratified=True)
    book.expect(0.0, 0.5)
    book.fold([replace(row, stratum="ab"[i // 2 % 2]) for i, row in enumerate(requests(100))])
    counts = {stratum: dict(by_role) for stratum, by_role in book.slices.counts.items()}
    book.score([replace(row, stratum="ab"[i // 2 % 2]) for i, row in enumerate(scored(200))])
    assert book.slices.counts == counts  # those are of requests
    parts = {(each.stratum, each.metric): each for each in judge(book, at=100.0).slices}
    assert parts["a", Metric.QUALITY].stable.n == 50
    assert parts["b", Metric.QUALITY].candidate.n == 50
    book.expect(200.0, 0.25)
    compared = [track.harm.compared for track in book.tracks]
    book.score([row for row in scored(60, start=250.0) if row.environment == "green"])
    book.score([row for row in scored(30, start=150.0) if row.environment == "blue"])  # began under the other split
    assert [track.harm.compared for track in book.tracks] == compared


# ------------------------------------------------------------------ what requests do not say


def test_samples_speak_of_refusals_where_requests_do_not() -> None:
    book = at_once(REFUSALS, COST, ERRORS, DEFECT_GUARDRAIL)
    rows = [
        replace(row, refusal=row.environment == "green" and i % 10 < 3, refusal_kind="safety", cost=0.01)
        for i, row in enumerate(scored(400, quality=None))
    ]
    book.fold(requests(10))
    book.score(rows[:10])
    assert book.sampling is not None
    assert Source.REFUSALS not in book.sampling.sources  # ten silent requests are few
    book.fold(requests(20, start=10.0))
    book.score(rows[10:])
    assert {Source.REFUSALS, Source.COST} <= book.sampling.sources
    found = finding(book, Metric.REFUSAL_RATE)
    assert found.candidate.n == 195
    assert found.sampled is not None
    assert [each.label for each in found.sampled.labels] == ["safety"]
    assert outcome(book) is Outcome.FAIL


def test_what_requests_say_later_is_not_added_to_the_samples() -> None:
    book = at_once(REFUSALS, ERRORS, DEFECT_GUARDRAIL)
    book.fold(requests(40))
    book.score(scored(40, refusal=False))
    kept = Ledger.decode(book.encode())
    for each in (book, kept):
        each.fold(requests(400, start=50.0, refusal=True))
        found = finding(each, Metric.REFUSAL_RATE)
        assert found.stable.n + found.candidate.n == 40
        assert found.candidate.value == 0.0
        assert each.series[Source.REFUSALS].harm is None
        each.score(scored(40, start=500.0, refusal=False))
        assert finding(each, Metric.REFUSAL_RATE).candidate.n == 40
    assert kept.encode() == book.encode()


@pytest.mark.parametrize("heard", ["before", "in this rollout"])
def test_samples_do_not_speak_where_requests_do(heard: str) -> None:
    known = Baseline()
    known.fold(requests(200, refusal=False, environment="blue"), stable="blue")
    given = terms(guardrails=(REFUSALS, ERRORS, DEFECT_GUARDRAIL), lag=0.0, scoring=0.0)
    book = Ledger.begin(given, known if heard == "before" else None)
    book.fold(requests(40, refusal=None if heard == "before" else False))
    book.score(scored(200, refusal=True))
    assert book.sampling is not None
    assert book.sampling.sources == {Source.DEFECTS}
    assert finding(book, Metric.REFUSAL_RATE).candidate.value in (None, 0.0)


def test_samples_do_not_speak_where_some_requests_do() -> None:
    book = at_once(REFUSALS, ERRORS, DEFECT_GUARDRAIL)
    book.fold([replace(row, refusal=False if i < 4 else None) for i, row in enumerate(requests(100))])
    book.score(scored(100, refusal=True))
    assert finding(book, Metric.REFUSAL_RATE).sampled is None
    assert finding(book, Metric.REFUSAL_RATE).candidate.value == 0.0


def test_what_requests_reported_before_says_nothing_of_where_samples_stand() -> None:
    known = Baseline()
    known.fold(requests(2_000, quality=0.3, environment="blue"), stable="blue")
    book = Ledger.begin(terms(lag=0.0, scoring=0.0), known)
    book.score(scored(3_000))
    assert not judge(book, at=1.0).cautions


def test_cost_of_samples_needs_a_past_like_any_cost() -> None:
    book = at_once(COST, ERRORS, DEFECT_GUARDRAIL)
    book.fold(requests(2_000, every=0.1))
    rng = np.random.default_rng(1)
    rows = [
        replace(row, cost=float(0.01 * (2.5 if row.environment == "green" else 1.0) * rng.lognormal(0.0, 0.3)))
        for row in scored(2_000, every=0.1)
    ]
    for start in range(0, 2_000, 100):
        book.score(rows[start : start + 100])
    assert outcome(book) is Outcome.FAIL
    assert "cost rose" in judge(book, at=200.0).reason


# ------------------------------------------------------------------ whose word it is


def test_scores_of_two_versions_are_never_pooled() -> None:
    book = at_once()
    book.score(scored(200))
    track = book.tracks[0]
    before = track.harm.compared
    assert before == 100
    for i in range(30):  # two versions take turns: the first one's count
        book.score(scored(1, start=300.0 + i, scorer="judge@2", quality=0.0))
        book.score(scored(1, start=300.5 + i))
    assert finding(book, Metric.QUALITY).stable.value == pytest.approx(0.83, abs=0.02)
    text = explain(builders.a_rollout(verdict=judge(book, at=400.0))).to_text()
    assert "by judge@1; 30 by another version are left out" in text
    book.score(scored(100, start=400.0, scorer="judge@2", quality=0.3))
    found = finding(book, Metric.QUALITY)
    assert found.stable.n + found.candidate.n == 100
    assert found.stable.value == pytest.approx(0.3)
    assert track.harm.compared == 50
    assert found.sampled is not None
    assert found.sampled.scorer == "judge@2"
    assert book.series[Source.DEFECTS].tallies[Role.STABLE].n == 200 // 2 + 60 + 50  # the words of free ones stay


def test_another_version_has_proven_nothing_yet() -> None:
    book = at_once(stratified=True)
    book.score([replace(row, stratum="long") for row in scored(1_200)])
    (track,) = (each for each in book.tracks if each.source is Source.QUALITY)
    assert track.is_proven(0)
    (long,) = (stratum for stratum, tallies in book.slices.tallies.items() if Source.QUALITY in tallies)
    settled = book.watch.stability.footings[Source.QUALITY]
    book.score([replace(row, stratum="short") for row in scored(40, start=2_000.0, scorer="judge@2")])
    assert not track.is_proven(0)
    assert track.proofs[0] < 2.0
    (short,) = (stratum for stratum, tallies in book.slices.tallies.items() if Source.QUALITY in tallies)
    assert short != long
    assert book.watch.stability.footings[Source.QUALITY] is not settled


def test_what_waits_of_the_old_version_is_dropped() -> None:
    book = Ledger.begin(terms())
    book.score(scored(100, every=0.1))
    book.score(scored(40, start=10.0, every=0.1, scorer="judge@2", quality=0.2))
    assert book.sampling is not None
    assert book.sampling.lanes.answers is not None
    book.fold(requests(10, start=200.0))
    (harm,) = (trial for trial in book.sampling.lanes.answers.lane.trials if trial.source is Source.QUALITY)
    (defects,) = (trial for trial in book.sampling.lanes.answers.lane.trials if trial.source is Source.DEFECTS)
    assert harm.compared == 20
    assert defects.compared == 70


def test_a_scorer_that_goes_on_changing_is_measured_anew_three_times_at_the_most() -> None:
    book = at_once()
    for number in range(8):
        book.score(scored(40, start=100.0 * number, scorer=f"judge@{number}"))
    found = finding(book, Metric.QUALITY)
    assert found.sampled is not None
    assert found.sampled.scorer == "judge@3"
    assert found.stable.n + found.candidate.n == 40


def test_a_change_gives_nothing_back_that_was_lost() -> None:
    book = at_once()
    book.score(scored(400))
    lost = book.tracks[0].harm.value(0)
    assert lost < 0.9
    book.score(scored(40, start=500.0, scorer="judge@2"))
    assert book.tracks[0].harm.value(0) <= lost + 0.01


# ------------------------------------------------------------------ failing scorers


def test_while_a_scorer_fails_there_is_no_data_and_no_pass() -> None:
    book = at_once()
    book.fold(requests(2_000, every=0.1))
    book.score(scored(2_000, every=0.1))
    assert outcome(book) is Outcome.PASS
    book.scorers({"judge": 0.34, "other": 0.2})
    assert outcome(book) is Outcome.NO_DATA
    verdict = judge(book, at=200.0)
    assert verdict.reason == "no word on quality: judge failed in 34 % of its latest tries"
    found = finding(book, Metric.QUALITY)
    assert found.standing is Standing.NO_DATA
    assert found.reason == "quality: no word, since judge failed in 34 % of its latest tries"
    before = book.tracks[0].harm.value(0)
    book.score(scored(400, start=300.0, quality=0.0, environment="green"))
    book.score(scored(400, start=300.0))
    assert book.tracks[0].harm.value(0) == before  # never FAIL by what came meanwhile
    assert outcome(Ledger.decode(book.encode())) is Outcome.NO_DATA
    book.scorers({"judge": 0.1})
    assert outcome(book) is Outcome.PASS


def test_harm_in_another_metric_is_found_while_a_scorer_fails() -> None:
    book = at_once()
    book.scorers({"judge": 1.0})
    book.fold([replace(row, status=500) if row.environment == "green" else row for row in requests(100)])
    assert outcome(book) is Outcome.FAIL
    book = at_once()
    book.scorers({"judge": 1.0})
    book.fold(requests(400))
    book.score([replace(row, defect=row.environment == "green") for row in scored(200)])
    assert outcome(book) is Outcome.FAIL


# ------------------------------------------------------------------ when it counts


def test_samples_count_some_time_after_their_requests_began() -> None:
    book = Ledger.begin(terms(lag=10.0, scoring=60.0))
    assert book.sampling is not None
    assert book.sampling.lanes.answers is not None
    assert book.sampling.lanes.settled is not None
    book.score(scored(60, every=0.1))
    book.fold(requests(10, start=60.0, every=0.1))
    track = book.tracks[0]
    assert track.harm.compared == track.safety.compared == 0
    book.fold(requests(10, start=90.0, every=0.1))  # time goes on by what requests tell
    assert track.harm.compared > 20  # what is left over waits for its block
    assert track.safety.compared > 20


def test_harm_waits_no_longer_than_words_usually_take() -> None:
    book = Ledger.begin(terms(lag=10.0, scoring=60.0))
    for start in range(0, 40, 2):
        book.fold(requests(20, start=float(start), every=0.1))
        book.score(scored(20, start=float(start), every=0.1))
    assert book.sampling is not None
    assert book.sampling.lanes.answers is not None
    assert book.sampling.lanes.settled is not None
    assert 1.0 <= book.sampling.lanes.answers.waiting.lag < 10.0
    assert 10.0 < book.sampling.lanes.settled.waiting.lag < 20.0
    assert book.tracks[0].harm.compared > 100


def test_a_restart_loses_what_waits_and_no_more() -> None:
    book = Ledger.begin(terms())
    book.fold(requests(100, every=0.1))
    book.score(scored(100, every=0.1))
    kept = Ledger.decode(book.encode())
    book.forget_waiting()
    for each in (book, kept):
        each.fold(requests(100, start=50.0))
        each.score(scored(100, start=50.0))
        each.fold(requests(10, start=400.0))
    assert kept.encode() == book.encode()
    assert 40 <= kept.tracks[0].safety.compared <= 50


def test_units_count_once_more_on_arrival_at_100_percent() -> None:
    limited = replace(DEFECT_GUARDRAIL, limit=0.2)
    book = at_once(limited, ERRORS, sticky=True)
    book.expect(0.0, 0.5)
    rows = [replace(row, unit=i % 10, environment="green") for i, row in enumerate(scored(40))]
    book.score(rows)
    assert book.sampling is not None
    assert book.sampling.counts[Role.CANDIDATE] == 10
    book.expect(50.0, 1.0)
    book.score([replace(row, at=row.at + 100.0, began=row.began + 100.0) for row in rows])
    assert book.sampling.counts[Role.CANDIDATE] == 20


# ------------------------------------------------------------------ kept, replayed, and for programs


def test_what_was_scored_is_replayed_to_the_bit() -> None:
    book = Book.begin(terms(), Baseline())
    book.expect(0.0, 0.5)
    rollout = Rollout(candidate=Side(quality=0.74, defects=0.02), seconds=120.0)
    for number, (rows, said) in enumerate(arrivals(rollout, np.random.default_rng(5)), 1):
        book.fold(rows)
        book.score(said)
        book.scorers({"judge": 0.5 if 20 <= number < 25 else 0.0})
        book.look(judge(book.ledger, at=2.0 * number))
    found = replay(piece.data for piece in book.segments())
    assert found.rejudged == 60
    assert found.differing is None
    assert found.verdict is not None
    assert found.verdict.findings[0].sampled is not None
    assert "no_data" in [moment.outcome for moment in found.original]


def test_a_ledger_goes_on_bit_for_bit() -> None:
    given = terms(lag=0.0, scoring=0.0, stratified=True, sticky=True, pairs=0.25)
    book = Ledger.begin(given)
    rollout = Rollout(candidate=Side(quality=0.78), seconds=60.0)
    for rows, said in arrivals(rollout, np.random.default_rng(6)):
        book.fold(rows)
        book.score([replace(row, language="en", form="text", tools=False, stratum="a") for row in said])
        kept = Ledger.decode(book.encode())
        assert kept.encode() == book.encode()
        book = kept


def test_programs_of_their_own_give_their_words_too() -> None:
    analysis = Analysis(GUARDRAILS, stable="blue", candidate="green", scored=(Metric.QUALITY,))
    analysis.observe_all(requests(400))
    analysis.score_all(scored(200))
    analysis.score(scored(1, start=300.0)[0])
    found = next(each for each in analysis.verdict().findings if each.metric is Metric.QUALITY)
    assert found.stable.n == 101
    analysis.scorers({"judge": 0.9})
    assert analysis.outcome is Outcome.NO_DATA
    with pytest.raises(ValueError, match="no metric is measured by samples"):
        Analysis().score(scored(1)[0])


@pytest.mark.parametrize("wrong", [{"scored": (Metric.ERROR_RATE,)}, {"scoring": -1.0}, {"scoring": float("inf")}])
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"samples say nothing of error_rate|the time of a score"):
        Terms(guardrails=GUARDRAILS, stable="blue", candidate="green", **wrong)


def test_terms_are_kept_whole() -> None:
    given = terms()
    assert Terms.load(given.dump()) == given


@pytest.mark.parametrize("where", ["said in words", "another provider"])
def test_refusals_that_scorers_tell_are_those_of_all_layers(where: str) -> None:
    """What providers report of requests misses a refusal in words, and is more where only the other side's provider reports any."""
    given = terms(guardrails=(REFUSALS, ERRORS, DEFECT_GUARDRAIL), lag=0.0, scoring=0.0)
    book = Ledger.begin(replace(given, scored=(Metric.REFUSAL_RATE,)))
    reported = where == "another provider"
    tenths = {"blue": int(reported), "green": 1}
    book.fold([replace(row, refusal=reported and row.environment == "green") for row in requests(1_000)])
    book.score(
        [
            replace(row, refusal=(i // 2) % 10 < tenths[row.environment], refusal_kind="text")
            for i, row in enumerate(scored(1_000, quality=None))
        ]
    )
    found = finding(book, Metric.REFUSAL_RATE)
    assert (found.stable.value, found.candidate.value) == pytest.approx((tenths["blue"] / 10, 0.1))
    assert (outcome(book) is Outcome.FAIL) == (where == "said in words")
