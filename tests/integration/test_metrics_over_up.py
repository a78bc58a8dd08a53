"""What a real `verdigris up` measures of requests through its gateway: costs from tokens, /metrics, and the push to a collector."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.otlp_receiver import receiving
from support.processes import wait_until
from support.up import Stage, Up, ask, cli

pytestmark = pytest.mark.real

TOKEN = "a-token-of-tests"
PRICED = """\
telemetry:
  fields: { cost: off }
  prices:
    own-*: { input: 100, output: 1000 }
"""


def chat(up: Up, model: str) -> dict[str, int]:
    """One request through the gateway; the usage that its answer tells."""
    body = {"model": model, "messages": [{"role": "user", "content": "How many apples are left?"}]}
    reply = ask(f"{up.url}/v1/chat/completions", body=body)
    assert reply.status == 200, reply.body
    return reply.json["usage"]


def samples(up: Up) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What /metrics says, by name and labels."""
    reply = ask(f"{up.api_url}/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert reply.status == 200, reply.body
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def total(up: Up, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (found, has), value in samples(up).items() if found == name and wanted <= has)


def test_costs_are_worked_out_from_tokens_and_told_everywhere(stage: Stage) -> None:
    up = stage.up(PRICED, environment={"VERDIGRIS_TOKEN": TOKEN}).start()
    usages = {model: [chat(up, model) for _ in range(5)] for model in ("gpt-4o-mini", "own-1", "nobody-knows")}
    wait_until(lambda: up.status().telemetry.received >= 15, "all requests to be seen")
    costs = up.status().telemetry.costs
    assert (costs.reported, costs.estimated, costs.unknown, costs.models) == (0, 10, 5, ("nobody-knows",))
    # gpt-4o-mini: $0.15 and $0.60 a million tokens; own-1: $100 and $1,000.
    for model, price, answer in (("gpt-4o-mini", 0.15, 0.60), ("own-1", 100.0, 1_000.0)):
        bill = sum(price * usage["prompt_tokens"] + answer * usage["completion_tokens"] for usage in usages[model])
        assert total(up, "verdigris_cost_usd_total", kind="serving", model=model) == pytest.approx(bill / 1e6)
    assert total(up, "verdigris_cost_unknown_total", model="nobody-knows") == 5
    assert total(up, "verdigris_requests_total", environment="blue", role="stable", code_class="2xx") == 15
    output = sum(usage["completion_tokens"] for every in usages.values() for usage in every)
    assert total(up, "verdigris_tokens_total", type="output", source="gateway") == output
    assert total(up, "verdigris_request_duration_seconds_count") == 15
    assert total(up, "verdigris_traffic_weight", kind="observed", environment="blue") == 100
    shown = cli(up, "status")
    assert "10 estimated from tokens, 5 unknown: no price for nobody-knows" in shown.out, shown.out
    assert cli(up, "status", "-o", "json").json["telemetry"]["costs"]["unknown"] == 5
    assert up.end() == 0


def test_metrics_ask_for_the_token(stage: Stage) -> None:
    up = stage.up(environment={"VERDIGRIS_TOKEN": TOKEN}).start()
    assert ask(f"{up.api_url}/metrics").status == 401
    assert ask(f"{up.api_url}/metrics", headers={"authorization": "Bearer wrong"}).status == 401
    assert total(up, "verdigris_ready") == 1
    assert up.end() == 0


def test_everything_is_pushed_where_the_environment_says_so(stage: Stage) -> None:
    with receiving() as (receiver, url):
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_SERVICE_NAME": "ours"}
        up = stage.up(PRICED, environment=otel).start()
        usage = chat(up, "gpt-4o-mini")

        def pushed() -> list[float]:
            return [
                point.sum
                for request in tuple(receiver.metrics)
                for resource in request.resource_metrics
                for metric in resource.scope_metrics[0].metrics
                if metric.name == "gen_ai.client.token.usage"
                for point in metric.histogram.data_points
            ]

        wait_until(pushed, "token usage at the collector")
        assert set(pushed()) == {usage["prompt_tokens"], usage["completion_tokens"]}
        assert up.end() == 0


def test_a_collector_that_is_gone_disturbs_nothing(stage: Stage) -> None:
    with receiving() as (_, url):
        gone = url
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": gone, "OTEL_METRIC_EXPORT_INTERVAL": "50"}
    up = stage.up(environment=otel).start()
    up.running.wait_for("metrics are not exported")
    for _ in range(20):
        chat(up, "gpt-4o-mini")
    wait_until(lambda: up.status().telemetry.received >= 20, "all requests to be seen")
    assert up.running.output.count("metrics are not exported") == 1
    assert (up.status().ready, up.status().problems) == (True, ())
    assert up.end() == 0


def test_an_export_that_is_not_possible_is_refused_at_once(stage: Stage) -> None:
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    process = stage.up(environment=otel).launch()
    wait_until(lambda: not process.running, "`verdigris up` to give up")
    assert process.popen.returncode == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in process.output
    assert "Traceback" not in process.output
