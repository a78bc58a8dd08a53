"""What Prometheus reads: its own parser finds every series as it was counted."""

import asyncio
import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from support.fake_controller import FakeController
from verdigris.api.exposition import exposed
from verdigris.controller.telemetry.gauges import gauges
from verdigris.controller.telemetry.meters import Meters
from verdigris.core.model.meter import Family, Kind, Point, Spread
from verdigris.core.model.score import Score
from verdigris.testing.builders import a_rollout, observation
from verdigris.testing.samples import a_compared_pair

OPEN = "application/openmetrics-text; version=1.0.0"


def busy() -> Meters:
    found = Meters("summarizer", rollout=a_rollout, stable=lambda: "blue")
    found.observe(
        [
            observation(response_model='gpt-"4o"\\', refusal=True, finish_reason="content\nfilter"),
            observation(environment="green", cost=None),
        ]
    )
    words = (Score(scorer="judge", version="1", value=0.75, cost=0.01),)
    found.pair(a_compared_pair(scores=words))
    return found


@pytest.mark.parametrize(("accept", "parse"), [("", plain_text), ("text/plain", plain_text), (OPEN, open_metrics)])
def test_the_parsers_of_prometheus_find_every_series(accept, parse):
    families = busy().families()
    text, content_type = exposed(families, accept)
    assert content_type.startswith("application/openmetrics-text" if accept == OPEN else "text/plain")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text.decode())
        for sample in family.samples
    }
    wanted = 0
    for family in families:
        for point in family.points:
            name = f"verdigris_{family.name}" + ("_total" if family.kind is Kind.COUNTER else "")
            assert samples[name, tuple(sorted(point.labels))] == point.value
            wanted += 1
        for spread in family.spreads:
            everything = tuple(sorted([*spread.labels, ("le", "+Inf")]))
            assert samples[f"verdigris_{family.name}_bucket", everything] == spread.count
            assert samples[f"verdigris_{family.name}_sum", tuple(sorted(spread.labels))] == pytest.approx(spread.sum)
            wanted += 1
    assert wanted > 15


def test_buckets_count_everything_at_or_below_their_bound():
    spread = Spread(labels=(("a", "b"),), counts=(3, 2, 1), sum=8.5)
    family = Family(name="x", kind=Kind.HISTOGRAM, help="", spreads=(spread,), bounds=(1.0, 2.0))
    text = exposed([family], "")[0].decode()
    assert 'verdigris_x_bucket{a="b",le="1.0"} 3.0' in text
    assert 'verdigris_x_bucket{a="b",le="2.0"} 5.0' in text
    assert 'verdigris_x_bucket{a="b",le="+Inf"} 6.0' in text
    assert 'verdigris_x_count{a="b"} 6.0' in text


def test_families_without_a_series_are_named_and_empty():
    text = exposed(Meters("s", rollout=lambda: None, stable=lambda: "").families(), "")[0].decode()
    assert "# TYPE verdigris_requests_total counter" in text
    assert [line for line in text.splitlines() if not line.startswith("#")] == []


def test_values_that_are_no_number_are_said_so():
    text = exposed([Family(name="x", kind=Kind.GAUGE, help="", points=(Point(labels=(), value=math.nan),))], "")[0]
    assert b"verdigris_x NaN" in text


def test_gauges_tell_weights_phase_verdict_and_money():
    status = asyncio.run(FakeController().status())
    families = gauges(status, (("service", "s"),), remaining={"shadow": 0.5, "judge": None}, dropped={"budget": 3})
    found = {each.name: {point.labels: point.value for point in each.points} for each in families}
    side = (("service", "s"), ("rollout", "r1"))
    assert found["traffic_weight"][*side, ("environment", "green"), ("role", "candidate"), ("kind", "desired")] == 10.0
    assert found["traffic_weight"][*side, ("environment", "blue"), ("role", "stable"), ("kind", "observed")] == 90.0
    assert {dict(labels)["phase"] for labels, value in found["rollout_phase"].items() if value} == {"progressing"}
    assert {dict(labels)["outcome"] for labels, value in found["verdict"].items() if value} == {"waiting"}
    assert found["shadow_dropped"] == {(("service", "s"), ("reason", "budget")): 3}
    assert found["budget_remaining_usd"] == {(*side, ("kind", "shadow")): 0.5}
