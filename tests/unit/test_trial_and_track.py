"""A guardrail's test, trial and track, with evidence that is given, so that every sum can be done by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from verdigris.core.analysis.guardrail import (
    WARM_UP,
    Hypothesis,
    Scale,
    bet_of,
    comparison_of,
    default_scale,
    limit_factors,
    paired_of,
    scale_of,
    weights,
)
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.track import FAR, HARM, Track, safe_at
from verdigris.core.analysis.trial import Trial
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.strata import MOST_STRATA
from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import STAKES
from verdigris.core.stats.comparison import Bet
from verdigris.core.stats.paired_mean import PairedCapped
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import ODDS, TwoSampleRate

MULTIPLES = (1.0, 1.5)
HYPOTHESES = (HARM, FAR, *safe_at(MULTIPLES))
CENT = Scale(prior=0.004, strength=20.0, threshold=0.01)


class Told:
    """A comparison whose e-values are given."""

    bets: tuple[Bet, ...] = ()
    compared = 0

    def __init__(self, *values: float) -> None:
        self.values, self.blocks = values, list[Block]()

    def value(self, i: int) -> float:
        return self.values[i]

    def best(self, i: int) -> float:
        return self.values[i]

    def compare(self, block: Block) -> None:
        self.blocks.append(block)

    def restart(self) -> None: ...

    def dump(self) -> dict[str, Any]:
        return {}

    def restore(self, dumped: Mapping[str, Any]) -> None: ...


def guardrail(metric: Metric, *, limit: float | None = None) -> Guardrail:
    return Guardrail(metric=metric, margin=Margin(relative=0.1), limit=limit)


def trial(metric: Metric, scale: Scale | None = None, *, stratified: bool = False) -> Trial:
    return Trial.start(guardrail(metric), HYPOTHESES, scale, stratified=stratified)


def track(
    metric: Metric,
    *,
    scale: Scale | None = None,
    pairs: float = 0.0,
    limit: float | None = None,
    stratified: bool = False,
    pairs_within: float | None = None,
) -> Track:
    kept = guardrail(metric, limit=limit)
    terms = Terms(
        guardrails=(kept,),
        stable="blue",
        candidate="green",
        pairs=pairs,
        pairs_within=pairs_within,
        multiples=MULTIPLES,
    )
    harm, safety = (Trial.start(kept, HYPOTHESES, scale, stratified=stratified) for _ in range(2))
    return Track.start(terms, kept, 1.0, harm=harm, safety=safety)


def looks_within(one: Track) -> bool:
    one.look()
    return one.within


def sketch(values: Sequence[float] | np.ndarray) -> Sketch:
    made = Sketch()
    made.add(np.array(values, dtype=np.float64))
    return made


def block(candidate: int, stable: int) -> Block:
    return Block(candidate=np.ones(candidate), stable=np.ones(stable))


# ------------------------------------------------------------------ guardrails


def test_metrics_of_one_family_split_its_weight() -> None:
    kept = [guardrail(metric) for metric in (Metric.QUALITY, Metric.LATENCY_P50, Metric.LATENCY_P99)]
    assert weights(kept) == pytest.approx((0.6, 0.2, 0.2))


def test_a_threshold_leans_a_standard_error_and_a_bit_below_its_quantile() -> None:
    found = scale_of(Metric.LATENCY_P95, sketch(np.arange(1, 2_001) / 1_000))
    assert found is not None
    assert found.prior == pytest.approx(113 / 2_000)  # 1,900 less 1.3 times the root of 95, rounded down: rank 1,887
    assert found.threshold == pytest.approx(1.887, rel=0.011)
    assert found.strength == 200.0


def test_two_hundred_values_are_enough_for_a_threshold_and_one_less_is_not() -> None:
    assert scale_of(Metric.LATENCY_P50, sketch([1.0] * (WARM_UP - 1))) is None
    assert scale_of(Metric.LATENCY_P50, sketch([1.0] * WARM_UP)) is not None


def test_what_never_costs_anything_is_expected_to_cost_nothing() -> None:
    assert scale_of(Metric.COST, sketch([0.0] * 300)) == Scale(prior=0.0, strength=20.0, threshold=1e-6)


def test_without_a_past_quality_is_expected_in_the_middle() -> None:
    assert default_scale(Metric.QUALITY) == Scale(prior=0.5, strength=20.0)
    assert default_scale(Metric.COST) is None


@pytest.mark.parametrize("dumped", [[None, 20.0, None], [0.5, None, None]])
def test_a_scale_without_a_mean_or_a_strength_is_none(dumped: list[float | None]) -> None:
    with pytest.raises(ValueError, match="a mean and a strength"):
        Scale.load(dumped)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        (Metric.ERROR_RATE, TwoSampleRate),
        (Metric.QUALITY, TwoSampleMean),
        (Metric.LATENCY_P99, Exceedance),
    ],
)
def test_what_is_expected_weighs_as_much_as_its_strength(
    metric: Metric, kind: type[TwoSampleRate | TwoSampleMean | Exceedance]
) -> None:
    test = comparison_of(guardrail(metric), Scale(prior=0.25, strength=7.0, threshold=1.0), HYPOTHESES)
    assert isinstance(test, kind)
    assert test.stable.weight == test.candidate.weight == 7.0
    assert test.stable.mean == [0.25]


def test_a_margin_of_nothing_is_a_millionth_dollar_in_costs_and_nothing_elsewhere() -> None:
    found = [
        bet_of(Guardrail(metric=metric, margin=Margin()), FAR).boundary for metric in (Metric.COST, Metric.ERROR_RATE)
    ]
    assert [(each.scale, each.shift) for each in found] == [(1.0, 1e-6), (1.0, 0.0)]


def test_the_boundary_lies_one_margin_above_what_should_be_low_and_below_what_should_be_high() -> None:
    margin = Margin(relative=0.25, absolute=0.125)
    cost, quality = (
        bet_of(Guardrail(metric=metric, margin=margin), FAR).boundary for metric in (Metric.COST, Metric.QUALITY)
    )
    assert (cost.scale, cost.shift) == (1.25, 0.125)
    assert (quality.scale, quality.shift) == (0.75, -0.125)


def test_costs_of_pairs_need_a_cap_and_latencies_are_never_paired() -> None:
    assert isinstance(paired_of(guardrail(Metric.COST), CENT, HYPOTHESES), PairedCapped)
    assert paired_of(guardrail(Metric.COST), Scale(prior=0.1, strength=20.0), HYPOTHESES) is None
    assert paired_of(guardrail(Metric.LATENCY_P99), CENT, HYPOTHESES) is None


def test_a_limit_on_a_quantile_bets_on_how_many_lie_above_it() -> None:
    kept = guardrail(Metric.LATENCY_P95, limit=5.0)
    found = limit_factors(kept, 5.0, np.array([1.0, 5.0, 6.0, 7.0]))  # two above, two not, where 5 % may be
    assert found == pytest.approx((400.0 * ODDS / (19.0 + ODDS) ** 2) ** 2)


def test_a_limit_on_costs_bets_on_what_lies_above_it() -> None:
    found = limit_factors(guardrail(Metric.COST, limit=2.0), 2.0, np.array([1.0, 4.0]))
    assert found == pytest.approx((1.0 - STAKES / 2.0) * (1.0 + STAKES))


# ------------------------------------------------------------------ trials


def test_half_of_the_evidence_for_harm_is_spread_over_all_strata_there_may_be() -> None:
    spread = trial(Metric.ERROR_RATE, stratified=True)
    spread.pooled, spread.inside = Told(3.0), {0: Told(9.0), 4: Told(6.0)}
    assert spread.harm(0) == pytest.approx(0.5 * 3.0 + 0.5 * (9.0 + 6.0 + (MOST_STRATA - 2) * 1.0) / MOST_STRATA)


def test_strata_are_told_apart_only_where_asked() -> None:
    assert trial(Metric.ERROR_RATE).inside is None
    assert trial(Metric.ERROR_RATE, stratified=True).inside == {}


def test_a_stratum_is_as_large_as_all_that_was_compared_in_it() -> None:
    one = trial(Metric.ERROR_RATE, Scale(prior=0.02, strength=50.0), stratified=True)
    for stratum, part in ((3, block(4, 6)), (1, block(1, 1)), (3, block(2, 5))):
        one.compare(stratum, part)
    assert one.sizes == {3: 17, 1: 2}
    one.restart()
    assert one.sizes == {3: 0, 1: 0}


def test_a_trial_without_a_test_says_one() -> None:
    none = trial(Metric.COST)
    assert (none.value(0), none.best(0), none.compared) == (1.0, 1.0, 0)


def test_a_scale_is_taken_once_there_are_enough_values() -> None:
    new = trial(Metric.LATENCY_P50)
    assert not new.calibrate(sketch([1.0] * 199))
    assert new.calibrate(sketch([1.0] * 230))
    assert new.calibrated == 230
    assert not new.calibrate(sketch([1.0] * 500))
    assert new.calibrated == 230


def test_a_threshold_follows_stable_whenever_its_values_have_doubled() -> None:
    one = trial(Metric.LATENCY_P50, Scale(prior=0.5, strength=200.0, threshold=9.0), stratified=True)
    one.compare(2, block(3, 3))
    assert isinstance(one.pooled, Exceedance)
    assert not one.follow(sketch([2.0] * 199))
    assert one.pooled.threshold == 9.0
    assert one.follow(sketch([2.0] * 200))
    assert one.calibrated == 200
    assert one.scale is not None
    assert one.scale.threshold == pytest.approx(2.0, rel=0.011)
    assert one.inside is not None
    inner = one.inside[2]
    assert isinstance(inner, Exceedance)
    assert inner.threshold == one.pooled.threshold == one.scale.threshold
    assert not one.follow(sketch([4.0] * 399))
    assert one.follow(sketch([4.0] * 400))
    assert one.pooled.threshold == pytest.approx(4.0, rel=0.011)


def test_rates_have_no_threshold_to_follow() -> None:
    one = trial(Metric.ERROR_RATE, Scale(prior=0.02, strength=50.0))
    assert not one.follow(sketch([1.0] * 1_000))
    assert one.calibrated == 0


# ------------------------------------------------------------------ tracks


def test_safe_is_not_worse_at_each_multiple() -> None:
    assert [(each.worse, each.multiple) for each in safe_at(MULTIPLES)] == [(False, 1.0), (False, 1.5)]
    assert all(each.worse is False for each in safe_at(MULTIPLES))
    assert safe_at((1.0,)) == (Hypothesis(worse=False, multiple=1.0),)


def test_each_multiple_is_proven_by_its_own_bets_live_and_in_pairs() -> None:
    one = track(Metric.QUALITY, pairs=0.25)
    one.safety.pooled, one.twins.test = Told(1.0, 7.0, 12.0, 30.0), Told(2.0, 6.0, 8.0, 40.0)
    one.look()
    assert one.proofs == [0.25 * 8.0 + 0.75 * 12.0, 0.25 * 40.0 + 0.75 * 30.0]
    assert one.proven == [False, True]
    one.safety.pooled = Told(1.0, 1.0, 1.0, 1.0)
    one.look()
    assert one.proofs == [11.0, 32.5]
    one.restart_live()
    assert (one.proofs, one.proven) == ([1.0, 1.0], [False, False])


def test_a_stratum_keeps_the_most_that_it_ever_proved() -> None:
    one = track(Metric.QUALITY, stratified=True)
    one.safety.inside = {0: Told(1.0, 5.0, 4.0, 9.0), 3: Told(1.0, 5.0, 0.5, 0.25)}
    one.look()
    assert one.inside == [{0: 4.0, 3: 1.0}, {0: 9.0, 3: 1.0}]
    one.safety.inside = {0: Told(1.0, 5.0, 6.0, 2.0), 3: Told(1.0, 5.0, 0.1, 3.0)}
    one.look()
    assert one.inside == [{0: 6.0, 3: 1.0}, {0: 9.0, 3: 3.0}]


def test_a_stratum_with_a_tenth_of_what_was_compared_needs_its_own_proof() -> None:
    one = track(Metric.QUALITY, stratified=True)
    one.safety.sizes = {0: 81, 1: 10, 2: 9}
    assert one.unproven_strata() == (0, 1)
    one.inside = [{0: 20.0}, {}]
    assert one.unproven_strata() == (1,)
    one.safety.pooled, one.safety.inside = Told(1.0, 1.0, 20.0, 1.0), {1: Told(1.0, 1.0, 19.0, 1.0)}
    one.look()
    assert not one.safe
    one.safety.inside = {1: Told(1.0, 1.0, 20.0, 1.0)}
    one.look()
    assert one.safe


def test_only_with_every_large_stratum_is_the_candidate_within_the_margin() -> None:
    one = track(Metric.QUALITY, stratified=True)
    one.harm.pooled, one.harm.sizes = Told(8.0, 2.0, 20.0, 1.0), {0: 81, 1: 10, 2: 9}
    one.harm.inside = {0: Told(8.0, 2.0, 25.0), 1: Told(8.0, 2.0, 19.0), 2: Told(8.0, 2.0, 1.0)}
    assert not looks_within(one)
    assert one.in_force == one.value(0)
    one.harm.inside[1] = Told(8.0, 2.0, 20.0)
    assert looks_within(one)
    assert one.in_force == one.value(1) < one.value(0)


def test_without_strata_the_margin_is_kept_by_all_requests_together() -> None:
    one = track(Metric.QUALITY)
    one.harm.pooled = Told(8.0, 2.0, 19.0, 1.0)
    assert not looks_within(one)
    one.harm.pooled = Told(8.0, 2.0, 20.0, 1.0)
    assert looks_within(one)


@pytest.mark.parametrize(
    ("metric", "limit", "bursts"),
    [(Metric.LATENCY_P95, 5.0, True), (Metric.LATENCY_P95, None, False), (Metric.COST, 5.0, False)],
)
def test_only_a_limit_on_slowness_takes_account_of_stalls(metric: Metric, limit: float | None, *, bursts: bool) -> None:
    assert (track(metric, limit=limit).burst is not None) is bursts


def test_one_second_at_most_doubles_what_is_bet_against_a_limit() -> None:
    one = track(Metric.LATENCY_P95, limit=5.0)
    assert one.absolute is not None
    one.fold_limit(np.full(100, 9.0), at=7.2)
    assert one.absolute.value == pytest.approx(0.8 * 2.0 + 0.2)
    one.fold_limit(np.full(100, 9.0), at=7.9)
    assert one.absolute.value == pytest.approx(1.8)
    one.fold_limit(np.full(100, 9.0), at=8.0)
    assert one.absolute.value > 3.0


def test_no_values_change_nothing_about_a_limit() -> None:
    one = track(Metric.LATENCY_P95, limit=5.0)
    before = one.dump()
    one.fold_limit(np.array([]), at=7.0)
    assert one.dump() == before


def test_pairs_are_compared_once_there_is_a_cap_and_as_declared() -> None:
    known, later, never = (
        track(Metric.COST, scale=CENT, pairs=0.25),
        track(Metric.COST, pairs=0.25),
        track(Metric.COST, scale=CENT),
    )
    assert isinstance(known.twins.test, PairedCapped)
    assert (known.twins.test.cap, known.twins.scale) == (0.01, CENT)
    assert (later.twins.test, later.twins.scale) == (None, None)
    assert (never.twins.test, never.twins.scale) == (None, None)
    made = known.twins.test
    known.begin_pairs(Scale(prior=0.1, strength=20.0, threshold=0.5))
    assert known.twins.test is made
    assert known.twins.scale == CENT
    later.harm.scale = CENT
    later.fold_pairs([Pair(at=1.0, stable=Answer(cost=0.002), candidate=Answer(cost=0.003))])
    assert isinstance(later.twins.test, PairedCapped)
    assert (later.twins.test.cap, later.twins.test.compared, later.twins.scale) == (0.01, 1, CENT)


def test_pairs_that_are_not_there_yet_count_as_one() -> None:
    one = track(Metric.COST, pairs=0.25)
    one.harm.pooled = Told(3.0)
    assert one.value(0) == 0.25 * 1.0 + 0.75 * 3.0


def test_pairs_are_of_the_time_of_their_latest() -> None:
    one, told = track(Metric.QUALITY, pairs=0.25), Told(1.0, 1.0, 1.0, 1.0)
    one.twins.test = told
    one.fold_pairs([Pair(at=at, stable=Answer(quality=0.5), candidate=Answer(quality=0.75)) for at in (3.0, 8.0, 5.0)])
    (compared,) = told.blocks
    assert compared.at == 8.0
    assert (compared.stable.tolist(), compared.candidate.tolist()) == ([0.5] * 3, [0.75] * 3)


def test_pairs_without_a_scale_are_restored_as_they_were() -> None:
    one, again = (track(Metric.QUALITY, pairs=0.25) for _ in range(2))
    one.fold_pairs([Pair(at=1.0, stable=Answer(quality=0.75), candidate=Answer(quality=0.5))] * 9)
    again.restore(one.dump())
    assert again.twins.n == 9
    assert again.twins.test is not None
    assert again.twins.test.value(0) > 1.0
    assert again.dump() == one.dump()


def test_pairs_alone_are_asked_at_wider_margins_and_keep_the_most_they_proved() -> None:
    one = track(Metric.QUALITY, pairs=0.25, pairs_within=2.0)
    assert one.asked == (2.0, 3.0)
    assert not one.lacks_pairs(0)
    one.twins.test = Told(1.0, 1.0, 50.0, 60.0, 19.0, 30.0)
    one.fold_pairs([Pair(at=1.0, stable=Answer(quality=0.5), candidate=Answer(quality=0.5))])
    assert one.agreed == [19.0, 30.0]
    assert (one.lacks_pairs(0), one.lacks_pairs(1)) == (True, False)
    one.twins.test = Told(1.0, 1.0, 50.0, 60.0, 20.0, 0.5)
    one.look()
    assert one.agreed == [20.0, 30.0]
    assert not one.lacks_pairs(0)
    one.twins.test = None
    one.look()
    assert one.agreed == [20.0, 30.0]


def test_pairs_are_not_asked_alone_where_nobody_declared_it() -> None:
    one = track(Metric.QUALITY, pairs=0.25)
    one.twins.test = Told(1.0, 1.0, 50.0, 60.0)
    one.look()
    assert (one.asked, one.agreed) == ((), [])
