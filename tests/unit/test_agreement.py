"""Agreement of people and a judge: worked examples, what is not defined, and intervals that hold what they promise."""

import math
from dataclasses import replace

import numpy as np
import pytest

from verdigris.core.model.calibration import Calibration
from verdigris.core.stats.agreement import Share, corrected, kappa


def test_kappa_of_a_worked_table():
    """Agreement 0.7 where chance gives 0.5: kappa 0.4. Its standard error by Fleiss, Cohen & Everitt: 0.1270."""
    value, low, high = kappa(np.array([[20.0, 5.0], [10.0, 15.0]]))
    assert value == pytest.approx(0.4)
    assert (high - low) / (2 * 1.959964) == pytest.approx(0.1270, abs=1e-4)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ([[10, 0], [0, 10]], 1.0),
        ([[0, 10], [10, 0]], -1.0),
        ([[5, 5], [5, 5]], 0.0),
        ([[4, 0, 0], [0, 4, 0], [0, 0, 4]], 1.0),
    ],
)
def test_kappa_at_its_ends(table, value):
    assert kappa(np.array(table, dtype=float))[0] == pytest.approx(value)


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[9, 0], [0, 0]]])
def test_kappa_is_not_defined_of_nothing_and_of_one_label(table):
    assert kappa(np.array(table, dtype=float)) is None


def test_wilsons_interval_of_a_worked_share():
    low, high = Share(count=8, n=10).interval
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert Share(count=0, n=0).rate is None
    assert Share(count=0, n=0).interval == (0.0, 1.0)
    assert Share(count=10, n=10).interval[1] == pytest.approx(1.0)


def test_a_seen_rate_is_corrected_for_the_judges_errors():
    """With 90 % of the good and 80 % of the bad told rightly, 55 % seen are 50 % in truth: 0.5 * 0.9 + 0.5 * 0.2."""
    told = {"sensitivity": Share(count=90, n=100), "specificity": Share(count=80, n=100)}
    rate, low, high = corrected(Share(count=550, n=1000), **told)
    assert rate == pytest.approx(0.5)
    assert low < 0.5 < high
    assert corrected(Share(count=1000, n=1000), **told)[0] == 1.0


def test_a_judge_no_better_than_chance_corrects_nothing():
    half = Share(count=50, n=100)
    assert corrected(half, sensitivity=half, specificity=half) is None
    assert corrected(half, sensitivity=half, specificity=Share(count=0, n=0)) is None


def test_intervals_hold_what_they_say():
    """Of 2,000 seeded tables with kappa 0.6 the interval holds it in about 95 %; Rogan and Gladen's likewise."""
    random = np.random.default_rng(5)
    truth, sensitivity, specificity, inside, right = 0.4, 0.85, 0.9, 0, 0
    cells = np.array(
        [truth * sensitivity, truth * (1 - sensitivity), (1 - truth) * (1 - specificity), (1 - truth) * specificity]
    )
    real = kappa(1e9 * cells.reshape(2, 2))[0]
    runs = 2_000
    for _ in range(runs):
        table = random.multinomial(300, cells).reshape(2, 2).astype(float)
        _, low, high = kappa(table)
        inside += low <= real <= high
        seen = Share(count=int(random.binomial(500, truth * sensitivity + (1 - truth) * (1 - specificity))), n=500)
        good, bad = (
            Share(count=int(table[0, 0]), n=int(table[0].sum())),
            Share(count=int(table[1, 1]), n=int(table[1].sum())),
        )
        _, low, high = corrected(seen, sensitivity=good, specificity=bad)
        right += low <= truth <= high
    slack = 4 * math.sqrt(0.95 * 0.05 / runs) + 0.01  # the formulas are of large samples
    assert abs(inside / runs - 0.95) < slack
    assert abs(right / runs - 0.95) < slack


@pytest.mark.parametrize(
    ("labels", "value", "lacks"),
    [
        (200, 0.6, ""),
        (199, 0.9, "199 labels are fewer than 200"),
        (500, 0.59, "kappa 0.59 is below 0.6"),
        (500, None, "one label only"),
    ],
)
def test_what_is_enough(labels, value, lacks):
    made = Calibration(scorer="judge", version="v", on="pairs", labels=200, kappa=0.6, at=1.0)
    made = replace(made, labels=labels, kappa=value)
    assert made.is_enough == (not lacks)
    assert lacks in made.lacks
