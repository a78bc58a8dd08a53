"""A record made by hand, and what replay says of it: each moment, the look that differs, and where two judges part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verdigris.core.analysis import record as record_module
from verdigris.core.analysis import replay as replay_module
from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.record import (
    Begun,
    Cut,
    Entry,
    Expected,
    Failing,
    Folded,
    Looked,
    Paired,
    Rated,
    Recorder,
    Restarted,
    digest,
    read,
)
from verdigris.core.analysis.replay import Moment, Replayed, replay
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.errors import RequestError
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Outcome

QUALITY = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)
TERMS = Terms(guardrails=QUALITY, stable="blue", candidate="green", horizon=5)


def batch(*at: float, green: int = 0) -> Folded:
    """One observation at each time; the first `green` of them are the candidate's."""
    rows = [
        Observation(at=time, environment="green" if place < green else "blue", status=200, duration=0.0, quality=0.8)
        for place, time in enumerate(at)
    ]
    return Folded(columns=Columns.of(rows, stable="blue", candidate="green"))


def look(at: float, *, min_candidate: int = 50, stored: Outcome = Outcome.PASS, said: str = "") -> Looked:
    return Looked(at=at, min_candidate=min_candidate, outcome=stored, digest=said)


def replayed(*entries: Entry, terms: Terms = TERMS, **more) -> Replayed:
    recorder = Recorder()
    for entry in (Begun(terms=terms, baseline=None), *entries):
        recorder.add(entry)
    return replay(recorder.segments().values(), **more)


PAIRS = Paired(
    pairs=tuple(Pair(at=float(at), stable=Answer(quality=0.8), candidate=Answer(quality=0.8)) for at in range(2))
)
STORY = (
    batch(1.0, 2.0),
    Expected(at=3.0, share=0.25),
    batch(5.0, 4.0, green=1),
    look(6.0, min_candidate=2, said="other"),
    Expected(at=7.0, share=None),
    batch(6.5),
    Restarted(),
    look(9.0, min_candidate=2, stored=Outcome.FAIL, said="other"),
)


def test_each_moment_of_the_timeline() -> None:
    found = replayed(*STORY)
    lacks = "quality: no worse than −10 % not yet proven (e 1.0 of 20)"  # noqa: RUF001 -- as printed
    assert found.original == (
        Moment(at=2.0, outcome=Outcome.NO_DATA, reason="no candidate requests yet", share=None, candidate=0),
        Moment(
            at=5.0,
            outcome=Outcome.WAITING,
            reason=f"undecided: 1 of 50 candidate requests; {lacks}",
            share=0.25,
            candidate=1,
        ),
        Moment(
            at=7.0,
            outcome=Outcome.INCONCLUSIVE,
            reason=f"not decided within 5 requests: 1 of 2 candidate requests; {lacks}",
            share=None,
            candidate=1,
        ),
    )


def test_what_is_counted() -> None:
    found = replayed(*STORY, PAIRS, batch(8.0))
    assert (found.terms, found.rejudged, found.observations) == (TERMS, 2, 6)
    assert (found.pairs, found.restarts, found.until, found.cut_at) == (2, 1, 9.0, None)
    assert found.other is None
    assert found.parted is None
    assert found.verdict is not None
    assert (found.verdict.at, found.verdict.samples_stable, found.verdict.samples_candidate) == (9.0, 4, 1)
    again = replayed(*STORY, PAIRS, Restarted(), PAIRS)
    assert (again.pairs, again.restarts) == (4, 2)


def test_the_first_look_that_differs_is_kept_with_what_was_stored() -> None:
    book = Ledger.begin(TERMS)
    for entry in STORY[:3]:
        if isinstance(entry, Folded):
            book.take(entry.columns)
        elif isinstance(entry, Expected):
            book.expect(entry.at, entry.share)
    right = digest(judge(book, at=6.0, min_candidate=2))
    found = replayed(*STORY[:3], look(6.0, min_candidate=2, said=right), *STORY[4:], look(10.0, said="third"))
    assert found.differing is not None
    assert (found.differing.at, found.differing.stored, found.differing.same) == (9.0, Outcome.FAIL, False)
    assert found.differing.verdict.outcome is Outcome.INCONCLUSIVE
    assert (found.differing.verdict.at, found.rejudged) == (9.0, 3)
    assert replayed(*STORY[:3], look(6.0, min_candidate=3, said=right)).differing is not None


def test_the_last_verdict_is_that_of_the_other_guardrails() -> None:
    cost = (Guardrail(metric=Metric.COST, margin=Margin(relative=0.1)),)
    found = replayed(*STORY, guardrails=cost)
    assert found.terms == TERMS
    assert found.verdict is not None
    assert [each.metric for each in found.verdict.findings] == [Metric.COST]
    assert found.differing is not None
    assert [each.metric for each in found.differing.verdict.findings] == [Metric.QUALITY]
    assert found.other is not None
    assert [(each.at, each.outcome) for each in found.other] == [(each.at, each.outcome) for each in found.original]


def moment(at: float, outcome: Outcome = Outcome.WAITING) -> Moment:
    return Moment(at=at, outcome=outcome, reason="", share=None, candidate=0)


ONE, TWO = moment(1.0), moment(2.0, Outcome.PASS)


@pytest.mark.parametrize(
    ("original", "other", "parted"),
    [
        ((ONE, TWO), (ONE, TWO), None),
        ((ONE, TWO), (replace(ONE, reason="in other words"), TWO), None),
        ((ONE, TWO), (ONE, replace(TWO, at=2.5)), (TWO, replace(TWO, at=2.5))),
        ((ONE, TWO), (ONE, replace(TWO, outcome=Outcome.FAIL)), (TWO, replace(TWO, outcome=Outcome.FAIL))),
        ((ONE, TWO), (ONE,), (TWO, None)),
        ((ONE,), (ONE, TWO), (None, TWO)),
        ((), (), None),
    ],
)
def test_where_two_timelines_part(original, other, parted) -> None:
    found = replace(replayed(batch(1.0)), original=original, other=other)
    assert found.parted == parted


def test_a_cut_ends_it_and_is_told_with_the_later_time() -> None:
    for told, at in ((1.0, 2.0), (2.5, 2.5)):
        found = replayed(batch(1.0, 2.0), Cut(at=told), batch(5.0), look(6.0))
        assert (found.cut_at, found.until, found.observations, found.rejudged) == (at, 2.0, 2, 0)


def test_time_goes_no_way_back() -> None:
    found = replayed(batch(5.0), Expected(at=1.0, share=0.5), look(2.0), batch(3.0))
    assert found.until == 5.0
    assert replayed(Expected(at=1.0, share=0.5)).until == 1.0
    assert replayed(look(2.0)).until == 2.0


def test_only_so_many_moments_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "MOST_MOMENTS", 2)
    found = replayed(*STORY)
    assert [each.outcome for each in found.original] == [Outcome.NO_DATA, Outcome.WAITING]


def test_what_could_not_be_digested_then_is_passed_over_now() -> None:
    rated = Rated(scored=(Scored(at=1.0, began=1.0, environment="green", quality=0.5),))
    found = replayed(batch(1.0), rated, Failing(scorers={"judge": 0.5}), look(2.0))
    assert found.verdict is not None
    assert "no word on quality: judge failed in 50 % of its latest tries" in found.verdict.missing


def test_guardrails_may_adjust_by_what_was_kept_and_by_nothing_else() -> None:
    adjusted = (replace(QUALITY[0], adjust=Covariate.REQUEST_BYTES),)
    kept = replayed(terms=replace(TERMS, guardrails=adjusted), guardrails=QUALITY)
    assert kept.terms.guardrails == adjusted
    replayed(terms=replace(TERMS, guardrails=adjusted), guardrails=adjusted)
    with pytest.raises(RequestError) as caught:
        replayed(guardrails=adjusted)
    assert caught.value.message == (
        "guardrails.quality.adjust: request_bytes was not kept with this rollout's evidence"
    )
    assert caught.value.hint == "leave adjust out of the file that is replayed with"


# ------------------------------------------------------------------ the recorder's bounds


def test_a_segment_closes_at_its_size_and_numbers_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_CLOSE", 1)
    recorder = Recorder(number=4, size=10)
    for entry in STORY[:3]:
        recorder.add(entry)
    assert sorted(recorder.closed) == [5, 6, 7]
    assert recorder.size == 10 + sum(map(len, recorder.closed.values()))
    assert recorder.segments() == recorder.closed, "nothing is open"
    assert [type(entry) for entry in read(recorder.closed.values())] == [Folded, Expected, Folded]


@pytest.mark.parametrize(
    ("name", "spare", "cut"), [("most", 0, True), ("most", 1, False), ("held", 0, True), ("held", 1, False)]
)
def test_the_bound_itself_is_too_much(name: str, spare: int, cut: bool) -> None:  # noqa: FBT001 -- a column of the table
    recorder = Recorder()
    recorder.add(STORY[0])
    recorder.segments()
    setattr(recorder, name, recorder.size + spare)
    recorder.add(STORY[1])
    assert recorder.is_cut is cut
    (*_, last) = read(recorder.segments().values())
    assert last == (Cut(at=2.0) if cut else STORY[1])
    size = recorder.size
    recorder.add(STORY[0])
    assert (recorder.segments() and recorder.size == size) is cut, "nothing more once it is cut"


def test_the_latest_time_is_that_of_looks_shares_and_observations() -> None:
    recorder, told = Recorder(), []
    for entry in (
        batch(1.0, 3.0),
        Expected(at=2.0, share=None),
        look(4.0),
        batch(),
        Expected(at=5.0, share=0.5),
        batch(4.5),
    ):
        recorder.add(entry)
        told.append(recorder.latest)
    assert told == [3.0, 3.0, 4.0, 4.0, 5.0, 5.0]


def test_a_rated_sample_comes_back_with_what_was_not_said_left_out() -> None:
    rated = Rated(scored=(Scored(at=2.0, began=1.0, environment="green", defect=False, cost=0.0, scorer="j"),))
    failing = Failing(scorers={"judge": 0.25})
    recorder = Recorder()
    recorder.add(rated)
    recorder.add(failing)
    assert list(read(recorder.segments().values())) == [rated, failing]
