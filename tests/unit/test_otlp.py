"""What is pushed to an OpenTelemetry collector: a receiver of its protocol reads it back."""

import asyncio
import gzip
import logging
import threading

import pytest
from pydantic import SecretStr

from support.otlp_receiver import receiving
from verdigris.adapters.exporters import otlp
from verdigris.adapters.exporters.environment import read_otlp
from verdigris.adapters.exporters.otlp import OtlpExporter
from verdigris.controller.telemetry.export import Export
from verdigris.controller.telemetry.meters import MOST_EVALUATIONS, Meters
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.builders import START, a_rollout, observation
from verdigris.testing.samples import a_sample

WORDS = (
    Score(scorer="judge", version="v1", value=0.75, label="better", explanation="SECRET"),
    ScoreFailure(scorer="http", version="v2", trouble=Trouble.TIMEOUT, reason="SECRET"),
)


def busy() -> Meters:
    meters = Meters("summarizer", rollout=a_rollout, stable=lambda: "blue")
    meters.observe(
        [
            observation(
                response_model="gpt-4o", duration=0.3, time_to_first_byte=0.05, input_tokens=200, output_tokens=100,
                cache_read_tokens=50, reasoning_tokens=10,
            )
        ]
        * 3
        + [observation(environment="green", response_model=None)]
    )  # fmt: skip
    meters.sample(a_sample(scores=WORDS))
    return meters


def pushed(*, latest: bool = False, **more):
    """What the receiver has after one push."""
    with receiving() as (receiver, url):

        async def story() -> str:
            exporter = OtlpExporter(endpoint=url, clock=lambda: START, **more)
            export = Export(busy(), exporter, every=60.0, latest=latest)
            await export.push()
            await exporter.close()
            return export.problem

        assert asyncio.run(story()) == ""
    return receiver


def metrics_of(receiver):
    (resource,) = receiver.metrics[0].resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


def attributes(point):
    return {each.key: each.value.string_value for each in point.attributes}


def test_operations_are_told_in_the_names_of_the_conventions():
    metrics = metrics_of(pushed())
    (point,) = metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert (point.count, point.sum, list(point.bucket_counts)[5]) == (3, pytest.approx(0.9), 3)
    assert list(point.explicit_bounds)[:2] == [0.01, 0.02]
    assert attributes(point) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o",
        "verdigris.service": "summarizer",
        "verdigris.rollout": "r1",
        "verdigris.environment": "blue",
        "verdigris.role": "stable",
    }
    assert metrics["gen_ai.client.operation.duration"].unit == "s"
    assert point.time_unix_nano == int(START * 1e9)
    (first,) = metrics["gen_ai.client.operation.time_to_first_chunk"].histogram.data_points
    assert first.sum == pytest.approx(0.15)


def test_token_usage_is_the_histogram_unless_the_newer_names_are_asked_for():
    metrics = metrics_of(pushed())
    usage = {
        attributes(point)["gen_ai.token.type"]: point
        for point in metrics["gen_ai.client.token.usage"].histogram.data_points
    }
    assert {kind: (point.count, point.sum) for kind, point in usage.items()} == {
        "input": (3, 600.0),
        "output": (3, 300.0),
    }
    assert metrics["gen_ai.client.token.usage"].unit == "{token}"
    assert not any(name.startswith("gen_ai.client.inference") for name in metrics)


def test_the_newer_names_are_counters_and_sizes():
    metrics = metrics_of(pushed(latest=True))
    assert "gen_ai.client.token.usage" not in metrics
    found = {}
    for kind in ("input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens"):
        (point,) = metrics[f"gen_ai.client.inference.usage.{kind}"].sum.data_points
        assert attributes(point)["gen_ai.token.modality"] == "unknown"
        assert "gen_ai.token.type" not in attributes(point)
        found[kind] = point.as_double
    assert found == {
        "input_tokens": 600.0,
        "output_tokens": 300.0,
        "cache_read.input_tokens": 150.0,
        "reasoning.output_tokens": 30.0,
    }
    assert metrics["gen_ai.client.inference.usage.input_tokens"].sum.is_monotonic
    (size,) = metrics["gen_ai.client.inference.operation.input_tokens"].histogram.data_points
    assert (size.count, size.sum) == (3, 600.0)


def test_our_own_metrics_are_there_too():
    metrics = metrics_of(pushed())
    assert sum(point.as_double for point in metrics["verdigris.requests"].sum.data_points) == 4.0


def test_scorers_words_are_events_without_what_they_are_about():
    receiver = pushed()
    (resource,) = receiver.logs[0].resource_logs
    records = resource.scope_logs[0].log_records
    assert [record.event_name for record in records] == ["gen_ai.evaluation.result"] * 2
    judged, failed = ({each.key: each.value for each in record.attributes} for record in records)
    assert judged["gen_ai.evaluation.name"].string_value == "judge"
    assert judged["gen_ai.evaluation.score.value"].double_value == 0.75
    assert judged["gen_ai.evaluation.score.label"].string_value == "better"
    assert failed["error.type"].string_value == "timeout"
    assert "gen_ai.evaluation.score.value" not in failed
    assert b"SECRET" not in receiver.logs[0].SerializeToString()


def test_the_resource_and_the_headers_are_sent_and_credentials_not_shown():
    exporter = OtlpExporter(endpoint="http://x", headers={"authorization": SecretStr("Bearer TOKEN")})
    assert "TOKEN" not in repr(exporter)
    receiver = pushed(headers={"authorization": SecretStr("Bearer TOKEN")}, resource={"service.name": "ours"})
    assert all(headers["authorization"] == "Bearer TOKEN" for headers in receiver.headers)
    (resource,) = receiver.metrics[0].resource_metrics
    assert attributes(resource.resource) == {"service.name": "ours"}


def test_a_collector_that_is_down_is_told_once_and_what_waits_is_bounded(caplog):
    caplog.set_level(logging.INFO)
    meters = busy()

    async def story() -> None:
        with receiving() as (receiver, url):
            exporter = OtlpExporter(endpoint=url, patience=5.0)
            export = Export(meters, exporter, every=60.0)
            receiver.status = 503
            before = list(meters.evaluations)
            await export.push()
            assert list(meters.evaluations) == before, "what does not arrive waits, in its order"
            for _ in range(5):
                await export.push()
                meters.sample(a_sample(scores=WORDS * MOST_EVALUATIONS))
            assert export.problem == "the collector answers 503 to /v1/metrics"
            assert len(meters.evaluations) == MOST_EVALUATIONS
            receiver.status = 200
            await export.push()
            assert (export.problem, len(meters.evaluations)) == ("", 0)
            sent = receiver.logs[0].resource_logs[0].scope_logs[0].log_records
            assert len(sent) == MOST_EVALUATIONS
            await exporter.close()
        gone = OtlpExporter(endpoint=url, patience=5.0)
        export = Export(meters, gone, every=60.0)
        await export.close()
        assert export.problem.startswith("the collector cannot be reached")

    asyncio.run(story())
    told = [record.message for record in caplog.records if "metrics are" in record.message]
    assert len(told) == 3, "down, up again, and another one down"


def test_a_collector_that_never_answers_ends_with_the_patience():
    async def story() -> str:
        ended = asyncio.Event()

        async def listen(reader, writer) -> None:
            await reader.read()  # until the other side gives up
            writer.close()
            await writer.wait_closed()
            ended.set()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        exporter = OtlpExporter(endpoint=f"http://127.0.0.1:{port}", patience=0.2)
        problem = await exporter.export([], [])
        await exporter.close()
        await ended.wait()
        server.close()
        await server.wait_closed()
        return problem

    assert asyncio.run(asyncio.wait_for(story(), 20)) == "the collector cannot be reached: ReadTimeout"


def test_an_exporter_that_breaks_ends_nothing():
    class Broken:
        async def export(self, *_):
            raise RuntimeError("a bug")

        async def close(self):
            raise RuntimeError("another bug")

    export = Export(busy(), Broken(), every=60.0)
    asyncio.run(export.close())
    assert export.problem == "RuntimeError in the exporter"


def test_words_of_a_push_that_is_given_up_are_in_the_last_one():
    class Slow:
        def __init__(self):
            self.begun, self.had = asyncio.Event(), []

        async def export(self, _, words):
            self.had.append(len(words))
            self.begun.set()
            await asyncio.sleep(0 if len(self.had) > 1 else 3600)
            return ""

        async def close(self): ...

    async def story():
        slow = Slow()
        export = Export(busy(), slow, every=0.001)
        running = asyncio.create_task(export.run())
        await slow.begun.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await export.close()
        return slow.had

    assert asyncio.run(story()) == [len(WORDS)] * 2


def test_what_is_pushed_is_made_beside_the_loop(monkeypatch):
    made, pack = [], gzip.compress

    def compress(data):
        made.append(threading.current_thread())
        return pack(data)

    monkeypatch.setattr(otlp.gzip, "compress", compress)
    pushed()
    assert len(made) == 2
    assert threading.main_thread() not in made


# ------------------------------------------------------------------ settings


def test_nothing_is_exported_unless_an_endpoint_is_named():
    assert read_otlp({}) is None
    assert read_otlp({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}) is None
    assert read_otlp({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "true"}) is None


def test_the_variables_of_open_telemetry_are_read():
    found = read_otlp(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=1",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            "OTEL_METRIC_EXPORT_INTERVAL": "15000",
            "OTEL_RESOURCE_ATTRIBUTES": "team=ml,service.name=ignored",
            "OTEL_SERVICE_NAME": "verdigris-prod",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http, gen_ai_latest_experimental",
        }
    )
    assert found is not None
    assert (found.every, found.latest, found.exporter.patience) == (15.0, True, 2.5)
    assert {name: value.get_secret_value() for name, value in found.exporter.headers.items()} == {
        "api-key": "a b",
        "x": "1",
    }
    assert found.exporter.resource == {"team": "ml", "service.name": "verdigris-prod"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[x"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "SECRET"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-5"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_without_its_value(variable, value):
    with pytest.raises(ConfigError, match=variable) as caught:
        read_otlp({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"} | {variable: value})
    assert "SECRET" not in str(caught.value)
