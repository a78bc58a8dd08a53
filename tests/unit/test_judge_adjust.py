"""Taking out what the request explains: sooner where it explains much, exact where it explains nothing."""

from __future__ import annotations

import numpy as np
import pytest

from verdigris.core.analysis import Analysis, Covariate, Guardrail, Margin, Metric, Observation, Outcome

MARGIN = Margin(relative=0.03)


def request(rng: np.random.Generator, at: float, *, worse: float, slope: float) -> Observation:
    """Long prompts are answered worse; the rest is noise of the same size."""
    size = float(rng.normal(0.0, 1.0))
    candidate = bool(rng.random() < 0.5)
    quality = 0.7 - slope * size + float(rng.normal(0.0, 0.1)) - (worse if candidate else 0.0)
    return Observation(
        at=at,
        environment="candidate" if candidate else "stable",
        status=200,
        duration=0.2,
        quality=min(max(quality, 0.0), 1.0),
        request_bytes=int(np.exp(6.0 + 0.5 * size)),
    )


def until_decided(seed: int, *, adjust: bool, worse: float = 0.0, slope: float = 0.14) -> tuple[Outcome, int]:
    rng = np.random.default_rng(seed)
    covariate = Covariate.REQUEST_BYTES if adjust else None
    analysis = Analysis([Guardrail(metric=Metric.QUALITY, margin=MARGIN, adjust=covariate)])
    for n in range(0, 6_000, 20):
        analysis.observe_all(request(rng, (n + i) / 50, worse=worse, slope=slope) for i in range(20))
        if analysis.outcome in (Outcome.PASS, Outcome.FAIL):
            return analysis.outcome, n + 20
    return analysis.outcome, 6_000


@pytest.mark.statistical
def test_what_the_prompt_explains_is_not_noise() -> None:
    """Two thirds of the variance is the prompt's: a safe candidate is proven with much fewer requests."""
    with_it = [until_decided(seed, adjust=True) for seed in range(15)]
    without = [until_decided(seed, adjust=False) for seed in range(15)]
    assert Outcome.FAIL not in {outcome for outcome, _ in with_it + without}
    assert np.median([n for _, n in with_it]) < 0.75 * np.median([n for _, n in without])


@pytest.mark.statistical
def test_a_candidate_at_the_margin_is_promoted_no_more_often() -> None:
    promoted = sum(until_decided(seed, adjust=True, worse=0.021)[0] is Outcome.PASS for seed in range(40))
    assert promoted <= 5  # more would be rare (1 %) if one in twenty were


@pytest.mark.statistical
def test_prompts_that_explain_nothing_cost_little() -> None:
    with_it = np.median([until_decided(seed, adjust=True, slope=0.0)[1] for seed in range(11)])
    without = np.median([until_decided(seed, adjust=False, slope=0.0)[1] for seed in range(11)])
    assert with_it < 1.6 * without


def test_requests_all_of_one_size_are_compared_as_they_are() -> None:
    covariate = Covariate.REQUEST_BYTES
    analysis = Analysis([Guardrail(metric=Metric.QUALITY, margin=MARGIN, adjust=covariate)])
    rng = np.random.default_rng(1)
    analysis.observe_all(request(rng, n / 50, worse=0.3, slope=0.0) for n in range(1_000))
    assert analysis.outcome is Outcome.FAIL
