"""What the whole stack adds to the gateway: who is where while weights rise, and what explain says of what was sent."""

import http.client
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean

import pytest

from support.load import Answer, Load
from support.processes import PATIENCE, wait_until
from support.up import Stage, Up
from verdigris.wire import FindingView

pytestmark = pytest.mark.real

BY_HAND = """\
gateway:
  sticky: { header: x-user-id }
strategy:
  steps:
    - { weight: 10%, hold: 10m }
    - { weight: 30%, hold: 10m }
    - { weight: 60%, hold: 10m }
    - { weight: 100% }
  bake: 10m
"""
HALF = """\
strategy:
  steps:
    - { weight: 50%, hold: 10m }
    - { weight: 100% }
guardrails:
  quality: { max_drop: 20% }
  cost: { max_increase: 1000% }
  error_rate: { max_increase: 60% }
  latency_p99: off
  refusal_rate: off
"""
STRIP = """\
telemetry:
  fields: { strip: true }
"""
USERS = 300


# ---------------------------------------------------------------------- who is where


def with_the_candidate(up: Up) -> set[int]:
    """Which of all users are served by green now."""
    connection = http.client.HTTPConnection("127.0.0.1", up.gateway, timeout=PATIENCE)
    found = set()
    for user in range(USERS):
        connection.request("GET", "/health", headers={"x-user-id": f"user-{user}"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
        if reply.headers["x-deploy-env"] == "green":
            found.add(user)
    connection.close()
    return found


def test_as_weights_rise_users_only_come_never_go(stage: Stage) -> None:
    up = stage.up(BY_HAND).start()
    up.client.start_rollout()
    met = [with_the_candidate(up)]
    for weight in (30.0, 60.0, 100.0):
        assert up.client.advance().weight.desired == weight
        assert with_the_candidate(up) == with_the_candidate(up)
        met.append(with_the_candidate(up))
    assert [before <= after for before, after in pairwise(met)] == [True] * 3
    assert met[-1] == set(range(USERS))
    for users, weight in zip(met, (0.1, 0.3, 0.6), strict=False):
        assert abs(len(users) / USERS - weight) < 0.15  # more than five standard deviations of a fair draw
    up.client.rollback()
    assert with_the_candidate(up) == set()
    up.client.start_rollout()
    assert with_the_candidate(up) not in met  # other users are first this time


# ---------------------------------------------------------------------- what explain says


def findings(up: Up, answers: int) -> dict[str, FindingView]:
    """By metric, once every answer has been counted."""

    def counted() -> bool:
        samples = up.rollout().samples
        return samples is not None and samples.stable + samples.candidate == answers

    wait_until(counted, f"all {answers} requests to be in the evidence")
    return {finding.metric: finding for finding in up.client.explain().findings}


def reported(answer: Answer) -> Iterator[dict[str, float]]:
    """The members beside the answer itself, wherever it holds them."""
    lines = answer.body.split(b"\n\n") if answer.body.startswith(b"data:") else [answer.body]
    for line in lines:
        text = line.removeprefix(b"data: ").strip()
        if text and text != b"[DONE]" and b"_cost" in text:
            yield json.loads(text)


def test_explain_says_what_the_apps_sent(stage: Stage) -> None:
    stage.simulate("green", error_rate=0.2, quality_mean=0.75, refusal_rate=0.1)
    up = stage.up(HALF).start()
    up.client.start_rollout()
    with Load(up.gateway, rate=150) as load:
        load.wait_for(600)
    found = findings(up, len(load.answers))
    sent: dict[tuple[str, str], list[float]] = defaultdict(list)
    for answer in load.answers:
        for members in reported(answer):
            sent[answer.side, "cost"].append(members["_cost"])
            if "_qualityScore" in members:
                sent[answer.side, "quality"].append(members["_qualityScore"])
    errors = Counter(answer.side for answer in load.failed)
    sides = load.sides()
    assert errors["green"] > 20
    for side, role in (("blue", "stable"), ("green", "candidate")):
        for metric in ("quality", "cost"):
            estimate = getattr(found[metric], role)
            assert (metric, side, estimate.n) == (metric, side, len(sent[side, metric]))
            assert estimate.value == pytest.approx(fmean(sent[side, metric]), rel=1e-6)
        rate = getattr(found["error_rate"], role)
        assert (rate.n, rate.value) == (sides[side], pytest.approx(errors[side] / sides[side]))
    telemetry = up.status().telemetry
    assert (telemetry.received, telemetry.lost, telemetry.late) == (len(load.answers), 0, 0)


def test_stripped_members_reach_no_client_and_are_judged_all_the_same(stage: Stage) -> None:
    stage.simulate("blue", quality_mean=0.8, quality_spread=0.0)
    stage.simulate("green", quality_mean=0.4, quality_spread=0.0)
    up = stage.up(HALF + STRIP).start()
    up.client.start_rollout()
    with Load(up.gateway, rate=150) as load:
        rollout = up.wait_phase("rolled_back")
    assert not load.failed
    assert {answer.path for answer in load.answers} == {"/api/process", "/v1/chat/completions"}
    assert any(answer.body.startswith(b"data:") for answer in load.answers)
    assert not [answer for answer in load.answers if b"_cost" in answer.body or b"_qualityScore" in answer.body]
    assert "quality" in rollout.reason
    quality = next(finding for finding in up.client.explain().findings if finding.metric == "quality")
    assert quality.stable.value == pytest.approx(0.8)
    assert quality.candidate.value == pytest.approx(0.4)
