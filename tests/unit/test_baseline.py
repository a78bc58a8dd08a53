"""The baseline: what stable usually does, bounded and in favour of the recent past."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.streams import Behaviour, baseline, observations
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import Metric


def test_it_chooses_thresholds_caps_and_means() -> None:
    known = baseline(np.random.default_rng(1), n=10_000)
    latency, cost, quality = known.scale(Metric.LATENCY_P99), known.scale(Metric.COST), known.scale(Metric.QUALITY)
    assert latency is not None
    assert latency.threshold == pytest.approx(0.15 * np.exp(0.35 * 2.326), rel=0.1)
    assert latency.prior == pytest.approx(0.01, rel=0.2)
    assert cost is not None
    assert cost.threshold == pytest.approx(0.01 * np.exp(0.6 * 2.576), rel=0.15)
    assert cost.prior == pytest.approx(0.01 * np.exp(0.18), rel=0.1)
    assert quality is not None
    assert quality.prior == pytest.approx(0.84, abs=0.01)
    assert known.reports(Metric.QUALITY)


def test_an_empty_one_knows_only_what_needs_no_past() -> None:
    known = Baseline()
    assert known.scale(Metric.LATENCY_P50) is None
    assert known.scale(Metric.COST) is None
    assert known.scale(Metric.ERROR_RATE) is not None
    assert not known.reports(Metric.QUALITY)


def test_only_stable_counts() -> None:
    known = Baseline()
    known.fold(observations(np.random.default_rng(1), 1_000, share=1.0), stable="blue")
    assert known.encode() == Baseline().encode()


def test_the_recent_past_outweighs_the_old() -> None:
    rng = np.random.default_rng(1)
    known = baseline(rng, n=40_000)
    known.fold(observations(rng, 40_000, share=0.0, stable=Behaviour(latency=1.5)), stable="blue")
    scale = known.scale(Metric.LATENCY_P50)
    assert scale is not None
    assert scale.threshold == pytest.approx(1.5, rel=0.5)
    assert max(sketch.n for sketch in known.sketches.values()) <= 40_000


@settings(deadline=None)
@given(st.integers(0, 300))
def test_it_comes_back_as_it_was(n: int) -> None:
    known = baseline(np.random.default_rng(n), n=n)
    assert Baseline.decode(known.encode()).encode() == known.encode()


@pytest.mark.parametrize("data", [b"", b"{}", b'{"schema":1}'])
def test_a_damaged_one_is_unreadable(data: bytes) -> None:
    with pytest.raises(StoreUnreadable):
        Baseline.decode(data)


def test_a_newer_one_is_refused() -> None:
    with pytest.raises(StoreTooNew):
        Baseline.decode(b'{"schema":2}')


def test_a_service_without_cost_can_be_judged() -> None:
    known = baseline(np.random.default_rng(1), n=1_000, stable=Behaviour(cost=0.0))
    scale = known.scale(Metric.COST)
    assert scale is not None
    assert scale.threshold == pytest.approx(1e-6)
