"""The promise of every family: exactly at its boundary, a bet ever reaches 20 in at most one rollout of twenty.

Both directions are bet on at once, and both are at the very edge of their hypothesis. Evidence is looked at after every
block. The count of broken promises must prove that they are fewer, at the 95 % level of a binomial test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from verdigris.core.stats.block import Block
from verdigris.core.stats.capped_mean import CappedMean
from verdigris.core.stats.categories import Categories
from verdigris.core.stats.comparison import Bet, Boundary, Comparison
from verdigris.core.stats.paired_mean import PairedCapped, PairedMean
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.regression import Predictor
from verdigris.core.stats.shift import Shift
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import TwoSampleRate

pytestmark = pytest.mark.statistical

RUNS, BLOCKS = 300, 40
Draw = Callable[[np.random.Generator, int], np.ndarray]
Start = Callable[[tuple[Bet, ...]], Comparison]


def keeps(broken: int, runs: int = RUNS, promised: float = 0.05) -> bool:
    """Whether so few broken promises would be rare (5 %) if the true rate were the promised one or more."""
    return float(binom.cdf(broken, runs, promised)) < 0.05


@dataclass(frozen=True, kw_only=True)
class Case:
    """`candidate` and `stable` draw values that lie exactly at `boundary`."""

    start: Start
    boundary: Boundary
    candidate: Draw
    stable: Draw
    paired: bool = False


def events(rate: float) -> Draw:
    return lambda rng, n: (rng.random(n) < rate).astype(float)


def latency(factor: float) -> Draw:
    return lambda rng, n: factor * np.exp(rng.normal(0.0, 0.8, n))


def score(factor: float) -> Draw:
    return lambda rng, n: factor * rng.beta(4.0, 1.0, n)


def stars(rng: np.random.Generator, n: int) -> np.ndarray:
    """Ordinal, with a ceiling; mean 0.8 as `score` has it."""
    return rng.choice([0.0, 0.5, 1.0], n, p=[0.1, 0.2, 0.7])


CASES = {
    "score, equal": Case(
        start=lambda bets: TwoSampleMean.start(bets, higher_is_better=True, prior=0.5),
        boundary=Boundary(),
        candidate=stars,
        stable=score(1.0),
    ),
    "score at nine tenths": Case(
        start=lambda bets: TwoSampleMean.start(bets, higher_is_better=True, prior=0.8),
        boundary=Boundary(scale=0.9),
        candidate=score(0.9),
        stable=score(1.0),
    ),
    "rate, equal": Case(
        start=lambda bets: TwoSampleRate.start(bets, prior=0.02),
        boundary=Boundary(),
        candidate=events(0.03),
        stable=events(0.03),
    ),
    "rate two points up": Case(
        start=lambda bets: TwoSampleRate.start(bets, prior=0.02),
        boundary=Boundary(shift=0.02),
        candidate=events(0.05),
        stable=events(0.03),
    ),
    "latency, equal": Case(
        start=lambda bets: Exceedance.start(bets, threshold=3.0, rate=0.08),
        boundary=Boundary(),
        candidate=latency(1.0),
        stable=latency(1.0),
    ),
    "latency half as much again": Case(
        start=lambda bets: Exceedance.start(bets, threshold=3.0, rate=0.08, bursts=False),
        boundary=Boundary(scale=1.5),
        candidate=latency(1.5),
        stable=latency(1.0),
    ),
    "cost, equal": Case(
        start=lambda bets: CappedMean.start(bets, cap=4.0, prior=1.0),
        boundary=Boundary(),
        candidate=latency(1.0),
        stable=latency(1.0),
    ),
    "cost half as much again": Case(
        start=lambda bets: CappedMean.start(bets, cap=4.0, prior=1.0),
        boundary=Boundary(scale=1.5),
        candidate=latency(1.5),
        stable=latency(1.0),
    ),
    "pairs of scores": Case(
        start=lambda bets: PairedMean.start(bets, higher_is_better=True),
        boundary=Boundary(scale=0.9),
        candidate=score(0.9),
        stable=score(1.0),
        paired=True,
    ),
    "pairs of events": Case(
        start=lambda bets: PairedMean.start(bets, higher_is_better=False),
        boundary=Boundary(),
        candidate=events(0.05),
        stable=events(0.05),
        paired=True,
    ),
    "pairs of costs": Case(
        start=lambda bets: PairedCapped.start(bets, cap=4.0),
        boundary=Boundary(scale=1.5),
        candidate=latency(1.5),
        stable=latency(1.0),
        paired=True,
    ),
}


def crossings(
    case: Case, *, share: float, seed: int, look: Callable[[Comparison, int], None] | None = None
) -> list[int]:
    """How many of RUNS ever reached 20: bets that it is worse, and that it is not."""
    rng, broken = np.random.default_rng(seed), np.zeros(2, dtype=int)
    bets = (Bet.start(case.boundary, worse=True), Bet.start(case.boundary, worse=False))
    for _ in range(RUNS):
        test, reached = case.start(bets), np.zeros(2, dtype=bool)
        for step in range(BLOCKS):
            n = 25 if case.paired else max(1, round(40 * share))
            others = n if case.paired else 40 - n
            test.compare(Block(candidate=case.candidate(rng, n), stable=case.stable(rng, others), at=float(step)))
            reached |= [test.value(0) >= 20.0, test.value(1) >= 20.0]
            if look is not None:
                look(test, step)
        broken += reached
    return broken.tolist()


@pytest.mark.parametrize("name", CASES)
def test_at_the_boundary_neither_direction_is_proven_too_often(name: str) -> None:
    for share in (0.5,) if CASES[name].paired else (0.5, 0.1):
        worse, not_worse = crossings(CASES[name], share=share, seed=40)
        assert keeps(worse), f"{worse} of {RUNS} said to be worse"
        assert keeps(not_worse), f"{not_worse} of {RUNS} said to be no worse"


def test_the_bound_can_fail() -> None:
    """A candidate beyond the boundary is found, and would break the promise if the boundary were there."""
    case = CASES["score at nine tenths"]
    beyond = Case(start=case.start, boundary=case.boundary, candidate=score(0.86), stable=case.stable)
    worse, _ = crossings(beyond, share=0.5, seed=41)
    assert not keeps(worse)
    assert not keeps(10)
    assert keeps(8)


def test_restarts_are_no_further_chances() -> None:
    def restart(test: Comparison, step: int) -> None:
        if step % 8 == 7:
            test.restart()

    for name in ("score, equal", "rate, equal"):
        worse, not_worse = crossings(CASES[name], share=0.5, seed=42, look=restart)
        assert keeps(max(worse, not_worse)), f"{worse} and {not_worse} of {RUNS}"


def test_a_threshold_or_a_cap_that_follows_the_past_costs_nothing() -> None:
    rng = np.random.default_rng(43)

    def follow(test: Comparison, step: int) -> None:
        if isinstance(test, Exceedance | CappedMean):
            test.move(float(rng.uniform(1.0, 5.0)))

    for name in ("latency half as much again", "cost half as much again"):
        worse, not_worse = crossings(CASES[name], share=0.5, seed=44, look=follow)
        assert keeps(max(worse, not_worse)), f"{worse} and {not_worse} of {RUNS}"


@pytest.mark.parametrize("scale", [1.0, 0.9])
@pytest.mark.parametrize("sense", [True, False])
def test_adjusting_for_requests_costs_nothing_good_prediction_or_bad(*, scale: float, sense: bool) -> None:
    """Values depend on the request; predictions are good, or learned from requests that have nothing to do with them."""
    rng, broken = np.random.default_rng(45), np.zeros(2, dtype=int)
    bets = (Bet.start(Boundary(scale=scale), worse=True), Bet.start(Boundary(scale=scale), worse=False))

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        logs = rng.uniform(3.0, 5.0, n)
        return np.expm1(logs), np.clip(0.7 - 0.15 * (logs - 4.0) + rng.normal(0.0, 0.1, n), 0.0, 1.0)

    for _ in range(RUNS):
        test, predictor, reached = TwoSampleMean.start(bets, higher_is_better=True, prior=0.7), Predictor(), [False] * 2
        for _ in range(40):
            (a, candidate), (b, stable) = draw(20), draw(20)
            test.compare(
                Block(
                    candidate=scale * candidate,
                    stable=stable,
                    candidate_offset=predictor.predict(a),
                    stable_offset=predictor.predict(b),
                )
            )
            predictor.learn(b if sense else a, stable if sense else 1.0 - candidate)
            reached = [before or test.value(i) >= 20.0 for i, before in enumerate(reached)]
        broken += reached
    assert keeps(int(broken.max())), f"{broken} of {RUNS}"


def test_equal_labels_are_said_to_differ_no_more_often_than_promised() -> None:
    rng, broken = np.random.default_rng(46), 0
    for _ in range(RUNS):
        test = Categories.start(12)
        for _ in range(BLOCKS):
            candidate, stable = (np.pad(rng.multinomial(n, [0.9, 0.05, 0.05]), (0, 9)) for n in (5, 45))
            test.compare(candidate, stable)
        broken += test.peak >= 20.0
    assert keeps(broken), f"{broken} of {RUNS}"


def test_a_mean_at_the_edge_of_its_band_is_said_to_move_no_more_often_than_promised() -> None:
    rng, broken = np.random.default_rng(47), np.zeros(2, dtype=int)
    for _ in range(RUNS):
        for place, rate in enumerate((0.12, 0.08)):
            shift, reached = Shift.start(reference=0.10, band=0.02), False
            for _ in range(BLOCKS):
                shift.fold(events(rate)(rng, 50))
                reached |= max(shift.up, shift.down) >= 20.0
            broken[place] += reached
    assert keeps(int(broken.max())), f"{broken} of {RUNS}"
