"""What is not there, or makes no sense, is missing: never zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

from verdigris.core.analysis.columns import Columns, Source, present
from verdigris.core.model.metric import Metric
from verdigris.core.model.observation import Observation


def observation(at: float = 1.0, environment: str = "blue", **fields: object) -> Observation:
    return Observation(**{"at": at, "environment": environment, "status": 200, "duration": 0.1, **fields})


def read(*rows: Observation) -> Columns:
    return Columns.of(rows, stable="blue", candidate="green")


def test_other_environments_and_times_that_are_none_are_left_out() -> None:
    columns = read(observation(), observation(environment="red"), observation(at=math.nan), observation(at=math.inf))
    assert len(columns) == 1
    assert len(read()) == 0


def test_time_order() -> None:
    columns = read(observation(3.0, "green"), observation(1.0), observation(2.0, quality=0.5))
    assert columns.at.tolist() == [1.0, 2.0, 3.0]
    assert columns.candidate.tolist() == [False, False, True]
    assert columns.values[Source.QUALITY][1] == 0.5


@pytest.mark.parametrize("status", [500, 503, 0])
def test_a_failed_request_is_an_error_and_nothing_else(status: int) -> None:
    columns = read(observation(status=status, quality=0.9, cost=0.1, refusal=True, time_to_first_byte=0.1))
    assert columns.values[Source.ERRORS].tolist() == [1.0]
    for source in set(Source) - {Source.ERRORS}:
        assert present(columns.column(source)).size == 0
        assert source not in columns.invalid


def test_a_clients_own_mistake_is_no_error() -> None:
    assert read(observation(status=404)).values[Source.ERRORS].tolist() == [0.0]


@pytest.mark.parametrize(
    ("source", "field", "wrong"),
    [
        (Source.QUALITY, "quality", [math.nan, math.inf, -0.1, 1.1]),
        (Source.COST, "cost", [math.nan, math.inf, -1.0]),
        (Source.LATENCY, "duration", [math.nan, math.inf, -1.0]),
        (Source.TTFB, "time_to_first_byte", [math.nan, -math.inf]),
    ],
)
def test_impossible_values_are_counted_and_not_used(source: Source, field: str, wrong: list[float]) -> None:
    columns = read(*(observation(float(i), **{field: value}) for i, value in enumerate([*wrong, 0.5])))
    assert columns.invalid[source].tolist() == [True] * len(wrong) + [False]
    assert present(columns.column(source)).tolist() == [0.5]


def test_unknown_is_missing_and_not_invalid() -> None:
    columns = read(observation(quality=None, cost=None, refusal=None))
    for source in (Source.QUALITY, Source.COST, Source.REFUSALS):
        assert np.isnan(columns.values[source]).all()
        assert source not in columns.invalid


def test_chunks_never_part_one_moment() -> None:
    columns = read(*(observation(at) for at in (1.0, 1.0, 2.0, 2.0, 2.0, 3.0)))
    assert [chunk.at.tolist() for chunk in columns.chunks(3)] == [[1.0, 1.0, 2.0, 2.0, 2.0], [3.0]]


def test_every_metric_has_its_source() -> None:
    assert {Source.of(metric) for metric in Metric} == set(Source) - {Source.LENGTH}
