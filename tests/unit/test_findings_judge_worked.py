"""Findings and silence by hand: which number each word is made of."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from support.sampled import QUALITY as SAMPLED
from support.sampled import scored, terms
from support.streams import ledger
from verdigris.core.analysis.findings import absence_text, find
from verdigris.core.analysis.judge import judge, outcome, silent
from verdigris.core.analysis.ledger import Failure, Ledger
from verdigris.core.analysis.wording import MINUS
from verdigris.core.model.compared import PairKind
from verdigris.core.model.metric import DEFECT_GUARDRAIL, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome, Standing

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1))
ERRORS = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))


def request(at: float, side: str, **members) -> Observation:
    return Observation(**{"at": at, "environment": side, "status": 200, "duration": 0.1, **members})


def evidence(*values: float) -> SimpleNamespace:
    """A test with these e-values by place."""
    return SimpleNamespace(value=lambda place: values[place])


def one(_place: int) -> float:
    return 1.0


def ten(_first: int) -> float:
    return 10.0


def harmed(*, pairs: tuple[float, float, float], live: tuple[float, float]) -> str:
    """The reason of a failure in quality, where live requests and pairs have this evidence for harm."""
    book = ledger(guardrails=(QUALITY,), pairs=0.5)
    book.fold([request(1.0, "blue", quality=0.8), request(1.0, "green", quality=0.6)])
    book.pair([Pair(at=1.0, stable=Answer(quality=0.5), candidate=Answer(quality=0.25))])
    (track,) = book.tracks
    track.twins.test = evidence(*pairs)
    track.harm = SimpleNamespace(harm=lambda place: live[place], value=lambda place: live[place])
    book.failure = Failure(at=1.0, evidence=25.0)
    return find(book, track).reason


LIVE = f"quality fell by 0.200 (0.800 → 0.600, {MINUS}25.0 %); proven worse (evidence 25.0 of 20 needed)"
PAIRS = (
    f"in 1 shadow pairs quality fell by 0.250 (0.500 → 0.250, {MINUS}50.0 %); proven worse (evidence 25.0 of 20 needed)"
)


def test_harm_is_told_by_what_has_more_evidence_of_harm() -> None:
    assert harmed(pairs=(30.0, 1.0, 1.0), live=(20.0, 50.0)) == PAIRS
    assert harmed(pairs=(20.0, 50.0, 1.0), live=(30.0, 1.0)) == LIVE
    assert harmed(pairs=(25.0, 1.0, 1.0), live=(25.0, 1.0)) == LIVE


def test_a_limit_that_is_broken_without_a_value_left_is_told_without_one() -> None:
    book = ledger(guardrails=(replace(QUALITY, limit=0.9),))
    (track,) = book.tracks
    assert track.absolute is not None
    track.absolute = SimpleNamespace(value=500.0)
    book.failure = Failure(at=1.0, evidence=25.0)
    assert find(book, track).reason == "quality, proven below the floor of 0.900 (evidence 25.0 of 20 needed)"


def test_evidence_that_is_enough_is_told_before_the_failure_is_noted() -> None:
    book = ledger(guardrails=(replace(QUALITY, limit=0.9),))
    (track,) = book.tracks
    track.absolute = SimpleNamespace(value=500.0)
    total = book.shares(track).total
    found = find(book, track)
    assert found.standing is Standing.HARMFUL
    assert (found.absolute, found.share) == (500.0, total)
    assert found.reason == f"quality, proven below the floor of 0.900 (evidence {total:.0f} of 20 needed)"


def test_a_finding_names_the_evidence_beyond_the_margin_and_that_against_its_limit() -> None:
    book = ledger(guardrails=(replace(QUALITY, limit=0.9),))
    (track,) = book.tracks
    track.harm = SimpleNamespace(harm=lambda place: (3.0, 2.0, 7.0)[place], value=one, scale=None)
    track.absolute = SimpleNamespace(value=4.0)
    found = find(book, track)
    assert (found.harm, found.far, found.absolute) == (3.0, 2.0, 4.0)
    track.absolute = None
    assert find(book, track).absolute == 1.0


def test_what_is_safe_needs_no_more_requests_and_what_is_not_may() -> None:
    book = ledger(guardrails=(ERRORS,))
    book.fold([request(1.0, "blue"), request(1.0, "green")])
    (track,) = book.tracks
    track.safety = SimpleNamespace(compared=100, best=ten, value=one, sizes={}, inside=None)
    found = find(book, track)
    assert found.standing is Standing.UNDECIDED
    assert found.needed is not None
    track.proven[0] = True
    found = find(book, track)
    assert (found.standing, found.needed) == (Standing.SAFE, None)


def test_without_a_pair_no_pairs_are_told_and_cases_are_told_with_quality_alone() -> None:
    book = ledger(guardrails=(QUALITY, ERRORS), pairs=0.5)
    case = Pair(at=1.0, stable=Answer(quality=0.5), candidate=Answer(quality=0.25), kind=PairKind.CASE)
    book.pair([case])
    quality, errors = (find(book, track) for track in book.tracks)
    assert (quality.paired, errors.paired) == (None, None)
    assert [(told.kind, told.n) for told in quality.apart] == [("case", 1)]
    assert errors.apart == ()


def test_the_scorer_and_what_is_left_out_of_it_are_told_with_quality_alone() -> None:
    book = Ledger.begin(terms(guardrails=(SAMPLED, DEFECT_GUARDRAIL), lag=0.0, scoring=0.0))
    quality, defects = (find(book, track).sampled for track in book.tracks)
    assert quality is not None
    assert (quality.scorer, quality.left_out) == ("", 0)
    book.score(scored(30))
    book.score(scored(7, start=40.0, scorer="judge@2"))
    quality, defects = (find(book, track).sampled for track in book.tracks)
    assert quality is not None
    assert defects is not None
    assert (quality.scorer, quality.left_out) == ("judge@1", 7)
    assert (defects.scorer, defects.left_out) == ("", 0)


@pytest.mark.parametrize(
    ("missing", "there", "text"), [(1, 0, "100.0 %"), (0, 0, "0.0 %"), (1, 1, "50.0 %"), (1, 3, "25.0 %")]
)
def test_what_is_missing_is_told_by_its_part_of_all(*, missing: int, there: int, text: str) -> None:
    tallies = {
        Role.STABLE: SimpleNamespace(missing=0, n=4),
        Role.CANDIDATE: SimpleNamespace(missing=missing, n=there),
    }
    assert absence_text(Metric.QUALITY, SimpleNamespace(tallies=tallies)) == (
        f"quality is missing in {text} of the candidate's answers and in 0.0 % of stable's"
    )


# ------------------------------------------------------------------ silence


def heard(*times: float) -> Ledger:
    """A ledger whose candidate was heard at these times, and whose stable side goes on."""
    book = ledger(guardrails=(ERRORS,))
    book.fold([request(at, "green") for at in times])
    book.fold([request(1e6, "blue")])
    return book


@pytest.mark.parametrize(
    ("times", "last_moment"),
    [
        ((5_000.0,), 5_600.0),  # one request has no interval, so ten minutes
        ((5_000.0, 5_100.0), 6_100.0),  # one interval of 100 s, ten of which are 1,000 s
        ((5_000.0, 5_100.0, 5_400.0), 7_400.0),  # two in 400 s: ten of 200 s are 2,000 s
        ((5_000.0, 5_010.0), 5_610.0),  # ten of 10 s are less than ten minutes
    ],
)
def test_a_role_is_silent_after_ten_minutes_or_ten_of_its_usual_intervals(
    times: tuple[float, ...], last_moment: float
) -> None:
    book = heard(*times)
    assert silent(book, last_moment) == ()
    assert silent(book, last_moment + 1.0) == (Role.CANDIDATE,)
    assert outcome(book, at=last_moment) is not Outcome.NO_DATA
    assert outcome(book, at=last_moment + 1.0) is Outcome.NO_DATA


def test_how_long_a_role_is_silent_is_told_from_its_last_request() -> None:
    assert "no candidate requests for 20 min" in judge(heard(5_000.0, 5_010.0), at=6_210.0).missing


@pytest.mark.parametrize(("counted", "said"), [(49, Outcome.WAITING), (50, Outcome.PASS)])
def test_fifty_requests_of_the_candidate_are_asked_for_unless_another_number_is(counted: int, said: Outcome) -> None:
    book = ledger(guardrails=(ERRORS,))
    book.fold([request(float(i), side) for i in range(counted) for side in ("blue", "green")])
    book.tracks[0].proven[0] = True
    assert outcome(book) is said
    assert outcome(book, min_candidate=counted) is Outcome.PASS
    assert judge(book, at=float(counted)).outcome is said


def test_all_scorers_that_fail_are_told_and_a_mean_has_no_threshold_from_the_past() -> None:
    book = ledger(guardrails=(QUALITY,))
    book.fold([request(1.0, "blue"), request(1.0, "green")])
    book.tracks[0].guardrail = replace(QUALITY, required=True)
    book.scorers({"one": 0.99, "two": 0.5})
    found = find(book, book.tracks[0])
    assert found.reason == (
        "quality: no word, since one failed in 99 % of its latest tries and two failed in 50 % of its latest tries"
    )
    assert found.basis == ""
