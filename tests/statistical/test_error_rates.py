"""The published error rates in short: the same scenarios and rules as `python -m benchmarks.judge`, fewer runs.

Bounds are binomial. The rule that most teams write first is held to the same bounds, and breaks them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.judge import promised, robust, shadow
from benchmarks.judge.naive import threshold
from benchmarks.judge.ours import verdigris
from benchmarks.judge.pool import stream_of
from benchmarks.judge.repeated_z import looked_at_every
from benchmarks.judge.scenario import Decision, Rule, Scenario
from benchmarks.judge.traffic import HEALTHY
from scipy.stats import binom, ks_2samp

from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric

pytestmark = pytest.mark.statistical
SEED = 77
BOUND = 0.05


def decisions(scenario: Scenario, rule: Rule, runs: int, *, batch: int = 100) -> list[Decision]:
    scenario = replace(scenario, batch=batch)
    return [rule(scenario, scenario.make(stream_of(scenario, SEED, number))) for number in range(runs)]


def broken(found: Sequence[Decision]) -> int:
    return sum(decision.rolled_back is not None for decision in found)


def proves_less(count: int, runs: int) -> bool:
    """Whether so few would be rare (5 %) if the true rate were the bound or more."""
    return float(binom.cdf(count, runs, BOUND)) < 0.05


def speaks_against(count: int, runs: int) -> bool:
    """Whether so many would be rare (1 %) if the true rate were the bound or less."""
    return float(binom.sf(count - 1, runs, BOUND)) < 0.01


@pytest.mark.parametrize("scenario", [promised.HEALTHY_ONES[0], promised.HEALTHY_ONES[1]], ids=lambda given: given.name)
def test_false_rollback_is_proven_below_the_bound_and_the_usual_rules_break_it(scenario: Scenario) -> None:
    ours = broken(decisions(scenario, verdigris, 100))
    assert proves_less(ours, 100), f"{ours} of 100 healthy rollouts rolled back"
    for rule in (threshold, looked_at_every(1), looked_at_every(100)):
        theirs = broken(decisions(scenario, rule, 40))
        assert speaks_against(theirs, 40), f"{rule} rolled back only {theirs} of 40: the bound could not fail"


@pytest.mark.parametrize(
    "scenario", [*promised.HEALTHY_ONES[4:], *(kind.healthy for kind in robust.KINDS)], ids=lambda given: given.name
)
def test_nothing_speaks_against_the_bound_for_values_of_any_kind(scenario: Scenario) -> None:
    found = broken(decisions(scenario, verdigris, 10))
    assert not speaks_against(found, 10), f"{found} of 10 healthy rollouts rolled back"


@pytest.mark.parametrize("scenario", [*promised.AT_THE_MARGIN, promised.HIDDEN], ids=lambda given: given.name)
def test_false_promotion_at_the_margin(scenario: Scenario) -> None:
    missed = sum(decision.missed for decision in decisions(scenario, verdigris, 25))
    assert not speaks_against(missed, 25), f"{missed} of 25 harmful candidates promoted"


def median(found: Sequence[Decision], moment: Callable[[Decision], int | None]) -> float:
    return float(np.median([np.inf if (at := moment(decision)) is None else at for decision in found]))


@pytest.mark.parametrize(
    ("scenario", "bound"),
    [
        (promised.QUALITY_DOWN, 600),
        (promised.QUALITY_FAR_DOWN, 500),
        (promised.ERRORS_UP, 800),
        (promised.REFUSALS_UP, 1_600),
        (promised.COST_UP, 900),
        (shadow.DOWN_5, 300),
        (shadow.DOWN_10, 150),
    ],
    ids=lambda given: given.name if isinstance(given, Scenario) else given,
)
def test_harm_is_found_in_time(scenario: Scenario, bound: int) -> None:
    found = decisions(scenario, verdigris, 21, batch=20)
    assert median(found, lambda decision: decision.rolled_back) <= bound
    missed = sum(decision.missed for decision in found)
    assert not speaks_against(missed, 21), f"{missed} of 21 harmful candidates promoted"


@pytest.mark.parametrize("scenario", promised.ALL_FAIL, ids=lambda given: given.name)
def test_a_candidate_that_only_fails_is_found_within_six_of_its_requests(scenario: Scenario) -> None:
    found = decisions(scenario, verdigris, 5, batch=1)
    assert all(decision.candidates is not None and decision.candidates <= 6 for decision in found)


def test_an_equal_candidate_is_proven_safe_by_pairs() -> None:
    assert median(decisions(shadow.PROMOTED, verdigris, 31), lambda decision: decision.promoted) <= 250


# ------------------------------------------------------------------ looked at on every request

ERRORS = tuple(replace(each, limit=None) for each in DEFAULT_GUARDRAILS if each.metric is Metric.ERROR_RATE)


def test_taking_requests_in_by_twenty_finds_what_one_by_one_finds() -> None:
    """Where every request has a value and blocks hold twenty, both see the same blocks: FAIL comes at the batch's end."""
    failing = functools.partial(promised.plain, candidate=replace(HEALTHY, errors=0.08), n=1_000)
    worse = replace(promised.ERRORS_UP, guardrails=ERRORS, make=failing)
    single, batched = (decisions(worse, verdigris, 8, batch=batch) for batch in (1, 20))
    assert any(decision.rolled_back for decision in single)
    for one, many in zip(single, batched, strict=True):
        assert (one.rolled_back is None) == (many.rolled_back is None)
        if one.rolled_back is not None and many.rolled_back is not None:
            assert -(-one.rolled_back // 20) * 20 == many.rolled_back


def test_over_all_metrics_both_ways_decide_alike() -> None:
    """With missing values blocks are cut elsewhere, so single runs differ, but not their distribution."""
    single, batched = (
        [decision.rolled_back or 5_000 for decision in decisions(promised.QUALITY_DOWN, verdigris, 12, batch=batch)]
        for batch in (1, 20)
    )
    assert ks_2samp(single, batched).pvalue > 0.05
    assert abs(np.median(single) - np.median(batched)) <= 60
