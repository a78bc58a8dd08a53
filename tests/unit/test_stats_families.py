"""Every family of comparisons keeps the same promises: bets do not disturb each other, order inside a batch is nothing,
what is dumped goes on to the last bit, a restart gives nothing back, and no input makes anything but a finite number.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.stats.block import Block
from verdigris.core.stats.capital import Capitals
from verdigris.core.stats.capped_mean import CappedMean
from verdigris.core.stats.comparison import Bet, Boundary, Comparison
from verdigris.core.stats.paired_mean import PairedCapped, PairedMean
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.two_sample_mean import TwoSampleMean
from verdigris.core.stats.two_sample_rate import TwoSampleRate

Start = Callable[[tuple[Bet, ...]], Comparison]

FAMILIES: dict[str, Start] = {
    "mean, higher is better": lambda bets: TwoSampleMean.start(bets, higher_is_better=True, prior=0.5),
    "mean, lower is better": lambda bets: TwoSampleMean.start(bets, higher_is_better=False, prior=0.5),
    "rate": lambda bets: TwoSampleRate.start(bets, prior=0.02),
    "exceedance": lambda bets: Exceedance.start(bets, threshold=0.6, rate=0.4),
    "capped mean": lambda bets: CappedMean.start(bets, cap=0.8, prior=0.4),
    "pairs, higher is better": lambda bets: PairedMean.start(bets, higher_is_better=True),
    "pairs, lower is better": lambda bets: PairedMean.start(bets, higher_is_better=False),
    "capped pairs": lambda bets: PairedCapped.start(bets, cap=0.8),
}
HIGHER = {"mean, higher is better", "pairs, higher is better"}
every_family = pytest.mark.parametrize("family", FAMILIES)


def bets_of(family: str) -> tuple[Bet, ...]:
    """Worse than stable, worse than a margin, not worse than the margin, not worse than twice the margin."""
    sign = -1.0 if family in HIGHER else 1.0
    margin, wide = (Boundary(scale=1.0 + sign * 0.1 * times, shift=sign * 0.02 * times) for times in (1, 2))
    return (
        Bet.start(Boundary(), worse=True),
        Bet.start(margin, worse=True),
        Bet.start(margin, worse=False),
        Bet.start(wide, worse=False),
    )


def start(family: str) -> Comparison:
    return FAMILIES[family](bets_of(family))


def block(family: str, rng: np.random.Generator, at: float, *, n: int = 25, worse: float = 0.0) -> Block:
    """Pairs have as many of each; with `worse` the candidate's values lie that much further in the worse direction."""
    candidate, stable = rng.random(n), rng.random(n if "pairs" in family else n // 2 + 1)
    shifted = candidate - worse if family in HIGHER else candidate + worse
    if family == "rate":
        return Block(candidate=(shifted > 0.9).astype(float), stable=(stable > 0.9).astype(float), at=at)
    return Block(candidate=np.clip(shifted, 0.0, 1.0), stable=stable, at=at)


def values(test: Comparison) -> list[float]:
    return [test.value(i) for i in range(len(test.bets))]


@every_family
def test_worse_and_not_worse_are_told_apart(family: str) -> None:
    rng, equal, worse = np.random.default_rng(1), start(family), start(family)
    for step in range(80):
        equal.compare(block(family, rng, step, n=60))
        worse.compare(block(family, rng, step, n=60, worse=0.4))
    assert min(worse.value(0), worse.value(1)) > 1e4
    assert max(worse.value(2), worse.value(3)) < 1.0
    assert max(equal.value(0), equal.value(1)) < 20.0
    assert equal.value(3) > max(equal.value(2), 20.0)
    assert worse.best(0) > worse.value(0)
    assert equal.compared == worse.compared == 80 * 60


@every_family
def test_bets_do_not_disturb_each_other(family: str) -> None:
    """A bet made alone, and the same one among others, are worth the same: what one bets on never chooses for another."""
    together, alone = start(family), [FAMILIES[family]((bet,)) for bet in bets_of(family)]
    rng = np.random.default_rng(2)
    for step in range(20):
        one = block(family, rng, step, worse=0.1)
        for test in (together, *alone):
            test.compare(one)
    assert values(together) == pytest.approx([test.value(0) for test in alone])


@every_family
@pytest.mark.parametrize("order", [(2, 0, 3, 1), (0, 2, 1, 3), (3, 2, 1, 0), (2, 3)], ids=repr)
def test_bets_may_be_given_in_any_order(family: str, order: tuple[int, ...]) -> None:
    rng, test = np.random.default_rng(9), start(family)
    mixed = FAMILIES[family](tuple(bets_of(family)[place] for place in order))
    for step in range(10):
        one = block(family, rng, step, worse=0.1)
        test.compare(one)
        mixed.compare(one)
    assert values(mixed) == pytest.approx([test.value(place) for place in order])
    mixed.restart()
    mixed.restore(json.loads(json.dumps(mixed.dump())))


@every_family
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300))
def test_order_inside_a_batch_makes_no_difference(family: str, seed: int, n: int) -> None:
    rng, one, other = np.random.default_rng(seed), start(family), start(family)
    for step in range(3):
        given_ = block(family, rng, step, n=n, worse=0.05)
        order, others = rng.permutation(given_.candidate.size), rng.permutation(given_.stable.size)
        one.compare(given_)
        mixed = order if "pairs" in family else others
        other.compare(Block(candidate=given_.candidate[order], stable=given_.stable[mixed], at=given_.at))
    assert values(one) == pytest.approx(values(other), rel=1e-7)


@every_family
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), before=st.integers(0, 6), restart=st.booleans())
def test_what_is_dumped_goes_on_to_the_last_bit(family: str, seed: int, before: int, *, restart: bool) -> None:
    rng, one, other = np.random.default_rng(seed), start(family), start(family)
    for step in range(before):
        one.compare(block(family, rng, step / 3))
    if restart:
        one.restart()
    other.restore(json.loads(json.dumps(one.dump())))
    assert values(other) == values(one)
    for step in range(before, before + 3):
        given_ = block(family, rng, step / 3)
        one.compare(given_)
        other.compare(given_)
    assert other.dump() == one.dump()
    assert values(other) == values(one)


@every_family
def test_a_restart_gives_nothing_back(family: str) -> None:
    rng, test = np.random.default_rng(3), start(family)
    for step in range(60):
        test.compare(block(family, rng, step, n=60, worse=0.4))
    before = values(test)
    test.restart()
    assert values(test) == pytest.approx([min(value, 1.0) for value in before])
    assert test.compared == 0
    for step in range(60):
        test.compare(block(family, rng, step, n=60, worse=0.4))
    assert test.value(0) > 1e3
    assert test.value(2) < 1.0


EDGES = [
    Boundary(),
    Boundary(scale=1.5),
    Boundary(scale=0.0),
    Boundary(scale=0.5, shift=-0.7),
    Boundary(shift=1e-12),
    Boundary(scale=1e6, shift=1e6),
    Boundary(shift=-3.0),
    Boundary(shift=3.0),
]


@every_family
@pytest.mark.parametrize("boundary", EDGES, ids=repr)
@pytest.mark.parametrize("sizes", [(1, 1), (1, 400), (400, 1)], ids=repr)
def test_any_boundary_and_any_block_give_finite_numbers(
    family: str, boundary: Boundary, sizes: tuple[int, int]
) -> None:
    """Margins of zero and beyond everything, a stable rate of exactly 0 or 1, single values, values at the bounds."""
    if "pairs" in family:
        sizes = (max(sizes), max(sizes))
    test = FAMILIES[family]((Bet.start(boundary, worse=True), Bet.start(boundary, worse=False)))
    for candidate, stable in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] * 5 + [(1.0, 0.0)] * 20:
        test.compare(Block(candidate=np.full(sizes[0], candidate), stable=np.full(sizes[1], stable), at=1.0))
        finite(test)
    test.restart()
    finite(test)
    test.compare(Block(candidate=np.zeros(sizes[0]), stable=np.zeros(sizes[1])))
    finite(test)


HUGE_VALUES: dict[str, Start] = {
    "exceedance": FAMILIES["exceedance"],
    "capped mean": lambda bets: CappedMean.start(bets, cap=1e-6, prior=1e-7),
    "capped pairs": lambda bets: PairedCapped.start(bets, cap=1e-6),
}


@pytest.mark.parametrize("family", HUGE_VALUES)
def test_huge_values_give_finite_numbers(family: str) -> None:
    test = HUGE_VALUES[family](bets_of(family))
    for candidate, stable in [(1e308, 0.0), (0.0, 1e308), (1e308, 1e308), (5e-324, 1e308)] * 10:
        test.compare(Block(candidate=np.full(9, candidate), stable=np.full(9, stable), at=float("nan")))
        finite(test)


def extremes(family: str) -> list[tuple[float, float]]:
    """The candidate's and stable's values at their bounds; costs beyond the cap as well."""
    edge = [0.0, 1.0, 9.0] if "capped" in family else [0.0, 1.0]
    return [(candidate, stable) for candidate in edge for stable in edge]


@every_family
@pytest.mark.parametrize("boundary", EDGES[:5], ids=repr)
def test_no_two_values_take_more_than_was_staked(family: str, boundary: Boundary) -> None:
    """The largest stake is 97 % on each value: from a block of one and one at least .03 ** 2 of a bet comes back."""
    paid_out = Capitals.start(1)
    paid_out.step(np.zeros((1, 8)), 2)
    for candidate, stable in extremes(family):
        test = FAMILIES[family]((Bet.start(boundary, worse=True), Bet.start(boundary, worse=False)))
        test.compare(Block(candidate=np.array([candidate]), stable=np.array([stable])))
        dumped = test.dump()
        for kept in (dumped["body"], dumped.get("tail")) if "body" in dumped else (dumped,):
            if kept is not None:
                stakes = np.array(kept["capitals"]["stakes"])
                assert stakes.min() >= 0.1 * 0.03**2 * 0.9 + (paid_out.stakes.max() if "pairs" not in family else 0.0)


def finite(test: Comparison) -> None:
    for i in range(len(test.bets)):
        assert np.isfinite(test.value(i))
        assert test.value(i) >= 0.0
        assert np.isfinite(test.best(i))
    json.dumps(test.dump(), allow_nan=False)


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_past_without_any_or_without_other_events_gives_finite_numbers(prior: float) -> None:
    for family in (
        TwoSampleRate.start(bets_of("rate"), prior=prior),
        Exceedance.start(bets_of("rate"), threshold=0.5, rate=prior),
        TwoSampleMean.start(bets_of("rate"), higher_is_better=False, prior=prior),
    ):
        for candidate, stable in [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)] * 3:
            family.compare(Block(candidate=np.full(3, candidate), stable=np.full(3, stable)))
            finite(family)


def test_a_cap_that_moves_keeps_what_was_learned() -> None:
    rng, bets = np.random.default_rng(6), (Bet.start(Boundary(shift=0.2), worse=False),)
    moved, right = CappedMean.start(bets, cap=50.0, prior=0.5), CappedMean.start(bets, cap=2.0, prior=0.5)
    moved.move(2.0)
    for step in range(20):
        one = Block(candidate=rng.random(30), stable=rng.random(30), at=step)
        moved.compare(one)
        right.compare(one)
    assert moved.value(0) == pytest.approx(right.value(0))
    assert moved.cap == 2.0
    pairs, others = PairedCapped.start(bets, cap=50.0), PairedCapped.start(bets, cap=2.0)
    pairs.move(2.0)
    pairs.compare(one)
    others.compare(one)
    assert pairs.dump() == others.dump()


def test_a_cap_and_its_shifts_are_in_the_values_unit() -> None:
    rng = np.random.default_rng(7)
    small, large = (
        (Bet.start(Boundary(shift=0.2 * unit), worse=True), Bet.start(Boundary(shift=0.2 * unit), worse=False))
        for unit in (1, 1_000)
    )
    one, other = CappedMean.start(small, cap=2.0, prior=0.5), CappedMean.start(large, cap=2_000.0, prior=500.0)
    pair, twin = PairedCapped.start(small, cap=2.0), PairedCapped.start(large, cap=2_000.0)
    for _ in range(10):
        candidate, stable = rng.lognormal(0.0, 0.8, 30), rng.lognormal(0.0, 0.8, 30)
        for test in (one, pair):
            test.compare(Block(candidate=candidate, stable=stable))
        for test in (other, twin):
            test.compare(Block(candidate=1_000 * candidate, stable=1_000 * stable))
    assert values(one) == pytest.approx(values(other))
    assert values(pair) == pytest.approx(values(twin))


@pytest.mark.parametrize("family", ["exceedance", "capped mean", "capped pairs"])
def test_what_was_moved_is_dumped_as_moved(family: str) -> None:
    rng, one, other, never = np.random.default_rng(8), start(family), start(family), start(family)
    given_ = [block(family, rng, step) for step in range(3)]
    assert isinstance(one, Exceedance | CappedMean | PairedCapped)
    one.move(0.3)
    other.restore(json.loads(json.dumps(one.dump())))
    for test in (one, other, never):
        for each in given_:
            test.compare(each)
    assert one.dump() == other.dump()
    assert values(one) == values(other) != values(never)


def test_the_tail_of_a_capped_mean_moves_with_its_cap() -> None:
    test = CappedMean.start((Bet.start(Boundary(), worse=True),), cap=50.0, prior=0.5)
    test.move(2.0)
    for _ in range(10):
        test.compare(Block(candidate=np.full(20, 5.0), stable=np.ones(20)))
    assert test.tail.value(0) > 1e6


def test_a_burst_is_dumped_and_forgotten_with_its_comparison() -> None:
    bets = (Bet.start(Boundary(), worse=True),)
    one, other = (Exceedance.start(bets, threshold=1.0, rate=0.05) for _ in range(2))
    stall = Block(candidate=np.full(50, 9.0), stable=np.full(50, 0.5), at=10.0)
    one.compare(stall)
    other.restore(json.loads(json.dumps(one.dump())))
    before = one.value(0)
    for test in (one, other):
        test.compare(stall)
        assert test.value(0) == pytest.approx(before)
    assert one.dump() == other.dump()
    one.restart()
    one.compare(stall)
    assert one.value(0) > 1.5


def test_a_restarted_centre_keeps_its_mean_and_learns_quickly_again() -> None:
    test = TwoSampleMean.start((Bet.start(Boundary(), worse=True),), higher_is_better=True, prior=0.5)
    for _ in range(100):
        test.compare(Block(candidate=np.full(20, 0.9), stable=np.full(20, 0.8)))
    before = [*test.candidate.mean, *test.stable.mean]
    test.restart()
    assert [*test.candidate.mean, *test.stable.mean] == pytest.approx(before)
    assert test.candidate.weight == test.stable.weight == 20.0
    test.compare(Block(candidate=np.full(20, 0.1), stable=np.full(20, 0.2)))
    assert [*test.candidate.mean, *test.stable.mean] == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_threshold_that_moves_takes_the_raised_ones_along() -> None:
    test = Exceedance.start((Bet.start(Boundary(scale=2.0), worse=True),), threshold=1.0, rate=0.5, bursts=False)
    above_both, between = np.full(30, 5.0), np.full(30, 3.0)
    test.move(2.0)
    test.compare(Block(candidate=between, stable=np.ones(30)))
    assert test.value(0) < 1.0
    test.compare(Block(candidate=above_both, stable=np.ones(30)))
    assert test.value(0) > 1e3


def test_rates_lie_on_one_side_of_a_margin_when_stable_never_fails() -> None:
    """A relative margin of nothing is nothing: one failure of the candidate speaks against it, none speaks for it."""
    bets = (Bet.start(Boundary(scale=1.5), worse=True), Bet.start(Boundary(scale=1.5), worse=False))
    test = TwoSampleRate.start(bets, prior=0.02)
    for _ in range(50):
        test.compare(Block(candidate=np.zeros(20), stable=np.zeros(20)))
    assert values(test) == pytest.approx([1.0, 1.0], abs=0.6)
    for _ in range(50):
        test.compare(Block(candidate=np.ones(20), stable=np.zeros(20)))
    assert test.value(0) > 1e6
    assert test.value(1) < 0.1
