"""Pairs, as long as they come, must show on their own that quality is not far worse: what a service says of itself may be blind."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from support.streams import feed, ledger, observations
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import PAIRS_WITHIN, Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome, Standing

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)


def preferences(n: int, *, start: float = 0.0, worse: int = 2, better: int = 2, scorer: str = "judge-1") -> list[Pair]:
    """Of ten pairs in a row the judge finds so many worse and so many better, and the others alike."""
    words = [0.0] * worse + [1.0] * better + [0.5] * (10 - worse - better)
    return [
        Pair(
            at=start + i * 0.01,
            stable=Answer(quality=0.5),
            candidate=Answer(quality=words[i * 7 % 10]),
            scorer=scorer,
        )
        for i in range(n)
    ]


def satisfied(*, within: float | None = PAIRS_WITHIN, **more) -> Ledger:
    """By what the service says of itself the candidate is safe beyond doubt."""
    book = ledger(guardrails=QUALITY, pairs=0.25, pairs_within=within, **more)
    feed(book, np.random.default_rng(1), 1_600, batch=100)
    assert book.tracks[0].safe
    return book


def later(seconds: float) -> list[Observation]:
    return [replace(row, at=row.at + seconds) for row in observations(np.random.default_rng(2), 40)]


def test_a_service_that_is_pleased_with_itself_is_not_enough() -> None:
    asked, unasked = satisfied(), satisfied(within=None)
    for book in (asked, unasked):
        assert outcome(book) is Outcome.PASS, "before any pair was made"
        book.pair(preferences(60, start=4.0, worse=4))
    assert outcome(unasked) is Outcome.PASS
    assert outcome(asked) is Outcome.WAITING
    verdict = judge(asked, at=5.0)
    (missing,) = verdict.missing
    assert missing.startswith("quality: by shadow pairs alone no worse than \N{MINUS SIGN}20 % not yet proven (e ")
    assert missing.endswith(" of 20, 60 pairs)")
    assert verdict.findings[0].standing is Standing.UNDECIDED
    assert "not decided: by shadow pairs alone" in verdict.findings[0].reason


def test_pairs_that_agree_let_it_pass_at_twice_the_margin() -> None:
    book = satisfied()
    book.pair(preferences(20, start=4.0))
    assert outcome(book) is Outcome.WAITING
    book.pair(preferences(180, start=4.2))
    track = book.tracks[0]
    assert track.twins.test is not None
    assert track.twins.test.value(2) < 20.0 <= track.agreed[0], "at the margin itself they prove nothing yet"
    assert outcome(book) is Outcome.PASS
    assert judge(book, at=6.0).findings[0].standing is Standing.SAFE


def test_what_pairs_once_showed_stays_shown_until_the_scorer_changes() -> None:
    book = satisfied()
    book.pair(preferences(200, start=4.0))
    book.pair(preferences(30, start=6.0, worse=5))
    assert outcome(book) is Outcome.PASS
    book.pair(preferences(20, start=6.3, scorer="judge-2"))
    assert book.tracks[0].agreed[0] < 2.0


@pytest.mark.parametrize(("seconds", "said"), [(590.0, Outcome.WAITING), (620.0, Outcome.PASS)])
def test_pairs_that_stop_are_waited_for_ten_minutes(seconds: float, said: Outcome) -> None:
    """Their budget is used up, say."""
    book = satisfied()
    book.pair(preferences(40, start=4.0))
    book.fold(later(seconds))
    assert outcome(book) is said
    reason = judge(book, at=seconds).findings[0].reason
    assert reason.endswith("shadow pairs stopped after 40 and show nothing on their own") is (said is Outcome.PASS)


def test_rare_pairs_are_waited_for_as_long_as_ten_of_their_intervals() -> None:
    book = satisfied()
    rare = [replace(pair, at=4.0 + 100.0 * i) for i, pair in enumerate(preferences(11))]
    book.pair(rare)
    for seconds, said in ((1_900.0, Outcome.WAITING), (2_100.0, Outcome.PASS)):
        book.fold(later(seconds))
        assert outcome(book) is said


def test_pairs_without_a_word_on_quality_keep_nobody_waiting() -> None:
    book = satisfied()
    book.pair([replace(pair, candidate=Answer(), stable=Answer()) for pair in preferences(40, start=4.0)])
    assert outcome(book) is Outcome.PASS


def test_only_quality_is_asked_of_pairs_alone_and_only_where_there_are_to_be_pairs() -> None:
    book = ledger(guardrails=DEFAULT_GUARDRAILS, pairs=0.25, pairs_within=2.0, multiples=(1.0, 2.0))
    assert [track.asked for track in book.tracks] == [(2.0, 4.0), (), (), (), ()]
    assert all(not track.asked for track in ledger(pairs=0.0, pairs_within=2.0).tracks)


def test_wider_margins_of_a_ramp_are_asked_of_pairs_wider_too() -> None:
    book = satisfied(multiples=(1.0, 4.0))
    book.pair(preferences(40, start=4.0))
    assert [track.lacks_pairs(0) for track in book.tracks] == [True]
    assert judge(book, at=5.0).proven_at == 4.0


def test_it_is_kept_over_a_restart_and_an_older_ledger_asks_for_nothing() -> None:
    book = satisfied()
    book.pair(preferences(200, start=4.0))
    copy = Ledger.decode(book.encode())
    for each in (book, copy):
        each.pair(preferences(10, start=6.0, worse=5))
    assert copy.encode() == book.encode()
    assert outcome(copy) is Outcome.PASS
    older = json.loads(satisfied(within=None).encode())
    del older["terms"]["pairs_within"], older["tracks"][0]["agreed"], older["pairing"]["heard"]
    known = Ledger.decode(json.dumps(older).encode())
    known.pair(preferences(60, start=4.0, worse=4))
    assert outcome(known) is Outcome.PASS


@pytest.mark.parametrize("within", [0.5, float("inf"), float("nan")])
def test_pairs_are_asked_for_no_less_than_the_margin(within: float) -> None:
    with pytest.raises(ValueError, match="1 times the margin or more"):
        Terms(guardrails=QUALITY, stable="a", candidate="b", pairs_within=within)
