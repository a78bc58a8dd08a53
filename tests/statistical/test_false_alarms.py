"""What the judge promises about candidates that are fine, and about those that are exactly at the margin.

Each test counts how often the promise was broken in seeded simulations. Where the true rate is far below the promised
one, the count must prove so at the 95 % level of a binomial test; at the very edge, where the two may meet, it must not
speak against it at the 99 % level.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from support.streams import Behaviour, baseline, feed, ledger, observations, of_users
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.ratio import RATIO_THRESHOLD
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.confidence import mean_interval, quantile_ranks, rate_interval
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.sample_ratio import LOG_ODDS, ratio_factors

pytestmark = pytest.mark.statistical
RUNS = 150


def proves_less(broken: int, runs: int, promised: float) -> bool:
    """Whether so few broken promises would be rare (5 %) if the true rate were the promised one or more."""
    return float(binom.cdf(broken, runs, promised)) < 0.05


def speaks_against(broken: int, runs: int, promised: float) -> bool:
    """Whether so many broken promises would be rare (1 %) if the promised rate were the true one."""
    return float(binom.sf(broken - 1, runs, promised)) < 0.01


def test_the_bounds_can_fail() -> None:
    assert speaks_against(16, RUNS, 0.05)
    assert not speaks_against(10, RUNS, 0.05)
    assert proves_less(2, RUNS, 0.05)
    assert not proves_less(8, RUNS, 0.05)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_false_rollback_over_five_metrics(share: float) -> None:
    """No difference at all, five metrics, 4,000 requests, looked at after every batch."""
    rng = np.random.default_rng(20)
    known, rolled_back = baseline(rng), 0
    for _ in range(RUNS):
        book = ledger(baseline=known)
        feed(book, rng, 4_000, batch=100, share=share)
        rolled_back += book.failure is not None
    assert proves_less(rolled_back, RUNS, 0.05), f"{rolled_back} of {RUNS} healthy rollouts rolled back"


def test_false_rollback_while_both_sides_drift_during_a_ramp() -> None:
    """Quality falls and latency and errors rise on both sides alike, while the share goes from 5 to 25 to 50 %."""
    rng, rolled_back = np.random.default_rng(21), 0
    known = baseline(rng)
    for _ in range(RUNS):
        book = ledger(baseline=known)
        for step in range(30):
            worse = Behaviour(quality=0.9 - 0.006 * step, latency=0.1 + 0.01 * step, errors=0.001 * step)
            share = (0.05, 0.25, 0.5)[step // 10]
            book.fold(observations(rng, 100, share=share, start=step / 4, stable=worse, candidate=worse))
        rolled_back += book.failure is not None
    assert proves_less(rolled_back, RUNS, 0.05), f"{rolled_back} of {RUNS} healthy rollouts rolled back"


@pytest.mark.parametrize(("sticky", "sound"), [(True, True), (False, False)])
def test_heavy_users_pinned_to_a_side(*, sticky: bool, sound: bool) -> None:
    """First observation per user: sound. Every request: a few heavy users decide, and the test shows it would fail."""
    rng, rolled_back, runs = np.random.default_rng(22), 0, 100
    quality = DEFAULT_GUARDRAILS[:1]
    for _ in range(runs):
        book = ledger(guardrails=quality, sticky=sticky)
        rows = of_users(observations(rng, 3_000), rng, 300)
        for start in range(0, 3_000, 100):
            book.fold(rows[start : start + 100])
        rolled_back += book.failure is not None
    assert proves_less(rolled_back, runs, 0.05) is sound, f"{rolled_back} of {runs} healthy rollouts rolled back"


QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), tolerance=Margin(relative=0.1))
ERRORS = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01), tolerance=Margin(absolute=0.01))
COST = Guardrail(metric=Metric.COST, margin=Margin(relative=0.5), tolerance=Margin(relative=0.5))
LATENCY = Guardrail(metric=Metric.LATENCY_P95, margin=Margin(relative=0.5), tolerance=Margin(relative=0.5))
AT_THE_MARGIN = {
    Metric.QUALITY: Behaviour(),
    Metric.ERROR_RATE: Behaviour(errors=0.013),
    Metric.COST: Behaviour(cost=0.015),
    Metric.LATENCY_P95: Behaviour(latency=0.225),
}


def fold_at_the_margin(book: Ledger, metric: Metric, rng: np.random.Generator) -> None:
    rows = observations(rng, 150, candidate=AT_THE_MARGIN[metric])
    if metric is Metric.QUALITY:  # exactly nine tenths of what stable would have given
        rows = [
            replace(row, quality=0.9 * row.quality) if row.environment == "green" and row.quality else row
            for row in rows
        ]
    book.fold(rows)


@pytest.mark.parametrize("guardrail", [QUALITY, ERRORS, COST, LATENCY], ids=lambda guardrail: guardrail.metric)
def test_false_promotion_and_rollback_exactly_at_the_margin(guardrail: Guardrail) -> None:
    """With the tolerance at the margin, neither may be proven more often than promised: both are at the edge."""
    rng, promoted, rolled_back = np.random.default_rng(23), 0, 0
    known = baseline(rng)
    for _ in range(RUNS):
        book = ledger(guardrails=(guardrail,), baseline=known)
        for _ in range(20):
            fold_at_the_margin(book, guardrail.metric, rng)
        promoted += book.tracks[0].safe
        rolled_back += book.failure is not None
    assert not speaks_against(promoted, RUNS, 0.05), f"{promoted} of {RUNS} promoted at the margin"
    assert not speaks_against(rolled_back, RUNS, 0.05), f"{rolled_back} of {RUNS} rolled back at the tolerance"


def test_a_harmful_candidate_is_not_promoted() -> None:
    """All five metrics; quality is down by a tenth: PASS would need a proof of the contrary."""
    rng, known = np.random.default_rng(24), baseline(np.random.default_rng(24))
    for _ in range(20):
        book = ledger(baseline=known)
        feed(book, rng, 3_000, batch=100, candidate=Behaviour(quality=0.76))
        assert book.failure is not None
        assert not book.tracks[0].safe


def test_sample_ratio_alarms_by_chance() -> None:
    rng, alarms, runs = np.random.default_rng(25), 0, 1_000
    for _ in range(runs):
        capital = Capital.start(LOG_ODDS.size, pace=2_000.0)
        for candidates in rng.binomial(100, 0.3, 40).tolist():
            capital.step(ratio_factors(candidates, 100 - candidates, 0.3), 100)
        alarms += capital.peak >= RATIO_THRESHOLD
    assert alarms <= binom.ppf(0.999, runs, 0.001)


def test_intervals_hold_the_truth_at_every_look() -> None:
    rng, missed = np.random.default_rng(26), {"rate": 0, "quantile": 0, "mean": 0}
    for _ in range(RUNS):
        values = np.exp(rng.normal(0.0, 0.6, 2_000))
        outside = dict.fromkeys(missed, False)
        for n in range(50, 2_001, 50):
            seen = values[:n]
            low, high = rate_interval(n, float((seen > 1.0).sum()))
            outside["rate"] |= not low <= 0.5 <= high
            first, last = quantile_ranks(n, 0.5)
            outside["quantile"] |= not first <= int((seen <= 1.0).sum()) < last
            about = mean_interval(Moments.of(seen))
            assert about is not None
            outside["mean"] |= not about[0] <= np.exp(0.18) <= about[1]
        for name, out in outside.items():
            missed[name] += out
    assert all(proves_less(count, RUNS, 0.05) for count in missed.values()), missed
