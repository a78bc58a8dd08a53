"""What the simulation draws has the properties it is said to have."""

import json
import math
import random
import statistics
from dataclasses import replace

import pytest

from verdigris.demo.answers import REFUSAL, Answer
from verdigris.demo.behaviour import PRESETS, Behaviour, Fate

N = 20_000


def draws(behaviour: Behaviour, *, seed: int = 7, n: int = N) -> list[Fate]:
    generator = random.Random(seed)
    return [behaviour.draw(generator) for _ in range(n)]


def standard_error(spread: float) -> float:
    return spread / math.sqrt(N)


def test_quality_has_the_mean_and_spread_asked_for() -> None:
    behaviour = Behaviour(quality_mean=0.7, quality_spread=0.1)
    scores = [fate.quality for fate in draws(behaviour)]
    assert all(0 <= score <= 1 for score in scores)
    assert statistics.fmean(scores) == pytest.approx(0.7, abs=4 * standard_error(0.1))
    assert statistics.stdev(scores) == pytest.approx(0.1, rel=0.05)


def test_cost_has_the_mean_asked_for_and_latency_the_median() -> None:
    behaviour = Behaviour(cost_mean=0.01, cost_sigma=0.5, latency_median=0.08, latency_sigma=0.4, ttfb_share=0.25)
    fates = draws(behaviour)
    assert statistics.fmean(fate.cost for fate in fates) == pytest.approx(0.01, rel=0.03)
    assert statistics.median(fate.latency for fate in fates) == pytest.approx(0.08, rel=0.03)
    assert all(fate.ttfb == pytest.approx(fate.latency * 0.25) for fate in fates)


@pytest.mark.parametrize("rate", [0.0, 0.02, 1.0])
def test_rates_are_the_shares_asked_for(rate: float) -> None:
    bound = 4 * standard_error(math.sqrt(rate * (1 - rate)))
    refused = sum(fate.refused for fate in draws(Behaviour(refusal_rate=rate)))
    failed = sum(fate.failed for fate in draws(Behaviour(error_rate=rate)))
    assert refused / N == pytest.approx(rate, abs=bound)
    assert failed / N == pytest.approx(rate, abs=bound)


def test_a_failed_request_is_not_also_a_refusal() -> None:
    assert not any(fate.refused for fate in draws(Behaviour(refusal_rate=1.0, error_rate=1.0), n=50))


def test_the_same_seed_gives_the_same_fates_and_another_seed_others() -> None:
    assert draws(Behaviour(), seed=1, n=100) == draws(Behaviour(), seed=1, n=100)
    assert draws(Behaviour(), seed=1, n=100) != draws(Behaviour(), seed=2, n=100)


def test_no_spread_means_always_the_mean() -> None:
    assert {fate.quality for fate in draws(Behaviour(quality_mean=1.0, quality_spread=0.0), n=20)} == {1.0}


def test_worse_differs_from_stable_in_quality_alone_and_by_12_to_15_percent() -> None:
    stable, worse = PRESETS["stable"], PRESETS["worse"]
    assert replace(worse, quality_mean=stable.quality_mean) == stable
    assert 0.12 <= 1 - worse.quality_mean / stable.quality_mean <= 0.15


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_answers_everything_with_200(name: str) -> None:
    assert PRESETS[name].error_rate == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quality_mean": 1.2}, "quality_mean must lie in 0..1"),
        ({"quality_mean": 0.5, "quality_spread": 0.6}, "cannot spread"),
        ({"latency_median": -1}, "latency_median must be 0 or more"),
        ({"cost_mean": math.inf}, "cost_mean must be 0 or more"),
        ({"output_tokens": 0}, "output_tokens must lie in 1..10000"),
        ({"error_rate": "high"}, "error_rate must be a number"),
        ({"error_rate": True}, "error_rate must be a number"),
        ({"qualty_mean": 0.5}, "no property 'qualty_mean'; there are: quality_mean"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Behaviour().changed(changes)


def answer(**changes: object) -> Answer:
    fate = Fate(latency=0.0, ttfb=0.0, failed=False, refused=False, quality=0.8, cost=0.002, output_tokens=48, seed=3)
    return Answer(fate=replace(fate, **changes), number=1, created=1, model="m", prompt_tokens=5)


def test_a_refusal_is_not_graded_and_still_costs() -> None:
    body = json.loads(answer(refused=True).process())
    assert body == {"output": REFUSAL, "_cost": 0.002}


def test_a_streams_pieces_add_up_to_the_whole_text() -> None:
    made = answer()
    events = [json.loads(event[6:]) for event in made.chunks(include_usage=False) if b"[DONE]" not in event]
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert text == made.text == json.loads(made.completion())["choices"][0]["message"]["content"]


def test_only_the_usage_chunk_reports_cost_and_quality() -> None:
    without = b"".join(answer().chunks(include_usage=False))
    assert b"_cost" not in without
    assert b"usage" not in without
    *others, usage, done = answer().chunks(include_usage=True)
    assert done == b"data: [DONE]\n\n"
    assert not any(b"_cost" in event for event in others)
    assert json.loads(usage[6:]) | {"choices": [], "_cost": 0.002, "_qualityScore": 0.8} == json.loads(usage[6:])


def test_worse_answers_read_worse() -> None:
    good, bad = answer(quality=1.0, output_tokens=2000), answer(quality=0.0, output_tokens=2000)
    assert "quarter" in good.text
    assert "quarter" not in bad.text


def test_answers_without_substance_read_worse_and_report_the_same() -> None:
    good, empty = answer(quality=1.0, output_tokens=2000), answer(quality=1.0, substance=0.0, output_tokens=2000)
    assert "quarter" in good.text
    assert "quarter" not in empty.text
    assert good.reported == empty.reported
