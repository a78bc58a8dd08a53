"""Quality and defects that scorers measure on a tenth of the requests keep the promises, however late their words come.

Bounds are binomial. The scorers of the two sides need different times, and take longer for good answers than for bad ones.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from support.sampled import Ended, Rollout, Side, run

pytestmark = pytest.mark.statistical
BOUND = 0.05


def speaks_against(count: int, runs: int) -> bool:
    """Whether so many would be rare (1 %) if the true rate were the bound or less."""
    return float(binom.sf(count - 1, runs, BOUND)) < 0.01


def ended(rollout: Rollout, runs: int) -> list[Ended]:
    return [run(rollout, np.random.default_rng([3, number])) for number in range(runs)]


ALIKE = {
    "50/50": Rollout(seconds=300.0),
    "10 % candidate": Rollout(share=0.1, seconds=300.0),
    "scored later": Rollout(candidate=Side(scoring=10.0), seconds=300.0),
    "good answers take longer": Rollout(stable=Side(drag=10.0), candidate=Side(drag=50.0, scoring=10.0), seconds=300.0),
    "both drift": Rollout(
        stable=Side(quality=0.7), candidate=Side(quality=0.7, scoring=10.0), drift=0.15, seconds=300.0
    ),
    "few defects": Rollout(stable=Side(defects=0.001), candidate=Side(defects=0.001), seconds=300.0),
}
AT_THE_MARGIN = {
    "quality": Rollout(candidate=Side(quality=0.72), seconds=300.0),
    "bad answers scored late": Rollout(candidate=Side(quality=0.72, scoring=20.0, drag=-18.0), seconds=300.0),
    "defects": Rollout(candidate=Side(defects=0.03), seconds=300.0),
}


@pytest.mark.parametrize("name", ALIKE)
def test_nothing_speaks_against_the_bound_of_false_rollbacks(name: str) -> None:
    found = sum(each.rolled_back is not None for each in ended(ALIKE[name], 12))
    assert not speaks_against(found, 12), f"{found} of 12 healthy rollouts rolled back"


@pytest.mark.parametrize("name", AT_THE_MARGIN)
def test_nor_of_false_promotions(name: str) -> None:
    found = ended(AT_THE_MARGIN[name], 12)
    missed = sum(
        each.promoted is not None and (each.rolled_back is None or each.promoted < each.rolled_back) for each in found
    )
    assert not speaks_against(missed, 12), f"{missed} of 12 harmful candidates promoted"


def test_defects_are_found_within_some_hundred_samples() -> None:
    worse = Rollout(stable=Side(defects=0.001), candidate=Side(defects=0.05))
    found = ended(worse, 11)
    assert float(np.median([each.samples if each.rolled_back is not None else np.inf for each in found])) <= 700


def test_an_equal_candidate_is_promoted() -> None:
    equal = Rollout(stable=Side(defects=0.001), candidate=Side(defects=0.001))
    found = [run(equal, np.random.default_rng([4, number]), to_the_end=False) for number in range(11)]
    assert sum(each.promoted is not None for each in found) >= 8
