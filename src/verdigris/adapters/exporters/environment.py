"""OpenTelemetry's own environment variables, as far as they concern an OTLP exporter over HTTP.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and …/configuration/sdk-environment-variables/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from verdigris.adapters.exporters.otlp import OtlpExporter
from verdigris.core.model.errors import ConfigError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
LATEST = "gen_ai_latest_experimental"
_SPOKEN = "http/protobuf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Otlp:
    """`every` is in seconds. `latest` asks for the newer names of token metrics."""

    exporter: OtlpExporter
    every: float = 60.0
    latest: bool = False


def read_otlp(environ: Mapping[str, str]) -> Otlp | None:
    """None where nothing shall be exported: without an endpoint, or with OTEL_SDK_DISABLED=true. Raises: ConfigError."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if not endpoint or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    _require_http(endpoint, environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip())
    resource = dict(_pairs("OTEL_RESOURCE_ATTRIBUTES", environ.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    resource["service.name"] = environ.get("OTEL_SERVICE_NAME") or resource.get("service.name") or "verdigris"
    headers = _pairs("OTEL_EXPORTER_OTLP_HEADERS", environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    patience, every = environ.get("OTEL_EXPORTER_OTLP_TIMEOUT", ""), environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")
    opted = environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")
    return Otlp(
        exporter=OtlpExporter(
            endpoint=endpoint,
            headers={name: SecretStr(value) for name, value in headers},
            resource=resource,
            patience=_seconds("OTEL_EXPORTER_OTLP_TIMEOUT", patience, 10.0),
        ),
        every=_seconds("OTEL_METRIC_EXPORT_INTERVAL", every, 60.0),
        latest=any(word.strip() == LATEST for word in opted),
    )


def _require_http(endpoint: str, protocol: str) -> None:
    if protocol not in ("", _SPOKEN):
        raise ConfigError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol[:40]!r}; only {_SPOKEN} is spoken",
            key="OTEL_EXPORTER_OTLP_PROTOCOL",
            hint=f"set it to {_SPOKEN} with the collector's HTTP port (4318), or set OTEL_SDK_DISABLED=true",
        )
    try:
        parts = urlsplit(endpoint)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_right = False
    if not is_right:
        raise ConfigError(f"{ENDPOINT} is not a URL", key=ENDPOINT, hint="for example http://127.0.0.1:4318")


def _pairs(key: str, text: str) -> Iterator[tuple[str, str]]:
    """`a=1,b=2`, values percent-encoded."""
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = piece.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{key} is not a list of name=value", key=key, hint="separate them with commas")
        yield name.strip(), unquote(value.strip())


def _seconds(key: str, text: str, default: float) -> float:
    text = text.strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 9 and int(text) > 0):
        raise ConfigError(f"{key} is not a number of milliseconds", key=key, hint="for example 60000")
    return int(text) / 1_000.0
