"""Copies of requests: what the driver that has Envoy make them and the source that reads them agree on.

Each copy is one gRPC call. Its metadata say which environment was chosen and which release ran there; the values are
percent-encoded (RFC 3986), since metadata hold ASCII alone.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
METHOD = "Process"
ENVIRONMENT = "x-verdigris-environment"
RELEASE = "x-verdigris-release"


def encoded(value: str) -> str:
    return quote(value, safe="")


def decoded(value: str) -> str:
    return unquote(value, errors="replace")


def begins(path: str, prefix: str) -> bool:
    """Whether the prefix's segments are the path's first; one that ends in `/` asks for a further segment."""
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else prefix + "/")
