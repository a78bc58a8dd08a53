"""OTLP over HTTP with protobuf: metrics to /v1/metrics, scorers' words as events to /v1/logs.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Sums are cumulative from the moment the exporter was made.
"""

from __future__ import annotations

import asyncio
import gzip
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pydantic import SecretStr

from verdigris.core.model.meter import Evaluation, Family, Kind, Labels

if TYPE_CHECKING:
    import httpx2
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

EVALUATION = "gen_ai.evaluation.result"
SCOPE = "verdigris"

_PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, kw_only=True, slots=True)
class OtlpExporter:
    """`endpoint` is the collector's base URL, `resource` what is said of this process, `patience` seconds for each request.

    `headers` may hold credentials: they are never shown.
    """

    endpoint: str
    headers: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
    resource: Mapping[str, str] = field(default_factory=lambda: {"service.name": SCOPE})
    patience: float = 10.0
    clock: Callable[[], float] = time.time
    _kept: dict[str, httpx2.AsyncClient] = field(default_factory=dict, init=False, repr=False, compare=False)
    _began: list[float] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._began.append(self.clock())

    async def export(self, families: Sequence[Family], evaluations: Sequence[Evaluation]) -> str:
        """Never raises."""
        problem = await self._send("/v1/metrics", lambda: self._metrics(families))
        if evaluations and not problem:
            problem = await self._send("/v1/logs", lambda: self._logs(evaluations))
        return problem

    async def close(self) -> None:
        for client in self._kept.values():
            await client.aclose()
        self._kept.clear()

    async def _send(self, path: str, body: Callable[[], bytes]) -> str:
        """`body` is made beside the loop: of many series it takes a good part of a second."""
        import httpx2  # noqa: PLC0415 -- only where something is exported

        client = self._kept.get("client")
        if client is None:
            headers = {name: value.get_secret_value() for name, value in self.headers.items()}
            client = self._kept["client"] = httpx2.AsyncClient(headers=headers, timeout=self.patience, trust_env=False)
        url, packed = self.endpoint.rstrip("/") + path, await asyncio.to_thread(lambda: gzip.compress(body()))
        try:
            answer = await client.post(
                url, content=packed, headers={"Content-Type": _PROTOBUF, "Content-Encoding": "gzip"}
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return f"the collector cannot be reached: {type(error).__name__}"
        return "" if answer.is_success else f"the collector answers {answer.status_code} to {path}"

    # ------------------------------------------------------------------ metrics

    def _metrics(self, families: Sequence[Family]) -> bytes:
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # noqa: PLC0415

        request = metrics_service_pb2.ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        resource.resource.attributes.extend(_attributes(self.resource.items()))
        scope = resource.scope_metrics.add()
        scope.scope.name = SCOPE
        for family in families:
            if family.points or family.spreads:
                self._fill(scope.metrics.add(), family)
        return request.SerializeToString()

    def _fill(self, metric: Metric, family: Family) -> None:
        from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE  # noqa: PLC0415

        metric.name, metric.description, metric.unit = family.name, family.help, family.unit
        began, now = _nanos(self._began[0]), _nanos(self.clock())
        match family.kind:
            case Kind.COUNTER | Kind.GAUGE:
                if family.kind is Kind.COUNTER:
                    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
                    metric.sum.is_monotonic = True
                points = metric.sum.data_points if family.kind is Kind.COUNTER else metric.gauge.data_points
                for each in family.points:
                    points.add(
                        attributes=_attributes(each.labels),
                        start_time_unix_nano=began,
                        time_unix_nano=now,
                        as_double=each.value,
                    )
            case Kind.HISTOGRAM:
                metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
                for spread in family.spreads:
                    metric.histogram.data_points.add(
                        attributes=_attributes(spread.labels),
                        start_time_unix_nano=began,
                        time_unix_nano=now,
                        count=spread.count,
                        sum=spread.sum,
                        bucket_counts=spread.counts,
                        explicit_bounds=family.bounds,
                    )
            case _:
                assert_never(family.kind)

    # ------------------------------------------------------------------ events

    def _logs(self, evaluations: Sequence[Evaluation]) -> bytes:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # noqa: PLC0415

        request = logs_service_pb2.ExportLogsServiceRequest()
        resource = request.resource_logs.add()
        resource.resource.attributes.extend(_attributes(self.resource.items()))
        scope = resource.scope_logs.add()
        scope.scope.name = SCOPE
        for evaluation in evaluations:
            self._event(scope.log_records.add(), evaluation)
        return request.SerializeToString()

    def _event(self, record: LogRecord, evaluation: Evaluation) -> None:
        from opentelemetry.proto.common.v1 import common_pb2  # noqa: PLC0415
        from opentelemetry.proto.logs.v1 import logs_pb2  # noqa: PLC0415

        record.event_name = EVALUATION
        record.time_unix_nano, record.observed_time_unix_nano = _nanos(evaluation.at), _nanos(self.clock())
        record.severity_number = logs_pb2.SEVERITY_NUMBER_INFO
        record.attributes.extend(_attributes(_told(evaluation)))
        if evaluation.value is not None and math.isfinite(evaluation.value):
            value = common_pb2.AnyValue(double_value=evaluation.value)
            record.attributes.append(common_pb2.KeyValue(key="gen_ai.evaluation.score.value", value=value))


def _told(evaluation: Evaluation) -> Labels:
    every = (
        ("gen_ai.evaluation.name", evaluation.scorer),
        ("gen_ai.evaluation.score.label", evaluation.label),
        ("error.type", evaluation.trouble),
        ("verdigris.scorer.version", evaluation.version),
        ("verdigris.rollout", evaluation.rollout),
        ("verdigris.environment", evaluation.environment),
        ("verdigris.role", evaluation.role),
    )
    return tuple((name, value) for name, value in every if value)


def _attributes(pairs: Iterable[tuple[str, str]]) -> list[KeyValue]:
    from opentelemetry.proto.common.v1 import common_pb2  # noqa: PLC0415

    return [
        common_pb2.KeyValue(key=name, value=common_pb2.AnyValue(string_value=_text(value))) for name, value in pairs
    ]


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def _nanos(at: float) -> int:
    return max(0, int(at * 1e9))
