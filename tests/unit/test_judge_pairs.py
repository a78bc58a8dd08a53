"""Shadow pairs: their own tests, averaged with the live ones by fixed weights."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis.explain import explain
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.compared import PairKind
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL, Guardrail, Margin, Metric
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome
from verdigris.testing import builders

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.05)),)


def pairs(rng: np.random.Generator, n: int, *, worse: float = 0.0, scorer: str = "judge-1") -> list[Pair]:
    """Inputs differ in how hard they are; both sides answer the same ones."""
    hard, noise = rng.normal(0.0, 0.15, n), rng.normal(0.0, 0.05, (2, n))
    qualities = np.clip(0.8 + hard + noise, 0.0, 1.0)
    return [
        Pair(
            at=float(i),
            stable=Answer(quality=stable, cost=0.01, refusal=False),
            candidate=Answer(quality=max(0.0, candidate * (1.0 - worse)), cost=0.01, refusal=False),
            scorer=scorer,
        )
        for i, (stable, candidate) in enumerate(qualities.T.tolist())
    ]


def test_pairs_alone_find_harm() -> None:
    rng = np.random.default_rng(1)
    book = ledger(pairs=0.5, baseline=baseline(rng))
    book.pair(pairs(rng, 300, worse=0.1))
    assert outcome(book) is Outcome.FAIL
    assert book.failure is not None
    assert book.failure.at == 299.0


def test_pairs_alone_are_data_and_no_pass() -> None:
    rng = np.random.default_rng(1)
    book = ledger(guardrails=QUALITY, pairs=0.5)
    assert outcome(book) is Outcome.NO_DATA
    book.pair(pairs(rng, 1_000))
    assert book.tracks[0].safe
    assert outcome(book) is Outcome.WAITING


def test_pairs_and_live_requests_together_prove_safety_sooner_than_live_ones() -> None:
    rng = np.random.default_rng(2)
    live, both = ledger(guardrails=QUALITY), ledger(guardrails=QUALITY, pairs=0.5)
    feed(live, rng, 200, batch=50)
    feed(both, rng, 200, batch=50)
    both.pair(pairs(rng, 250))
    assert outcome(live) is Outcome.WAITING
    assert outcome(both) is Outcome.PASS
    finding = judge(both, at=1.0).findings[0]
    assert finding.paired is not None
    assert finding.paired.n == 250
    assert finding.paired.stable == pytest.approx(0.8, abs=0.05)


def test_evidence_is_the_mean_of_both_by_their_weights() -> None:
    rng = np.random.default_rng(3)
    book = ledger(guardrails=QUALITY, pairs=0.25)
    feed(book, rng, 400, batch=50, candidate=Behaviour(quality=0.8))
    book.pair(pairs(rng, 40, worse=0.05))
    track = book.tracks[0]
    assert track.twins.test is not None
    for place in (0, 1):
        expected = 0.25 * track.twins.test.value(place) + 0.75 * track.harm.value(place)
        assert track.value(place) == pytest.approx(expected)


def test_pairs_that_nobody_asked_for_change_nothing() -> None:
    book = ledger()
    before = book.encode()
    book.pair(pairs(np.random.default_rng(4), 100, worse=0.5))
    assert book.evidence == pytest.approx(1.0)
    assert len(book.encode()) == pytest.approx(len(before), abs=200)


def test_errors_and_refusals_inside_pairs_count() -> None:
    book = ledger(pairs=0.5)
    good = Answer(quality=0.8, refusal=False)
    book.pair([Pair(at=float(i), stable=good, candidate=Answer(failed=True)) for i in range(40)])
    assert book.failure is not None
    book = ledger(pairs=0.5)
    book.pair([Pair(at=float(i), stable=good, candidate=replace(good, refusal=True)) for i in range(60)])
    assert book.failure is not None


def test_latency_is_never_judged_by_pairs() -> None:
    book = ledger(pairs=1.0)
    latency = next(track for track in book.tracks if track.guardrail.metric is Metric.LATENCY_P99)
    assert latency.pairs == 0.0


def test_scores_of_another_scorer_are_not_added_to_those_before() -> None:
    rng = np.random.default_rng(5)
    book = ledger(guardrails=DEFAULT_GUARDRAILS, pairs=0.5)
    book.pair(pairs(rng, 60, worse=0.08))
    twins = book.tracks[0].twins
    assert twins.test is not None
    assert twins.test.value(0) > 2.0
    before = twins.test.value(0)
    for _ in range(30):  # two scorers take turns: the first one's go on counting
        book.pair(pairs(rng, 1, scorer="judge-2"))
        book.pair(pairs(rng, 1, scorer="judge-1"))
    assert twins.n == 90
    assert twins.test.value(0) != before
    book.pair(pairs(rng, 20, scorer="judge-2"))
    assert twins.test.value(0) <= 1.3
    assert twins.n == 20


def test_pairs_are_kept_across_a_restart() -> None:
    rng = np.random.default_rng(6)
    book = ledger(pairs=0.5, baseline=baseline(rng), multiples=(1.0, 2.0))
    book.pair(pairs(rng, 50))
    feed(book, rng, 200, batch=50)
    copy = Ledger.decode(book.encode())
    more, rows = pairs(rng, 50), observations(rng, 100)
    for one in (book, copy):
        one.pair(more)
        one.fold(rows)
    assert copy.encode() == book.encode()


# ------------------------------------------------------------------ which pairs count


def told_apart(book: Ledger) -> dict[tuple[str, str], int]:
    return {(each.kind, each.scorer): each.n for each in judge(book, at=1.0).findings[0].apart}


def test_cases_are_counted_apart_and_never_take_over() -> None:
    """A few inputs again and again are no sample of the traffic."""
    rng = np.random.default_rng(20)
    book = ledger(guardrails=DEFAULT_GUARDRAILS, pairs=0.5)
    cases = [replace(pair, kind=PairKind.CASE) for pair in pairs(rng, 400, worse=0.5, scorer="cases-1")]
    book.pair(cases[:200])
    assert book.pairs == 0
    assert outcome(book) is Outcome.NO_DATA
    for number in range(100):  # judge pairs and case pairs in turn
        book.pair(pairs(rng, 1, scorer="judge-1"))
        book.pair(cases[200 + number : 201 + number])
    assert book.pairs == book.tracks[0].twins.n == 100
    assert all(track.twins.n in (0, 100) for track in book.tracks)
    assert book.failure is None
    assert told_apart(book) == {("case", "cases-1"): 300}
    assert told_apart(Ledger.decode(book.encode())) == told_apart(book)
    verdict = judge(book, at=1.0)
    text = explain(builders.a_rollout(verdict=verdict)).to_text()
    assert "apart      cases by cases-1, not counted: 300, 0." in text


def test_versions_that_take_turns_for_ever_restart_three_times_at_the_most() -> None:
    rng = np.random.default_rng(21)
    book = ledger(guardrails=QUALITY, pairs=0.5)
    for number in range(12):
        book.pair(pairs(rng, 25, scorer=f"judge-{number % 2}"))
    assert book.pairing.succession.changes == 3
    assert book.tracks[0].twins.n == 25 * 5  # the second one's, from its second turn on
    assert told_apart(book) == {("shadow", "judge-0"): 25 * 4}


def test_pairs_without_a_word_on_quality_are_no_other_scorer() -> None:
    rng = np.random.default_rng(22)
    book = ledger(guardrails=DEFAULT_GUARDRAILS, pairs=0.5)
    book.pair(pairs(rng, 50))
    good = Answer(cost=0.01, refusal=False)
    book.pair([Pair(at=float(i), stable=good, candidate=Answer(failed=True)) for i in range(30)])
    assert book.pairing.succession.changes == 0
    assert book.tracks[0].twins.n == 50
    assert book.pairs == 80


def test_stables_pairs_with_itself_are_no_evidence() -> None:
    rng = np.random.default_rng(23)
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair([replace(pair, kind=PairKind.SELF) for pair in pairs(rng, 300, worse=0.9)])
    assert (book.pairs, book.tracks[0].twins.n, book.evidence) == (0, 0, pytest.approx(1.0))
    assert told_apart(book) == {}


def test_only_so_many_versions_are_kept_apart() -> None:
    rng = np.random.default_rng(24)
    book = ledger(guardrails=QUALITY, pairs=0.5)
    for number in range(9):
        book.pair([replace(pair, kind=PairKind.CASE) for pair in pairs(rng, 3, scorer=f"cases-{number}")])
    assert [scorer for _, scorer in told_apart(book)] == ["cases-5", "cases-6", "cases-7", "cases-8"]


def test_a_rollout_whose_pairs_never_come_is_decided_all_the_same() -> None:
    rng = np.random.default_rng(25)
    book = ledger(guardrails=QUALITY, pairs=0.25)
    took = feed(book, rng, 6_000, batch=50, until=lambda book: outcome(book) is Outcome.PASS)
    assert took < 2_000
    book = ledger(guardrails=QUALITY, pairs=0.25)
    took = feed(book, rng, 6_000, batch=50, candidate=Behaviour(quality=0.78))
    assert took < 2_000
    assert book.failure is not None


def test_defects_are_not_judged_by_pairs() -> None:
    book = ledger(guardrails=(*DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL), pairs=0.5)
    assert book.tracks[-1].pairs == 0.0


def test_while_a_scorer_fails_the_quality_of_pairs_is_left_out() -> None:
    rng = np.random.default_rng(26)
    book = ledger(guardrails=DEFAULT_GUARDRAILS, pairs=0.5)
    book.scorers({"judge": 0.5})
    book.pair(pairs(rng, 100, worse=0.5))
    assert book.tracks[0].twins.n == 0
    assert {track.twins.n for track in book.tracks if track.guardrail.metric is Metric.REFUSAL_RATE} == {100}
    assert book.failure is None


# ------------------------------------------------------------------ users


def of_one_user(n: int, unit: int | None, *, worse: float) -> list[Pair]:
    return [
        replace(pair, at=float(i), unit=unit) for i, pair in enumerate(pairs(np.random.default_rng(27), n, worse=worse))
    ]


def test_one_user_is_one_pair_however_many_requests_they_send() -> None:
    """Their questions resemble each other: a candidate that is worse for one heavy user is not worse for users."""
    book, once = (ledger(guardrails=QUALITY, pairs=0.5, sticky=True) for _ in range(2))
    many = of_one_user(300, 7, worse=0.4)
    book.pair(many[:100])
    for pair in many[100:]:
        book.pair([pair])
    once.pair(many[:1])
    assert book.tracks[0].twins.n == book.pairs == 1
    assert book.evidence == once.evidence


def test_pairs_without_a_user_count_each_and_so_do_all_where_requests_are_drawn() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5, sticky=True)
    book.pair(of_one_user(30, None, worse=0.0))
    assert book.tracks[0].twins.n == 30
    book = ledger(guardrails=QUALITY, pairs=0.5)
    book.pair(of_one_user(30, 7, worse=0.0))
    assert book.tracks[0].twins.n == 30


def test_a_users_pair_with_stable_or_in_a_case_takes_nothing_from_their_first_one() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5, sticky=True)
    one = of_one_user(1, 7, worse=0.0)[0]
    book.pair([replace(one, kind=PairKind.SELF), replace(one, kind=PairKind.CASE), one])
    assert book.tracks[0].twins.n == 1


def test_users_are_known_again_after_a_restart_and_a_ledger_from_before_knows_none() -> None:
    book = ledger(guardrails=QUALITY, pairs=0.5, sticky=True)
    one, two = of_one_user(1, 7, worse=0.0)[0], of_one_user(1, 8, worse=0.0)[0]
    book.pair([one])
    copy = Ledger.decode(book.encode())
    for each in (book, copy):
        each.pair([one, two])
        assert each.pairs == 2
    assert copy.encode() == book.encode()
    older = json.loads(book.encode())
    del older["pairing"]["units"]
    known = Ledger.decode(json.dumps(older).encode())
    known.pair([one])
    assert known.pairs == 3
