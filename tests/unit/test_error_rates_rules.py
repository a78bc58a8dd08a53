"""What the published error rates are counted and compared with: exact intervals, and the other rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.judge import mann_whitney, page, promised
from benchmarks.judge.counted import share, spread
from benchmarks.judge.intervals import clopper_pearson
from benchmarks.judge.naive import threshold
from benchmarks.judge.pool import stream_of
from benchmarks.judge.repeated_z import CRITICAL, looked_at_every
from benchmarks.judge.running import Quantile, Sums
from benchmarks.judge.scenario import Decision, Stream
from scipy import stats

from verdigris.core.analysis.columns import Source
from verdigris.core.model.metric import DEFAULT_GUARDRAILS


@pytest.mark.parametrize(("found", "runs"), [(0, 40), (1, 100), (8, 1_000), (50, 100), (100, 100)])
def test_intervals_are_those_of_clopper_and_pearson(found: int, runs: int) -> None:
    known = stats.binomtest(found, runs).proportion_ci(method="exact")
    assert clopper_pearson(found, runs) == pytest.approx((known.low, known.high), abs=1e-9)


def test_running_sums_are_those_of_all_values_so_far() -> None:
    rng = np.random.default_rng(1)
    values, own = rng.normal(size=300), rng.random(300) < 0.5
    values[rng.random(300) < 0.1] = np.nan
    sums = Sums.of(values, own)
    for place in (20, 150, 299):
        seen = values[: place + 1][own[: place + 1]]
        seen = seen[~np.isnan(seen)]
        assert sums.n[place] == seen.size
        assert sums.mean[place] == pytest.approx(seen.mean())
        assert sums.variance[place] == pytest.approx(seen.var(ddof=1))


@pytest.mark.parametrize("part", [0.5, 0.95, 0.99])
def test_running_quantiles_are_exact(part: float) -> None:
    values = np.random.default_rng(2).lognormal(size=400)
    running = Quantile(part)
    for count, value in enumerate(values.tolist(), start=1):
        assert running.add(value) == np.quantile(values[:count], part, method="inverted_cdf")


def test_the_rank_test_is_the_one_that_is_known() -> None:
    rng = np.random.default_rng(3)
    for x, y in (
        (rng.normal(0.3, 1.0, 60), rng.normal(size=80)),
        (rng.integers(0, 4, 50) / 4.0, rng.integers(0, 3, 70) / 4.0),
    ):
        known = stats.mannwhitneyu(x, y, alternative="two-sided", method="asymptotic").pvalue
        assert 2.0 * stats.norm.sf(abs(mann_whitney._deviation(x, y, 0.0))) == pytest.approx(known, rel=1e-9)


def test_the_shift_is_the_median_of_all_differences() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(0.5, 1.0, 40), rng.normal(size=45)
    assert mann_whitney._shift(x, y, 0.0) == pytest.approx(np.median(np.subtract.outer(x, y)), abs=0.01)


def test_a_metric_fails_by_a_clear_shift_to_the_worse_side_only() -> None:
    rng = np.random.default_rng(5)
    low, high = rng.normal(0.0, 1.0, 100), rng.normal(1.0, 1.0, 100)
    assert mann_whitney.fails(high, low, higher_is_better=False)
    assert not mann_whitney.fails(low, high, higher_is_better=False)
    assert mann_whitney.fails(low, high, higher_is_better=True)
    assert not mann_whitney.fails(rng.normal(size=100), rng.normal(size=100), higher_is_better=True)
    assert not mann_whitney.fails(np.array([np.nan, 1.0]), np.array([np.nan]), higher_is_better=True)


def stream(number: int = 0) -> Stream:
    return promised.QUALITY_DOWN.make(stream_of(promised.QUALITY_DOWN, 7, number))


def test_a_stream_is_the_same_whoever_draws_it() -> None:
    one, same, other = stream(), stream(), stream(1)
    assert one.columns is not None
    assert same.columns is not None
    assert other.columns is not None
    assert np.array_equal(one.columns.at, same.columns.at)
    assert not np.array_equal(one.columns.at, other.columns.at)


def test_the_threshold_rule_speaks_at_the_first_request_beyond_the_margin() -> None:
    drawn = stream(1)
    assert drawn.columns is not None
    decided = threshold(promised.QUALITY_DOWN, drawn)
    assert decided.rolled_back is not None
    first = next(
        place
        for place in range(1, decided.rolled_back + 1)
        if np.count_nonzero(drawn.columns.candidate[:place]) >= 50 and _is_beyond(drawn, place)
    )
    assert decided.rolled_back == first


def _is_beyond(drawn: Stream, place: int) -> bool:
    """Whether one of the margins of the default guardrails is passed after `place` requests, counted anew."""
    columns = drawn.columns
    assert columns is not None
    on = columns.candidate[:place]

    def figures(source: Source, what: object = np.nanmean) -> tuple[float, float]:
        values = columns.values[source][:place]
        return what(values[on]), what(values[~on])  # type: ignore[operator]

    quality, stable_quality = figures(Source.QUALITY)
    cost, stable_cost = figures(Source.COST)
    errors, stable_errors = figures(Source.ERRORS)
    refusals, stable_refusals = figures(Source.REFUSALS)
    slow, stable_slow = figures(Source.LATENCY, lambda values: np.nanquantile(values, 0.99, method="inverted_cdf"))
    return bool(
        quality < 0.9 * stable_quality
        or cost > 1.5 * stable_cost
        or errors > stable_errors + 0.01
        or refusals > stable_refusals + 0.02
        or slow > 3.0 * stable_slow
    )


def test_the_z_rule_is_the_known_test_at_each_look() -> None:
    drawn = stream()
    columns = drawn.columns
    assert columns is not None
    quality = replace(promised.QUALITY_DOWN, guardrails=DEFAULT_GUARDRAILS[:1])
    decided = looked_at_every(100)(quality, drawn)

    def z(place: int) -> float:
        values, on = columns.values[Source.QUALITY][:place], columns.candidate[:place]
        known = stats.ttest_ind(values[~on], values[on], equal_var=False, nan_policy="omit")
        return float(known.statistic)

    assert decided.rolled_back == next(place for place in range(200, 5_001, 100) if z(place) > CRITICAL)


def test_shares_and_medians_count_what_never_happened() -> None:
    found = [Decision(rolled_back=10), Decision(rolled_back=30), Decision(promoted=50)]
    assert share(found, lambda decision: decision.missed).found == 1
    middle = spread(found, lambda decision: decision.rolled_back)
    assert (middle.low, middle.middle, middle.high) == (10.0, 30.0, None)
    assert not Decision(rolled_back=10, promoted=20).missed
    assert Decision(rolled_back=30, promoted=20).missed


def test_tables_are_written_between_their_markers(tmp_path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- measured: one -->\nold\n<!-- end -->\nafter\n<!-- measured: two -->\n<!-- end -->\n")
    page.write({"one": page.table([("a", "b"), ("1", "22")])}, path)
    assert path.read_text() == (
        "before\n<!-- measured: one -->\n\n| a | b  |\n| - | -- |\n| 1 | 22 |\n\n<!-- end -->\nafter\n"
        "<!-- measured: two -->\n<!-- end -->\n"
    )
    with pytest.raises(ValueError, match="no place marked"):
        page.write({"three": ""}, path)


def test_a_part_of_the_runs_replaces_its_own_rows_alone(tmp_path) -> None:
    path = tmp_path / "page.md"
    path.write_text("<!-- measured: one -->\n<!-- end -->\n")
    page.write({"one": page.table([("what", "found"), ("a, b", ""), ("c", "2")])}, path)
    page.write({"one": page.table([("what", "found"), ("c", "1,003"), ("unknown", "4")])}, path, rows_only=True)
    assert path.read_text() == (
        "<!-- measured: one -->\n\n| what | found |\n| ---- | ----- |\n| a, b |       |\n| c    | 1,003 |\n\n<!-- end -->\n"
    )


def test_every_promise_on_the_page_is_met() -> None:
    lines = [line for line in page.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert sum("| yes |" in line for line in lines) >= 20
    assert [line for line in lines if "| NO " in line] == []
