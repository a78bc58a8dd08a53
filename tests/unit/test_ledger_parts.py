"""A ledger hands each of its parts what that part is to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.streams import baseline, ledger, observations
from verdigris.core.analysis.columns import Source
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1))
ERRORS = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))


def answered(at: float, *, status: int = 200, **more) -> Observation:
    return Observation(at=at, environment="green", status=status, **{"duration": 0.1, **more})


def test_how_long_stable_usually_takes_is_known_from_the_past() -> None:
    past = baseline(np.random.default_rng(1), n=0)
    past.fold(
        [Observation(at=float(i), environment="blue", status=200, duration=2.0) for i in range(100)], stable="blue"
    )
    waits = [ledger(guardrails=(QUALITY,), lag=30.0, baseline=known).live.answers for known in (past, None)]
    assert all(each is not None for each in waits)
    assert [each.waiting.lag for each in waits if each] == [pytest.approx(3 * 2.0, rel=0.011), 30.0]


def test_what_only_samples_say_is_not_missed_in_requests() -> None:
    past = baseline(np.random.default_rng(2))
    assert ledger(guardrails=(QUALITY, ERRORS), baseline=past).reported == {Metric.QUALITY, Metric.ERROR_RATE}
    assert ledger(guardrails=(QUALITY, ERRORS), baseline=past, scored=(Metric.QUALITY,)).reported == {Metric.ERROR_RATE}


def test_all_requests_can_fail_and_only_those_that_did_not_have_a_quality() -> None:
    book = ledger(guardrails=(QUALITY, ERRORS))
    book.fold([answered(1.0, quality=0.5), answered(2.0, status=503), answered(3.0, quality=0.75)])
    errors, quality = (
        book.series[source].tallies[Role.CANDIDATE].moments for source in (Source.ERRORS, Source.QUALITY)
    )
    assert (errors.n, errors.mean) == (3, pytest.approx(1 / 3))
    assert (quality.n, quality.mean) == (2, 0.625)
    missing = [book.series[source].tallies[Role.CANDIDATE].missing for source in (Source.ERRORS, Source.QUALITY)]
    assert missing == [0, 0]


def test_what_a_guardrail_adjusts_for_is_read() -> None:
    rows = [answered(1.0, quality=0.5, request_bytes=40)]
    adjusted = ledger(guardrails=(replace(QUALITY, adjust=Covariate.REQUEST_BYTES), ERRORS)).columns(rows)
    assert {name: values.tolist() for name, values in adjusted.covariates.items()} == {Covariate.REQUEST_BYTES: [40.0]}
    assert not ledger(guardrails=(QUALITY, ERRORS)).columns(rows).covariates


def test_a_failure_is_of_the_latest_request_that_was_settled_with_it() -> None:
    rng, book = np.random.default_rng(3), ledger(guardrails=(QUALITY,))
    rows = [
        replace(row, quality=0.1 if row.environment == "green" else 0.9, status=200) for row in observations(rng, 1_000)
    ]
    book.fold(rows)
    assert book.failure is not None
    assert book.failure.at == rows[-1].at == 2.5
    assert book.failure.evidence == book.evidence >= 20.0
