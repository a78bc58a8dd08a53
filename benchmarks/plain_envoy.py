"""Envoy from the same wheel as a plain reverse proxy: one listener, one cluster, the router, nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import find, free_port, running, wait_for_port

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"


def config(port: int, app: int) -> dict[str, object]:
    """Static bootstrap: `port` listens on loopback and proxies to `app`."""
    manager = {
        "@type": f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "stream_idle_timeout": "120s",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "app",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app", "timeout": "0s"}}],
                }
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_EXTENSIONS}.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "plain",
        "address": _address(port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    cluster = {
        "name": "app",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "app",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(app)}}]}],
        },
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


@contextlib.contextmanager
def serving(directory: Path, app: int, *, workers: int, core: int | None = None) -> Iterator[tuple[int, int]]:
    """Gives the port and the process."""
    port, file, log = free_port(), directory / "plain_envoy.json", directory / "plain_envoy.log"
    file.write_text(json.dumps(config(port, app)))
    command = [find("envoy") or "envoy", "-c", str(file), "--use-dynamic-base-id", "-l", "error"]
    with running([*command, "--concurrency", str(workers)], core=core, log=log) as process:
        wait_for_port(port, process, log=log)
        yield port, process.pid
