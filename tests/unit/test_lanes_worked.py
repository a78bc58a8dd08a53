"""Lanes by hand: how long answers wait, what is compared beside what, and whose word opens a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from support.sampled import QUALITY, scored, terms
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.guardrail import Hypothesis, Scale, default_scale
from verdigris.core.analysis.lane import Lane
from verdigris.core.analysis.lanes import Lanes, answer_lag
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.sampling import Sampling
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.settled import Settled
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.score import Scored
from verdigris.core.stats.block import Block
from verdigris.core.stats.sketch import Sketch

NEAR = 0.01  # a sketch knows its quantiles to one part in a hundred
MEDIAN = Guardrail(metric=Metric.LATENCY_P50, margin=Margin(relative=0.25))
SLOW = Guardrail(metric=Metric.LATENCY_P95, margin=Margin(relative=0.25))
HARM = (Hypothesis(worse=True, multiple=1.0),)


def times(*counts: tuple[int, float]) -> Sketch:
    sketch = Sketch()
    for n, seconds in counts:
        sketch.add(np.full(n, seconds))
    return sketch


def lanes(*, lag: float = 70.0, usual: Sketch | None = None, **more: float) -> Lanes:
    scales = {QUALITY: default_scale(Metric.QUALITY)}
    return Lanes.start(terms(), scales, lag=lag, usual=usual, **more)


def lags(made: Lanes) -> tuple[float, float]:
    assert made.answers is not None
    assert made.settled is not None
    return made.answers.waiting.lag, made.settled.waiting.lag


def requests(n: int, *, start: float = 0.0, stratum: str = "", **members) -> list[Observation]:
    """Of both sides in turn, one a second."""
    return [
        Observation(
            **{
                "at": start + i,
                "environment": ("blue", "green")[i % 2],
                "status": 200,
                "duration": 0.5,
                "stratum": stratum,
                **members,
            }
        )
        for i in range(n)
    ]


def rows(observations: Sequence[Observation], strata: Sequence[int] | None = None, **more) -> Rows:
    columns = Columns.of(observations, stable="blue", candidate="green", **more)
    return of(columns, strata)


def of(columns: Columns, strata: Sequence[int] | None = None) -> Rows:
    places = np.array(strata if strata is not None else [0] * len(columns), dtype=np.int64)
    return Rows(columns=columns, strata=places, splits=np.zeros(len(columns)))


def lane(*guardrails: Guardrail, stratified: bool = False) -> Lane:
    scale = Scale(prior=0.5, strength=10.0, threshold=0.5)
    known = terms(guardrails=guardrails, stratified=stratified)
    return Lane.start(known, dict.fromkeys(guardrails, scale), HARM)


# ------------------------------------------------------------------ how long answers wait


def test_an_answer_waits_three_times_the_time_that_ninety_nine_of_a_hundred_need() -> None:
    assert answer_lag(60.0, times((198, 2.0), (2, 50.0))) == pytest.approx(6.0, rel=NEAR)
    assert answer_lag(60.0, times((99, 2.0))) == 60.0


def test_what_is_known_of_stable_shortens_the_wait_for_harm_from_the_start_and_is_not_asked_again() -> None:
    made = lanes(usual=times((100, 2.0)))
    assert made.usual is None
    assert lags(made) == (pytest.approx(6.0, rel=NEAR), 70.0)
    made.time(np.full(500, 9.0))
    assert lags(made) == (pytest.approx(6.0, rel=NEAR), 70.0)


def test_with_less_than_a_hundred_times_the_past_says_nothing_and_stable_is_asked_now() -> None:
    made = lanes(usual=times((99, 2.0)))
    assert lags(made) == (70.0, 70.0)
    assert made.usual is not None
    assert made.usual.n == 0


def test_of_the_lag_only_the_time_of_scoring_is_shortened_by_the_hundredth_answer() -> None:
    made = lanes(scoring=60.0)
    made.time(np.full(99, 2.0))
    assert lags(made) == (70.0, 70.0)
    made.time(np.full(1, 2.0))
    assert lags(made) == (pytest.approx(6.0, rel=NEAR), pytest.approx(16.0, rel=NEAR))
    assert made.usual is None


def test_safety_waits_its_whole_lag_where_nothing_of_it_is_for_scoring() -> None:
    made = lanes()
    made.time(np.full(100, 2.0))
    assert lags(made) == (pytest.approx(6.0, rel=NEAR), 70.0)


# ------------------------------------------------------------------ what a lane compares


def test_a_covariate_stays_beside_its_value_on_each_side_and_goes_with_a_missing_one() -> None:
    adjusted = replace(QUALITY, adjust=Covariate.REQUEST_BYTES)
    made = lane(adjusted)
    told = [
        replace(row, quality=None if i == 2 else 0.1 * i, request_bytes=100 + i) for i, row in enumerate(requests(6))
    ]
    assert made.fold(rows(told, covariates=(Covariate.REQUEST_BYTES,)), {}) == []
    ((candidate, stable),) = made.cutters[Source.QUALITY].pending.values()
    assert candidate.values.tolist() == pytest.approx([0.1, 0.3, 0.5])
    assert stable.values.tolist() == pytest.approx([0.0, 0.4])
    assert candidate.covariates is not None
    assert candidate.covariates.tolist() == [101.0, 103.0, 105.0]
    assert stable.covariates is not None
    assert stable.covariates.tolist() == [100.0, 104.0]


def test_a_block_carries_its_last_time_and_the_time_it_spans_and_its_source_is_told() -> None:
    made, blocks = lane(QUALITY), []

    def compare(stratum: int, block: Block) -> None:
        blocks.append((stratum, block.at, block.span, block.candidate.size, block.stable.size))

    made.by_source[Source.QUALITY] = [SimpleNamespace(compare=compare)]
    assert made.fold(rows(requests(20, start=100.0, quality=0.5), [3] * 20), {}) == [Source.QUALITY]
    assert blocks == [(3, 119.0, 19.0, 10, 10)]


@pytest.mark.parametrize(("past", "left"), [(199, 4), (200, 0)])
def test_what_waits_is_dropped_only_where_a_threshold_follows_what_was_compared(past: int, left: int) -> None:
    """Twenty of stratum 0 close their block; of stratum 1 four wait. A threshold follows from 200 values of stable on."""
    made = lane(MEDIAN, stratified=True)
    made.fold(rows(requests(24), [0] * 20 + [1] * 4), {Source.LATENCY: times((past, 0.25))})
    waiting = [candidate.values.size + stable.values.size for candidate, stable in pending(made)]
    assert sum(waiting) == left
    (trial,) = made.trials
    assert trial.scale is not None
    assert trial.scale.threshold == pytest.approx(0.5 if left else 0.25, rel=NEAR)


def test_a_threshold_follows_only_once_something_was_compared() -> None:
    made = lane(MEDIAN)
    made.fold(rows(requests(4)), {Source.LATENCY: times((500, 0.25))})
    assert [candidate.values.size + stable.values.size for candidate, stable in pending(made)] == [4]
    assert made.trials[0].scale == Scale(prior=0.5, strength=10.0, threshold=0.5)


def test_both_thresholds_of_one_quantity_follow() -> None:
    made = lane(MEDIAN, SLOW)
    made.fold(rows(requests(24), [0] * 20 + [1] * 4), {Source.LATENCY: times((300, 0.25), (100, 4.0))})
    assert [trial.scale.threshold for trial in made.trials if trial.scale] == [
        pytest.approx(0.25, rel=NEAR),
        pytest.approx(4.0, rel=NEAR),
    ]
    assert not pending(made)


def pending(made: Lane):
    return list(made.cutters[Source.LATENCY].pending.values())


def test_one_quantity_begins_anew_and_the_other_goes_on() -> None:
    made = lane(MEDIAN, QUALITY)
    settled = Settled.start(made, lag=10.0)
    made.fold(rows(requests(24, quality=0.5), [0] * 20 + [1] * 4), {})
    assert [trial.compared for trial in made.trials] == [10, 10]
    settled.restart_source(Source.QUALITY)
    assert not made.cutters[Source.QUALITY].pending
    assert len(pending(made)) == 1


# ------------------------------------------------------------------ samples


def sampling(**more) -> Sampling:
    made = Sampling.start(terms(**more))
    assert made is not None
    return made


def read(made: Sampling, said: Sequence[Scored]) -> list[tuple[int, bool]]:
    """How many qualities each batch has, and whether it comes from something else."""
    return [
        (int(np.count_nonzero(~np.isnan(columns.column(Source.QUALITY)))), anew)
        for columns, anew in made.read(said, without_quality=False)
    ]


def test_samples_without_a_quality_neither_part_a_batch_nor_break_a_row_of_another_version() -> None:
    made = sampling()
    assert read(made, scored(20)) == [(20, False)]
    mixed = scored(4, start=20.0)
    mixed[0] = replace(mixed[0], quality=None, scorer="")
    mixed[2] = replace(mixed[2], quality=None, scorer="")
    assert read(made, mixed) == [(2, False)]
    assert read(made, scored(10, start=30.0, scorer="judge@2")) == [(0, False)]
    free = scored(1, start=40.0, quality=None, scorer="")
    assert read(made, [*free, *scored(10, start=41.0, scorer="judge@2")]) == [(0, False), (10, True)]
    assert made.left_out == 10
    assert made.scorers.current == "judge@2"


def test_samples_of_nobody_or_of_no_time_are_no_word_of_another_version() -> None:
    made = sampling()
    others = scored(30, start=10.0, scorer="judge@2", environment="red")
    timeless = scored(30, at=float("inf"), scorer="judge@3")
    assert read(made, [*scored(4), *others, *timeless]) == [(4, False)]
    assert (made.scorers.current, made.left_out) == ("judge@1", 0)


def test_stables_words_say_how_long_one_takes_and_the_candidates_do_not() -> None:
    made = sampling()
    said = [
        Scored(at=float(i), began=i - took, environment=side, quality=0.5, scorer="judge@1")
        for i in range(100)
        for side, took in (("blue", 2.0), ("green", 8.0))
    ]
    ((columns, _),) = made.read(said, without_quality=False)
    made.fold(of(columns), of(columns), {})
    assert lags(made.lanes) == (pytest.approx(6.0, rel=NEAR), pytest.approx(16.0, rel=NEAR))


def test_a_word_that_comes_late_took_until_now() -> None:
    """They ended two seconds after they began, and the latest requests ended eight after that."""
    made = sampling()
    made.lanes.tick(np.full(20, 110.0))
    said = [Scored(at=102.0, began=100.0, environment="blue", quality=0.5, scorer="judge@1") for i in range(100)]
    ((columns, _),) = made.read(said, without_quality=False)
    made.fold(of(columns), of(columns), {})
    assert lags(made.lanes) == (pytest.approx(30.0, rel=NEAR), pytest.approx(40.0, rel=NEAR))


@pytest.mark.parametrize(
    ("missing", "reported", "refusal", "read_already", "could"),
    [
        (20, 0, True, False, True),
        (19, 0, True, False, False),
        (20, 1, True, False, False),
        (20, 0, None, False, False),
        (20, 0, True, True, False),
    ],
)
def test_samples_may_say_what_twenty_requests_did_not(
    *, missing: int, reported: int, refusal: bool | None, read_already: bool, could: bool
) -> None:
    made, series = sampling(), Series.start(Source.REFUSALS)
    series.tallies[Role.STABLE].add(np.zeros(0), eligible=missing, invalid=0)
    series.tallies[Role.CANDIDATE].add(np.zeros(reported), eligible=reported, invalid=0)
    if read_already:
        made.sources.add(Source.REFUSALS)
    ((columns, _),) = made.read(scored(2, refusal=refusal), without_quality=False)
    assert made.could_say(columns, series) is could
