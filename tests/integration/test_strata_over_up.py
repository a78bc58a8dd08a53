"""Kinds of requests from verdigris.yaml to what explain shows: `verdigris up`, real requests, the real command line."""

from collections import Counter

import pytest

from support.load import Answer, Load
from support.processes import wait_until
from support.up import Stage, cli

pytestmark = pytest.mark.real

TOLD_APART = """\
strata:
  - { header: x-tier, values: [free, pro] }
  - { route: [/api/process, /v1] }
strategy:
  steps:
    - { weight: 50%, hold: 10m }
    - { weight: 100% }
guardrails:
  quality: { max_drop: 20% }
  cost: { max_increase: 60% }
  error_rate: { max_increase: 60% }
  latency_p99: off
  refusal_rate: off
"""
TIERS = ("free", "pro", "gold")


def tier(user: int) -> str:
    return TIERS[user % len(TIERS)]


def stratum(answer: Answer) -> str:
    """What the gateway should make of the request behind this answer."""
    kind = tier(answer.user)
    route = "/v1" if answer.path.startswith("/v1/") else answer.path
    return f"{'other' if kind == 'gold' else kind}/{route}"


def test_explain_shows_every_metric_in_every_kind(stage: Stage) -> None:
    up = stage.up(TOLD_APART).start()
    up.client.start_rollout()
    with Load(up.gateway, rate=150, headers=lambda user: {"x-tier": tier(user)}) as load:
        load.wait_for(600)

    def counted() -> bool:
        samples = up.rollout().samples
        return samples is not None and samples.stable + samples.candidate == len(load.answers)

    wait_until(counted, "all requests to be in the evidence")
    sent = Counter((stratum(answer), answer.side) for answer in load.answers)
    assert {kind for kind, _ in sent} == {f"{a}/{b}" for a in ("free", "pro", "other") for b in ("/api/process", "/v1")}
    explained = up.client.explain()
    assert explained.overlap == pytest.approx(1.0)
    rates = [row for row in explained.slices if row.metric == "error_rate"]
    assert {(row.stratum, "blue"): row.stable.n for row in rates} | {
        (row.stratum, "green"): row.candidate.n for row in rates
    } == dict(sent)
    assert {row.metric for row in explained.slices} == {"quality", "cost", "error_rate"}
    printed = cli(up, "rollout", "explain").out
    for kind, _ in sent:
        assert kind in printed
