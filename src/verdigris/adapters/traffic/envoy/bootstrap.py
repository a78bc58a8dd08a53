"""Envoy's static configuration: listener, filters, access log, limits. Pure, but for reading the Lua script.

What changes while Envoy runs stands elsewhere, in two watched files: clusters.py and routes.py.
Format: envoy.config.bootstrap.v3.Bootstrap of Envoy 1.40, as JSON.
"""

from __future__ import annotations

import re
from typing import Any

from verdigris.adapters.line import (
    ANSWER_KEY,
    LONGEST_HEADER,
    LONGEST_PATH,
    NAMESPACE,
    SEPARATOR,
    Field,
    in_line,
)
from verdigris.adapters.traffic.envoy import answers, clusters, routes, tapping
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy

Json = dict[str, Any]

STAT_PREFIX = "gateway"
LOG_NAME = "verdigris"
_LOG_BUFFER = 128 << 10
_LOG_FLUSH = "0.1s"
_MOST_DOWNSTREAM = 50_000

_RESERVED = ("x-shadow", "x-request-id")
_RESERVED_PREFIX = "x-verdigris-"


def bootstrap(options: EnvoyOptions, *, admin: str) -> Json:
    """The whole static configuration; `admin` is the path of the admin socket.

    Raises: ConfigError for an address that cannot be used.
    """
    return {
        "node": {"id": options.service, "cluster": "verdigris"},
        "admin": {"address": {"pipe": {"path": admin, "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _watched(str(options.clusters_file.absolute()))},
        "static_resources": {"listeners": [_listener(options)], "clusters": clusters.own(options)},
        "overload_manager": _overload(),
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {}}, {"name": "admin", "admin_layer": {}}]},
    }


def _overload() -> Json:
    name = "envoy.resource_monitors.global_downstream_max_connections"
    kind = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {"resource_monitors": [_extension(name, kind, max_active_downstream_connections=_MOST_DOWNSTREAM)]}


def _listener(options: EnvoyOptions) -> Json:
    manager = _extension(
        "http",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        **_manager(options),
    )
    return {
        "name": "gateway",
        "address": {"socket_address": {"address": options.host, "port_value": options.port}},
        "per_connection_buffer_limit_bytes": answers.buffer_limit(options.telemetry) + (64 << 10),
        "tcp_backlog_size": 4096,
        "filter_chains": [{"filters": [manager]}],
    }


def _manager(options: EnvoyOptions) -> Json:
    silence = f"{options.timeout:.3f}s"
    return {
        "stat_prefix": STAT_PREFIX,
        "codec_type": "AUTO",
        "rds": {"route_config_name": routes.NAME, "config_source": _watched(str(options.routes_file.absolute()))},
        "http_filters": _filters(options),
        "access_log": _access_log(options),
        "local_reply_config": _local_replies(),
        "early_header_mutation_extensions": [_reserved_headers(strip=answers.strips(options.telemetry))],
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        # Everybody is outside: nobody's X-Envoy-… headers, retries, timeouts or request ids are believed.
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "always_set_request_id_in_response": True,
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        "stream_idle_timeout": silence,
        "request_headers_timeout": "30s",
        "delayed_close_timeout": "1s",
        "max_request_headers_kb": 64,
        "common_http_protocol_options": {
            "idle_timeout": f"{max(options.timeout, 300.0):.3f}s",
            "headers_with_underscores_action": "DROP_HEADER",  # nginx's default, too
        },
        "http2_protocol_options": {
            "allow_connect": True,  # WebSocket over HTTP/2 (RFC 8441)
            "max_concurrent_streams": 1_000,
            "initial_stream_window_size": 1 << 18,
            "initial_connection_window_size": 1 << 22,
        },
    }


def _filters(options: EnvoyOptions) -> list[Json]:
    """Read answers only where somebody listens or something must be taken out, copy what is sampled, then route."""
    router = _extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        suppress_envoy_headers=True,
        dynamic_stats=False,  # counters by status code: they cost time on every request, and nobody reads them
    )
    copied = (
        [] if options.sampler is None else [tapping.http_filter()]
    )  # behind Lua: it copies what is still to be stripped
    if options.collector is None and not answers.strips(options.telemetry):
        return [*copied, router]
    lua = _extension(
        "envoy.filters.http.lua",
        "envoy.extensions.filters.http.lua.v3.Lua",
        default_source_code={"inline_string": answers.script(options.telemetry, options.strata)},
    )
    return [lua, *copied, router]


def _reserved_headers(*, strip: bool) -> Json:
    """Takes what clients may not say out before anything else reads it; Envoy then makes its own X-Request-Id.

    X-Deploy-Env and X-Release-Id need no removal: the route overwrites them. Headers with `_`, which many servers read as
    `-`, never get this far.
    """
    exact = (*_RESERVED, "accept-encoding") if strip else _RESERVED  # only an uncompressed answer can be stripped
    mutations: list[Json] = [{"remove": name} for name in exact]
    mutations.append({"remove_on_match": {"key_matcher": {"prefix": _RESERVED_PREFIX}}})
    return _extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=mutations,
    )


def _access_log(options: EnvoyOptions) -> list[Json]:
    """One line a request, as the body of an OTLP log record, over acknowledged gRPC calls.

    Why not Envoy's own access log service: on a broken stream it counts entries as written that nobody received. Here
    only acknowledged entries are `logs_written`, the others `logs_dropped`. It is also smaller, and no address and no user
    agent leaves Envoy; a path, without its query, only where routes tell kinds apart.
    """
    if options.collector is None:
        return []
    return [
        _extension(
            "envoy.access_loggers.open_telemetry",
            "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            # The same settings one level up are accepted and ignored by Envoy 1.40 (it then flushes every second).
            common_config={
                "log_name": LOG_NAME,
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": clusters.COLLECTOR}, "timeout": "5s"},
                "buffer_size_bytes": _LOG_BUFFER,
                "buffer_flush_interval": _LOG_FLUSH,
            },
            disable_builtin_labels=True,
            formatters=[_extension("envoy.formatter.cel", "envoy.extensions.formatter.cel.v3.Cel")],
            body={"string_value": line_format(options)},
        )
    ]


def line_format(options: EnvoyOptions) -> str:
    """The format string behind `verdigris.adapters.line`."""
    key = "-" if options.sticky is None else _logged_key(options.sticky)
    parts = {
        Field.ENVIRONMENT: "%UPSTREAM_CLUSTER_RAW%",
        Field.STATUS: "%RESPONSE_CODE%",
        Field.FLAGS: "%RESPONSE_FLAGS%",
        Field.RELEASE: "%REQ(X-RELEASE-ID)%",
        Field.DURATION_US: "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        Field.DURATION_MS: "%DURATION%",
        Field.FIRST_BYTE_US: "%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%",
        Field.REQUEST_BYTES: "%BYTES_RECEIVED%",
        Field.RESPONSE_BYTES: "%BYTES_SENT%",
        Field.ANSWER: f"%DYNAMIC_METADATA({NAMESPACE}:{ANSWER_KEY})%",
    }
    kinds = (_kind(by) for by in in_line(options.strata))
    return SEPARATOR.join([*(parts[item] for item in sorted(parts)), *kinds, key])


def _logged_key(sticky: Sticky) -> str:
    """The key that is hashed for stickiness: of several cookies of one name the last.

    Envoy 1.40 has no operator for one cookie; CEL takes it out, so that the others never leave Envoy.
    """
    match sticky.source:
        case "header":
            return f"%REQ({sticky.name})%"
        case "cookie":
            name = re.escape(sticky.name).replace("'", r"\x27")  # may stand in a cookie's name, and would end the text
            pattern = rf'(?s)^(?:\C*;)?[ \t]*{name}="?([^;"]+)'
            return rf"%CEL(re.extract(request.headers['cookie'], r'{pattern}', r'\1'))%"


def _kind(by: StrataBy) -> str:
    """A header as the client sent it, or the path without its query, which may hold anything private."""
    if by.source == "header":
        return f"%REQ({by.name}):{LONGEST_HEADER}%"
    return f"%PATH(NQ:PATH):{LONGEST_PATH}%"


_TITLES = {
    502: ("Bad Gateway", "did not give a usable answer"),
    503: ("Service Unavailable", "could not be reached"),
    504: ("Gateway Timeout", "did not answer in time"),
    500: ("Internal Server Error", "answered in a way that could not be passed on"),
}


def _local_replies() -> Json:
    """Envoy's own 5xx answers as problem+json (RFC 9457) that name the environment."""
    return {"mappers": [_problem(status, title, what) for status, (title, what) in _TITLES.items()]}


def _problem(status: int, title: str, what: str) -> Json:
    code = {"comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": f"verdigris.{status}"}}}
    return {
        "filter": {"status_code_filter": code},
        "body_format_override": {
            "json_format": {
                "type": "about:blank",
                "title": title,
                "status": status,
                "detail": f"The environment %UPSTREAM_CLUSTER_RAW% {what} (%RESPONSE_FLAGS%).",
                "environment": "%UPSTREAM_CLUSTER_RAW%",
                "request_id": "%REQ(X-REQUEST-ID)%",
            },
            "content_type": "application/problem+json",
        },
    }


def _watched(path: str) -> Json:
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _extension(name: str, kind: str, **config: Any) -> Json:
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/{kind}", **config}}
