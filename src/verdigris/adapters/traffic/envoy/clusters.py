"""Environments, the receivers of the log and of copies, mirrors and forwards as Envoy clusters. Pure.

Limits are set on purpose: Envoy's default of 1,024 connections and requests a cluster would answer 503 long before an AI
service is busy. A connection to an environment is dropped after `_KEEP_IDLE` idle seconds, before the usual servers drop
it themselves (gunicorn: 2 s, uvicorn and Node: 5 s): a request that meets a closing connection cannot be repeated safely.

Format: envoy.config.cluster.v3.Cluster of Envoy 1.40.
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Any

from verdigris.adapters.line import OWN_CLUSTERS
from verdigris.adapters.traffic.envoy import tapping
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, Target, target
from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import ConfigError

Json = dict[str, Any]

COLLECTOR = f"{OWN_CLUSTERS}collector"
MANY = 1_000_000
_KEEP_IDLE = "1.500s"
_ALIVE = {"interval": "5s", "timeout": "5s"}
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def environment(item: Environment) -> Json:
    """Raises: ConfigError when its URL is not one, or its name is kept for our own clusters."""
    if item.name.startswith(OWN_CLUSTERS):
        raise ConfigError(f"an environment may not be called {item.name!r}", hint=f"{OWN_CLUSTERS}… is ours")
    place = target(item.url)
    http: Json = {"explicit_http_config": {"http_protocol_options": {}}, **_idle(_KEEP_IDLE)}
    cluster = {**_cluster(item.name, place), **_protocol(http)}
    return {**cluster, **_tls(place)} if place.tls else cluster


def collector(address: str) -> Json:
    """The access log's receiver: HTTP/2 over a Unix socket, or `host:port`."""
    http: Json = {"explicit_http_config": {"http2_protocol_options": {}}}
    if address.startswith("/"):
        return {**_cluster(COLLECTOR, {"pipe": {"path": address}}), **_protocol(http)}
    return {**_cluster(COLLECTOR, target(f"http://{address}")), **_protocol(http)}


def sampler(address: str) -> Json:
    """The receiver of copies, HTTP/2; few at a time and no waiting, so that one that stands still costs little memory."""
    place: Target | Json = {"pipe": {"path": address}} if address.startswith("/") else target(f"http://{address}")
    http: Json = {"explicit_http_config": {"http2_protocol_options": {"connection_keepalive": _ALIVE}}}
    limits = {"max_connections": 64, "max_pending_requests": 512, "max_requests": 512, "max_retries": 1}
    return {
        **_cluster(tapping.SAMPLER, place),
        **_protocol(http),
        "connect_timeout": "0.500s",
        "circuit_breakers": {"thresholds": [limits]},
    }


def mirror(item: Environment, *, timeout: float) -> Json:
    """An environment once more, for mirrored requests: few at a time, none for ever, the others dropped."""
    limits = {"max_connections": 512, "max_pending_requests": 64, "max_requests": 512, "max_retries": 1}
    http: Json = {
        "explicit_http_config": {"http_protocol_options": {}},
        "common_http_protocol_options": {"idle_timeout": _KEEP_IDLE, "max_stream_duration": f"{timeout:.3f}s"},
    }
    name = tapping.mirror_cluster(item.name)
    cluster = {**environment(item), **_protocol(http), "name": name, "circuit_breakers": {"thresholds": [limits]}}
    cluster["load_assignment"] = {**cluster["load_assignment"], "cluster_name": name}
    return cluster


def forward(index: int, address: str) -> Json:
    return _cluster(f"{OWN_CLUSTERS}forward.{index}", target(f"http://{address}"))


def own(options: EnvoyOptions) -> list[Json]:
    """The clusters that are no environment; they stand in the bootstrap."""
    return [
        *(forward(i, f.address) for i, f in enumerate(options.forwards)),
        *([] if options.collector is None else [collector(options.collector)]),
        *([] if options.sampler is None else [sampler(options.sampler)]),
    ]


def resources(options: EnvoyOptions) -> list[Json]:
    kind = {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster"}
    mirrors = [mirror(item, timeout=options.timeout) for item in options.environments] if options.mirrors else []
    return [{**kind, **cluster} for cluster in (*(environment(item) for item in options.environments), *mirrors)]


def _cluster(name: str, place: Target | Json) -> Json:
    return {
        "name": name,
        "connect_timeout": "2s",
        "per_connection_buffer_limit_bytes": 1 << 20,
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": MANY, "max_pending_requests": MANY, "max_requests": MANY, "max_retries": 1_000}
            ]
        },
        **_discovery(place),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(place)}}]}],
        },
    }


def _discovery(place: Target | Json) -> Json:
    if isinstance(place, dict) or _is_ip(place.host):
        return {"type": "STATIC"}
    return {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "5s"}


def _address(place: Target | Json) -> Json:
    if isinstance(place, dict):
        return place
    return {"socket_address": {"address": place.host, "port_value": place.port}}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _protocol(options: Json) -> Json:
    return {"typed_extension_protocol_options": {_HTTP: {"@type": f"type.googleapis.com/{_HTTP}", **options}}}


def _idle(seconds: str) -> Json:
    return {"common_http_protocol_options": {"idle_timeout": seconds}}


def _tls(place: Target) -> Json:
    """TLS checked against the system's authorities, with the host's name."""
    context: Json = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": place.host,
        "common_tls_context": {
            "validation_context": {
                "trusted_ca": {"filename": _authorities()},
                "match_typed_subject_alt_names": [
                    {"san_type": "IP_ADDRESS" if _is_ip(place.host) else "DNS", "matcher": {"exact": place.host}}
                ],
            }
        },
    }
    return {"transport_socket": {"name": "tls", "typed_config": context}}


def _authorities() -> str:
    """The system's file of certificate authorities. Raises: ConfigError."""
    for name in (ssl.get_default_verify_paths().cafile, *_CA_FILES):
        if name and Path(name).is_file():
            return name
    raise ConfigError("no file of certificate authorities was found", hint="install ca-certificates")
