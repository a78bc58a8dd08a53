"""What requests, scorers, pairs and decisions add up to, and that it never grows beyond its bounds."""

import math
from dataclasses import replace

import pytest

from verdigris.controller.telemetry.bounded import OTHER, Names, Spreads, Tally
from verdigris.controller.telemetry.meters import (
    MOST_MODELS,
    MOST_ROLLOUTS,
    MOST_SCORERS,
    MOST_WORDS,
    Meters,
)
from verdigris.controller.telemetry.provider import provider_of
from verdigris.core.model.command import Announce, ApplySplit, Decision, Topic
from verdigris.core.model.compared import PairKind
from verdigris.core.model.event import Approved, Judged, SplitApplied
from verdigris.core.model.meter import Family
from verdigris.core.model.rollout import Phase
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.builders import START, a_rollout, a_split, a_verdict, observation
from verdigris.testing.samples import a_compared_pair, a_reading, a_sample

ALLOWED = {
    "service", "rollout", "environment", "role", "model", "provider",
    "code_class", "type", "source", "kind", "scorer", "outcome", "reason", "action",
}  # fmt: skip


def meters(rollout=None, **more) -> Meters:
    return Meters("summarizer", rollout=lambda: rollout, stable=lambda: "blue", **more)


def family(found: Meters, name: str) -> Family:
    return next(each for each in found.families() if each.name == name)


def value(found: Meters, name: str, **labels: str) -> float:
    points = [each.value for each in family(found, name).points if labels.items() <= dict(each.labels).items()]
    return sum(points)


def test_requests_are_counted_by_side_and_class():
    found = meters(a_rollout())
    found.observe([observation(), observation(status=503), observation(status=0), observation(environment="green")])
    assert value(found, "requests") == 4
    sides = {"rollout": "r1", "service": "summarizer"}
    assert value(found, "requests", environment="blue", role="stable", code_class="2xx", **sides) == 1
    assert value(found, "requests", environment="blue", role="stable", code_class="5xx") == 1
    assert value(found, "requests", environment="blue", role="stable", code_class="none") == 1
    assert value(found, "requests", environment="green", role="candidate", code_class="2xx") == 1


def test_without_a_rollout_only_the_stable_side_has_a_role():
    for rollout in (None, a_rollout(phase=Phase.PROMOTED)):
        found = meters(rollout)
        found.observe([observation(), observation(environment="green")])
        assert value(found, "requests", rollout="", environment="blue", role="stable") == 1
        assert value(found, "requests", rollout="", environment="green", role="") == 1


def test_durations_tokens_and_money_add_up():
    found = meters()
    one = observation(
        duration=0.05, time_to_first_byte=0.02, input_tokens=100, output_tokens=20, cost=0.25, response_model="gpt-4o",
        cache_read_tokens=60, cache_write_tokens=None, reasoning_tokens=5,
    )  # fmt: skip
    found.observe([one, replace(one, duration=3.0), replace(one, cost=None), replace(one, cost=-1.0)])
    (spread,) = family(found, "request_duration_seconds").spreads
    assert dict(spread.labels)["provider"] == "openai"
    assert (spread.count, spread.sum) == (4, pytest.approx(3.15))
    bounds = family(found, "request_duration_seconds").bounds
    assert {bounds[index]: count for index, count in enumerate(spread.counts) if count} == {0.08: 3, 5.12: 1}
    assert value(found, "tokens", type="input", source="gateway", model="gpt-4o") == 400
    assert value(found, "tokens", type="output") == 80
    assert value(found, "tokens", type="cache_read") == 240
    assert value(found, "tokens", type="reasoning") == 20
    assert value(found, "tokens", type="cache_write") == 0
    assert value(found, "cost_usd", kind="serving") == pytest.approx(0.5), "a counter never falls"
    assert value(found, "cost_unknown") == 2
    found.observe([replace(one, cost=1e300), replace(one, cost=float("nan"), output_tokens=None)])
    assert value(found, "cost_usd", kind="serving") == pytest.approx(0.5), "nor grows for ever by one odd answer"
    assert value(found, "cost_unknown") == 3


def test_values_on_a_bound_belong_to_its_bucket_and_what_is_no_number_is_left_out():
    spreads = Spreads("x", "", ("a",), (1.0, 2.0))
    spreads.add(("k",), [0.5, 1.0, 1.5, 2.0, 2.5, math.nan, math.inf])
    spreads.add_one(("k",), 1.0)
    spreads.add_one(("k",), math.nan)
    (spread,) = spreads.family(()).spreads
    assert (spread.counts, spread.sum) == ((3, 2, 1), pytest.approx(8.5))


def test_refusals_are_counted_by_kind():
    found = meters()
    found.observe([observation(refusal=True, finish_reason="content_filter"), observation(refusal=True), observation()])
    assert value(found, "refusals", kind="content_filter") == 1
    assert value(found, "refusals") == 2


def test_words_of_scorers_and_what_they_cost():
    words = (
        Score(scorer="judge", version="1", value=0.75, cost=0.02),
        Score(scorer="heuristics", version="1", passed=False, label="empty"),
        ScoreFailure(scorer="judge", version="1", trouble=Trouble.TIMEOUT, reason="no word in 30 s", cost=0.01),
    )
    found = meters(a_rollout())
    found.sample(a_sample(environment="green", scores=words))
    (spread,) = family(found, "scores").spreads
    assert (dict(spread.labels)["scorer"], dict(spread.labels)["role"], spread.sum) == ("judge", "candidate", 0.75)
    assert value(found, "scorer_failures", scorer="judge", reason="timeout") == 1
    assert value(found, "cost_usd", kind="judge") == pytest.approx(0.03)
    told = list(found.evaluations)
    assert [(word.scorer, word.value, word.label, word.trouble) for word in told] == [
        ("judge", 0.75, "", ""),
        ("heuristics", None, "empty", ""),
        ("judge", None, "", "timeout"),
    ]


def test_pairs_by_what_became_of_them():
    def pair(label=None, **members):
        words = () if label is None else (Score(scorer="judge", version="1", label=label),)
        return a_compared_pair(scores=words, **members)

    failed = a_sample(environment="green", status=500)
    every = {
        "better": pair("better"),
        "worse": pair("worse"),
        "tie": pair("tie"),
        "unscored": pair(),
        "failed": pair("better", other=failed),
        "self": pair("better", kind=PairKind.SELF),
        "case": pair("better", kind=PairKind.CASE),
    }
    found = meters(a_rollout())
    for each in every.values():
        found.pair(each)
    assert {dict(point.labels)["outcome"]: point.value for point in family(found, "pairs").points} == dict.fromkeys(
        every, 1.0
    )


def test_money_beside_users_requests():
    found = meters(a_rollout())
    found.spend("shadow", 0.5, environment="green", model="gpt-4o")
    found.spend("shadow", 0.25, environment="green", model="gpt-4o")
    assert value(found, "cost_usd", kind="shadow", role="candidate", model="gpt-4o") == 0.75
    for unknown in (None, 1e300):
        found.spend("shadow", unknown, environment="green", model="gpt-4o")
    assert value(found, "cost_usd", kind="shadow", role="candidate", model="gpt-4o") == 0.75
    assert value(found, "cost_unknown", role="candidate", model="gpt-4o") == 2


def test_decisions_by_what_is_announced_and_whose_word_it_was():
    rollout = a_rollout()
    weight = Announce(topic=Topic.WEIGHT, text="weight 25 %")
    decision = Decision(rollout=rollout, commands=(ApplySplit(split=a_split(), weight=25.0), weight))
    found = meters(rollout)
    found.decide(Judged(at=START, verdict=a_verdict(), watched=1.0), decision)
    found.decide(Approved(at=START, actor="ada", step=0, evidence=""), decision)
    found.decide(SplitApplied(at=START, weight=25.0), decision)
    outcome = a_verdict().outcome.value
    assert {
        (dict(point.labels)["action"], dict(point.labels)["reason"]) for point in family(found, "decisions").points
    } == {("weight", outcome), ("weight", "person"), ("weight", "data_plane")}


# ------------------------------------------------------------------ bounds


def test_ten_thousand_names_of_everything_end_in_other():
    rollouts = [a_rollout(id=f"r{number}") for number in range(10_000)]
    now = [rollouts[0]]
    found = Meters("summarizer", rollout=lambda: now[0], stable=lambda: "blue")
    for number, rollout in enumerate(rollouts):
        now[0] = rollout
        found.observe(
            [observation(response_model=f"model-{number}", refusal=True, finish_reason=f"reason-{number}", cost=None)]
        )
        words = (
            Score(scorer=f"scorer-{number}", version="1", value=0.5, cost=0.1),
            ScoreFailure(scorer=f"scorer-{number}", version="1", trouble=Trouble.CRASHED, reason=""),
        )
        found.sample(a_sample(scores=words, reading=a_reading(model=f"model-{number}")))
        found.pair(a_compared_pair(rollout=rollout.id))
        found.spend("shadow", 0.1, environment=f"env-{number}", model=f"model-{number}")
    for each in (*found.families(), found.sizes):
        labels = [dict(point.labels) for point in (*each.points, *each.spreads)]
        assert len(labels) <= 200, each.name
        for name, most in (
            ("model", MOST_MODELS),
            ("kind", MOST_WORDS),
            ("scorer", MOST_SCORERS),
        ):
            values = {label[name] for label in labels if name in label}
            assert len(values) <= most + 2, (each.name, name)
        assert len({label["rollout"] for label in labels if "rollout" in label}) <= MOST_ROLLOUTS, each.name
    assert value(found, "requests", rollout="r9999") == 1, "the latest rollout has its own name"
    assert value(found, "cost_unknown", model=OTHER) == MOST_ROLLOUTS
    assert len(found.evaluations) <= 2_000


def test_labels_are_those_that_were_agreed_and_never_of_a_person():
    found = meters(a_rollout())
    found.observe([observation(unit=12345, refusal=True, response_model="gpt-4o")])
    found.sample(
        a_sample(
            input="SECRET", output="SECRET", scores=(Score(scorer="s", version="1", value=1.0, explanation="SECRET"),)
        )
    )
    found.pair(a_compared_pair())
    found.spend("shadow", 1.0)
    for each in (*found.families(), found.sizes):
        for point in (*each.points, *each.spreads):
            assert {name for name, _ in point.labels} <= ALLOWED, each.name
    assert "SECRET" not in repr(found.families()) + repr(found.evaluations)
    assert "12345" not in repr(found.families())


@pytest.mark.parametrize("name", ["a\nb", "\ud800", "x" * 1_000, "\x00", 'quote"back\\slash'])
def test_names_that_no_exposition_carries_are_made_harmless(name):
    shown = Names(5)[name]
    assert shown.encode()
    assert shown.isprintable()
    assert len(shown) <= 100


def test_a_counter_takes_only_what_lets_it_rise():
    tally = Tally("x", "", ("a",))
    for amount in (1.0, -5.0, math.nan, math.inf, 0.0):
        tally.add(("k",), amount)
    assert [point.value for point in tally.family(()).points] == [1.0]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "gcp.gemini"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "aws.bedrock"),
        ("us.amazon.nova-pro-v1:0", "aws.bedrock"),
        ("our-own", ""),
        (None, ""),
    ],
)
def test_whose_model_it_is(model, provider):
    assert provider_of(model) == provider
