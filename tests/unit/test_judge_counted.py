"""Thinning, models, shares and terms, held to what can be counted by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from support.streams import ledger
from verdigris.core.analysis import Analysis
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Labels, Source, Trait
from verdigris.core.analysis.drift import Drift, Likeness
from verdigris.core.analysis.models import LASTING, WINDOW, Fingerprints, Models
from verdigris.core.analysis.rows import Members
from verdigris.core.analysis.succession import MOST_CHANGES, TAKES_OVER, Succession
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.thinning import PATIENCE, Thinning
from verdigris.core.analysis.thinning import WINDOW as SECONDS
from verdigris.core.analysis.track import _sound, _value
from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import DEFECT_GUARDRAIL, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Labelled
from verdigris.core.stats.capital import Capital

# ------------------------------------------------------------------ thinning


def arrivals(n: int, at: float) -> list[Observation]:
    return [Observation(at=at, environment="blue", status=200, duration=0.0) for _ in range(n)]


def after_windows(thinning: Thinning, *rates: float, start: float = 0.0) -> Thinning:
    """Windows of five seconds, each closed by its last arrival, with so many arrivals a second."""
    if math.isnan(thinning.since):
        thinning.keep(arrivals(1, start))
    for place, rate in enumerate(rates, 1):
        thinning.keep(arrivals(round(rate * SECONDS), start + place * SECONDS))
    return thinning


@pytest.mark.parametrize(("rate", "k"), [(10.0, 0), (10.2, 1), (20.0, 1), (20.2, 2), (40.0, 2), (81.0, 4)])
def test_the_stream_is_halved_as_often_as_its_rate_asks(rate: float, k: int) -> None:
    thinning = after_windows(Thinning(most=10.0), rate)
    assert thinning.k == k
    assert thinning.changes == ([(-math.inf, 0), (SECONDS, k)] if k else [])
    assert (thinning.since, thinning.arrived) == (SECONDS, 0)


def test_more_is_kept_after_three_windows_that_are_quiet_enough() -> None:
    assert PATIENCE == 3
    thinning = after_windows(Thinning(most=10.0), 40.0)
    assert thinning.k == 2
    after_windows(thinning, 14.8, 14.8, start=5.0)
    assert (thinning.k, thinning.quiet) == (2, 2)
    after_windows(thinning, 15.0, start=15.0)
    assert (thinning.k, thinning.quiet) == (2, 0), "half of it would be just too much"
    after_windows(thinning, 14.8, 14.8, 14.8, start=20.0)
    assert (thinning.k, thinning.quiet) == (1, 0)
    assert thinning.changes[-1] == (35.0, 1)


def test_a_window_closes_with_its_fifth_second_and_not_before() -> None:
    thinning = Thinning(most=10.0)
    thinning.keep(arrivals(1, 100.0))
    thinning.keep(arrivals(500, 104.9))
    assert (thinning.k, thinning.arrived) == (0, 500)
    thinning.keep(arrivals(1, 105.0))
    assert thinning.k == math.ceil(math.log2(501 / 5 / 10))
    assert thinning.since == 105.0


@pytest.mark.parametrize(
    ("at", "counted"), [(99_999_999_999.0, 1), (1e11, 0), (-1e11, 0), (math.nan, 0), (math.inf, 0)]
)
def test_what_has_no_time_is_not_counted(at: float, counted: int) -> None:
    thinning = Thinning(most=10.0)
    thinning.keep(arrivals(1, at))
    assert math.isnan(thinning.since) is (counted == 0)
    assert (thinning.seen, thinning.kept) == (1, 1)


def test_a_change_is_known_for_an_hour_and_the_last_one_for_good() -> None:
    thinning = Thinning(most=10.0, changes=[(-math.inf, 0), (100.0, 3), (200.0, 1)], since=3_695.0, latest=3_695.0)
    thinning.keep(arrivals(60, 3_700.0))
    assert thinning.changes == [(-math.inf, 0), (100.0, 3), (200.0, 1)], "an hour to the second"
    thinning.keep(arrivals(60, 3_705.0))
    assert thinning.changes == [(100.0, 3), (200.0, 1)]
    thinning.keep(arrivals(120, 3_810.0))
    assert thinning.changes == [(200.0, 1)]
    still = Thinning(most=10.0, changes=[(0.0, 0)], since=5.0, latest=5.0)
    still.keep(arrivals(1, 10.0))
    assert still.changes == []


def test_a_clock_that_went_back_by_more_than_two_minutes_forgets_later_times() -> None:
    def at(time: float) -> Thinning:
        thinning = Thinning(most=10.0, changes=[(-math.inf, 0), (500.0, 1), (900.0, 2)], since=1_000.0, latest=1_000.0)
        thinning.keep(arrivals(1, time))
        return thinning

    assert (at(880.0).since, len(at(880.0).changes), at(880.0).latest) == (1_000.0, 3, 1_000.0)
    assert (at(879.0).since, at(879.0).changes[-1], at(879.0).latest) == (879.0, (500.0, 1), 879.0)


# ------------------------------------------------------------------ models, successions, likeness


def said(*words: str) -> tuple[Labels, np.ndarray]:
    return Labels.of(words), np.ones(len(words), dtype=np.bool_)


def test_a_model_is_new_with_half_of_a_window() -> None:
    models = Models(role=Role.CANDIDATE)
    assert models.fold(*said(*["m1"] * 30, *["m2"] * 20)) is None
    assert models.known == ["m1", "m2"]
    assert models.fold(*said(*["m3"] * 24, *["m1"] * 26)) is None
    assert models.fold(*said(*["m3"] * 24, *["m1"] * 25)) is None
    assert models.window.counts.total() == WINDOW - 1
    caution = models.fold(*said("m3"))
    assert caution is not None
    assert caution.key == "model:candidate:1:m3"
    assert caution.text == "candidate's answers come from m3 where they came from m1, m2"
    assert (models.known, models.changes) == (["m3"], 1)
    back = Models(role=Role.CANDIDATE)
    models.fold(*said("m3", ""))
    back.restore(models.dump())
    assert back == models


def test_a_configuration_is_new_after_three_windows() -> None:
    prints = Fingerprints(role=Role.STABLE)
    prints.fold(*said(*["f1"] * WINDOW))
    for _ in range(LASTING - 1):
        assert prints.fold(*said(*["f2"] * (WINDOW // 2), *["f1"] * (WINDOW // 2))) is None
    assert (prints.held, prints.windows) == (["f2"], LASTING - 1)
    back = Fingerprints(role=Role.STABLE)
    back.restore(prints.dump())
    assert back == prints
    caution = back.fold(*said(*["f2"] * WINDOW))
    assert caution is not None
    assert caution.key == "fingerprint:stable:1:f2"
    assert caution.text == "stable's answers come from the model configuration f2 where they came from f1"
    assert (back.known, back.held, back.windows) == (["f2", "f1"], [], 0)
    assert prints.fold(*said(*["f2"] * 24, *["f1"] * 26)) is None
    assert (prints.held, prints.windows) == ([], 0), "fewer than half begin anew"


def test_a_succession_comes_back_as_it_was() -> None:
    succession = Succession()
    succession.take("one", 10)
    succession.take("two", 3)
    assert Succession.load(succession.dump()) == succession
    assert Succession.load(Succession().dump()).current is None


def test_a_version_takes_over_with_its_twentieth_score_in_a_row() -> None:
    succession = Succession()
    assert succession.take("one", 5) is False
    assert succession.take("two", TAKES_OVER - 1) is None
    assert succession.take("one", 1) is False
    assert succession.take("two", TAKES_OVER - 1) is None, "what came between begins the count anew"
    assert succession.take("three", 1) is None
    assert succession.take("two", 1) is None, "in a row"
    assert succession.rivals == 1
    assert succession.take("two", TAKES_OVER - 1) is True
    assert (succession.current, succession.rivals, succession.changes) == ("two", 0, 1)
    succession.changes = MOST_CHANGES - 1
    assert succession.take("four", TAKES_OVER) is True
    assert succession.take("five", 10 * TAKES_OVER) is None, "often enough"
    assert succession.current == "four"
    assert Succession.load(succession.dump()) == succession


def test_a_past_from_before_lengths_were_kept_is_read_and_begins_without_them() -> None:
    known = Baseline()
    known.fold([replace(row, output_tokens=7) for row in arrivals(5, 1.0)], stable="blue")
    state = json.loads(known.encode())
    del state["sketches"]["length"]
    back = Baseline.decode(json.dumps(state).encode())
    assert (known.sketches[Source.LENGTH].n, back.sketches[Source.LENGTH].n, back.n) == (5, 0, 5)
    assert back.sketches[Source.LATENCY].n == known.sketches[Source.LATENCY].n
    del state["moments"]["quality"]
    with pytest.raises(StoreUnreadable, match=r"the stored baseline is damaged: KeyError\('quality'\)"):
        Baseline.decode(json.dumps(state).encode())
    with pytest.raises(StoreTooNew, match="the stored baseline has schema 9, this Verdigris knows 1"):
        Baseline.decode(b'{"schema":9}')


def test_a_face_without_more_words_asks_for_nothing_more() -> None:
    analysis = Analysis((QUALITY,))
    assert analysis._ledger.terms == Terms(guardrails=(QUALITY,), stable="stable", candidate="candidate")
    assert analysis.verdict().at == 0.0
    with pytest.raises(ValueError, match="give `scored`, or a guardrail for defects: no metric is measured by samples"):
        analysis.score_all(())


def test_likeness_waits_for_both_and_leaves_out_what_is_none() -> None:
    likeness = Likeness()

    def pair(similarity: float | None, kind: PairKind = PairKind.SHADOW) -> Pair:
        return Pair(at=1.0, stable=Answer(), candidate=Answer(), similarity=similarity, kind=kind)

    likeness.fold([pair(0.5), pair(None), pair(-0.1), pair(1.1), pair(0.9, PairKind.CASE), pair(1.0, PairKind.SELF)])
    assert likeness.pending == ([0.5], [1.0])
    likeness.fold([pair(0.0)] * 17)
    assert likeness.pending == ([0.5] + [0.0] * 17, [1.0])
    likeness.fold([pair(1.0)])
    assert likeness.pending == ([], [])
    assert likeness.sums == [19.0, 1.5, 1.0, 1.0]
    back = Likeness()
    back.restore(likeness.dump())
    assert (back.sums, back.pending, back.told) == (likeness.sums, ([], []), "")


def test_labels_of_samples_are_counted_by_side_whether_or_not_they_wait() -> None:
    drift = Drift()
    contrast = drift.contrasts[Trait.DEFECT.value]
    words = Labels.of(["none"] * 12 + ["empty"] * 6 + ["cut off"] * 3)
    contrast.fold(words, Members(np.arange(0, 21, 2), np.arange(1, 21, 2)))
    contrast.fold(Labels.of(["empty"]), Members(np.array([0]), np.array([], dtype=np.int64)))
    assert drift.labelled(Trait.DEFECT) == (
        Labelled(label="empty", stable=3, candidate=4),
        Labelled(label="cut off", stable=1, candidate=2),
    )


# ------------------------------------------------------------------ shares and pairs


def test_a_metrics_share_is_its_weight_times_the_mean_of_its_bets() -> None:
    limited = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), limit=0.5)
    plain = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))
    first, second = ledger(guardrails=(limited, plain)).tracks
    assert (first.weight, second.weight) == (pytest.approx(0.6), pytest.approx(0.4))
    shares = first.shares(Capital.start())
    assert (shares.between, shares.limit, shares.absence) == pytest.approx((0.6 * 0.65, 0.6 * 0.25, 0.6 * 0.10))
    assert shares.total == pytest.approx(0.6)
    alone = second.shares(None)
    assert (alone.between, alone.limit, alone.absence) == (pytest.approx(0.4), 0.0, 0.0)


def test_evidence_of_pairs_and_requests_is_their_weighted_mean() -> None:
    (track,) = ledger(guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),), pairs=0.25).tracks
    assert track._averaged(9.0, 0) == pytest.approx(0.25 + 0.75 * 9.0)
    (bare,) = ledger(guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),)).tracks
    assert bare._averaged(9.0, 0) == 9.0


def test_what_an_answer_of_a_pair_says() -> None:
    answer = Answer(quality=0.5, cost=2.0, refusal=True)
    sources = (Source.QUALITY, Source.COST, Source.REFUSALS, Source.ERRORS)
    assert [_value(answer, source) for source in sources] == [0.5, 2.0, 1.0, 0.0]
    failed = Answer(failed=True, quality=0.5)
    assert math.isnan(_value(failed, Source.QUALITY))
    assert _value(failed, Source.ERRORS) == 1.0
    assert math.isnan(_value(Answer(), Source.COST))
    pairs = np.array([[0.0, 1.0], [1.0, 1.0], [1.01, 0.5], [0.5, -0.01], [math.nan, 0.5]])
    assert _sound(pairs, Source.QUALITY).tolist() == [True, True, False, False, False]
    assert _sound(pairs, Source.COST).tolist() == [True, True, True, False, False]


# ------------------------------------------------------------------ terms

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1))


def terms(**more) -> Terms:
    return Terms(**{"guardrails": (QUALITY,), "stable": "blue", "candidate": "green", **more})


@pytest.mark.parametrize(
    "right",
    [
        {"lag": 0.0}, {"lag": 0.01}, {"lag": 1e6}, {"scoring": 0.01}, {"pairs": 0.0}, {"pairs": 1.0},
        {"multiples": (1.0, 2.0, 2.0)}, {"scored": (Metric.QUALITY, Metric.COST, Metric.REFUSAL_RATE)},
    ],
)  # fmt: skip
def test_terms_at_their_edges_are_taken(right: dict) -> None:
    assert Terms.load(terms(**right).dump()) == terms(**right)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"lag": 0.0099}, "a lag is 0, or a number of seconds from 0.01 on, not 0.0099"),
        ({"lag": math.inf}, "a lag is 0, or a number of seconds from 0.01 on, not inf"),
        ({"scoring": -1.0}, "the time of a score is 0, or a number of seconds from 0.01 on, not -1.0"),
        ({"scoring": math.inf}, "the time of a score is 0, or a number of seconds from 0.01 on, not inf"),
        ({"pairs": 1.01}, "the part of pairs lies in 0..1, not 1.01"),
        ({"pairs": -0.01}, "the part of pairs lies in 0..1, not -0.01"),
        ({"multiples": ()}, "multiples rise from 1, not ()"),
        ({"multiples": (2.0,)}, "multiples rise from 1, not (2.0,)"),
        ({"multiples": (1.0, 4.0, 2.0)}, "multiples rise from 1, not (1.0, 4.0, 2.0)"),
        ({"scored": (Metric.LATENCY_P99,)}, "samples say nothing of latency_p99"),
    ],
)
def test_terms_beyond_their_edges_are_refused_in_these_words(wrong: dict, text: str) -> None:
    with pytest.raises(ValueError, match="not") as caught:
        terms(**wrong)
    assert str(caught.value) == text


def test_defects_are_always_read_from_samples() -> None:
    assert not terms().samples
    assert terms(scored=(Metric.QUALITY,)).samples
    assert terms(guardrails=(QUALITY, DEFECT_GUARDRAIL)).samples
    assert [terms().is_scored(metric) for metric in (Metric.DEFECT_RATE, Metric.QUALITY)] == [True, False]
    old = terms().dump()
    del old["scored"], old["scoring"]
    assert Terms.load(old) == terms()
