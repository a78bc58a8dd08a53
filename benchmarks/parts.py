"""Where the gateway's time goes: processor time of Envoy for one request, with one part after another.

    python -m benchmarks.parts [--quick] [--json FILE]

The same Envoy, application, request and pinning as in benchmarks.gateway. The configuration is the driver's own; parts are
taken out of it. Processor time says more than requests/s where a machine is shared: other programs are not in it.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks import app, plain_envoy
from benchmarks.load import at_full_load
from benchmarks.processes import cpu_seconds, find, free_port, require, running, wait_for_port
from benchmarks.report import Figure, Report, finish, options, over_rounds
from verdigris.adapters.traffic.envoy import clusters, routes
from verdigris.adapters.traffic.envoy.bootstrap import bootstrap
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.environment import Environment
from verdigris.core.model.release import Release
from verdigris.core.model.service import Fields, Telemetry
from verdigris.core.model.split import Share, Split

Json = dict[str, Any]
PROXY_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 32
SIDES = ("blue", "green")
PLAIN, ROUTED, LOGGED, READ, STRIPPED = (
    "plain Envoy",
    "split, stamps, limits: no telemetry",
    "+ access log",
    "+ answers read: Verdigris as it is",
    "+ fields kept from clients (strip: true)",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One Envoy under load."""

    name: str
    port: int
    process: int


def main() -> int:
    asked = options(__doc__ or "").parse_args()
    require("wrk", "nginx", "taskset")
    seconds, rounds = (1.0, 1) if asked.quick else (2.0, 9)
    report = Report(benchmark="parts", command=f"python -m benchmarks.parts{' --quick' if asked.quick else ''}")
    report.conditions.append(
        f"one worker thread on core {PROXY_CORE}, everything else on core {OTHER_CORE}; wrk with {CONNECTIONS} connections; "
        f"{rounds} rounds of {seconds:g} s in turn; median, min - max. Log lines go to a receiver that drops them."
    )
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as name, _parts(Path(name)) as parts:
        spent: dict[str, list[float]] = {part.name: [] for part in parts}
        for number in range(rounds):
            for part in parts[number % len(parts) :] + parts[: number % len(parts)]:
                spent[part.name].append(_cpu_per_request(Path(name), part, seconds))
    report.add(*(over_rounds(name, [each * 1e6 for each in used], "us") for name, used in spent.items()))
    plain = statistics.median(spent[PLAIN])
    report.add(
        *(
            Figure(name=f"plain Envoy / {name}", value=plain / statistics.median(used))
            for name, used in spent.items()
            if name != PLAIN
        )
    )
    return finish(report, asked.json)


def _cpu_per_request(directory: Path, part: Part, seconds: float) -> float:
    before = cpu_seconds(part.process)
    run = at_full_load(directory, part.port, seconds=seconds, connections=CONNECTIONS, core=OTHER_CORE)
    if run.failed:
        raise RuntimeError(f"{run.failed} requests failed in {part.name!r}")
    return (cpu_seconds(part.process) - before) / run.requests


@contextlib.contextmanager
def _parts(directory: Path) -> Iterator[list[Part]]:
    strip = Telemetry(fields=Fields(strip=True))
    with contextlib.ExitStack() as stack:
        apps = stack.enter_context(app.serving(directory, SIDES, core=OTHER_CORE))
        collector = stack.enter_context(_receiver())

        def gateway(name: str, *, change: Callable[[Json], None] | None = None, **told: Any) -> Part:
            folder = directory / str(len(list(directory.iterdir())))
            folder.mkdir()
            return stack.enter_context(_gateway(folder, name, apps, change=change, **told))

        plain, process = stack.enter_context(plain_envoy.serving(directory, apps[SIDES[0]], workers=1, core=PROXY_CORE))
        yield [
            Part(name=PLAIN, port=plain, process=process),
            gateway(ROUTED),
            gateway(LOGGED, collector=collector, change=_unread),
            gateway(READ, collector=collector),
            gateway(STRIPPED, collector=collector, telemetry=strip),
        ]


@contextlib.contextmanager
def _gateway(
    folder: Path, name: str, apps: dict[str, int], *, change: Callable[[Json], None] | None, **told: Any
) -> Iterator[Part]:
    """An Envoy with the driver's configuration, half of the traffic to either side."""
    environments = tuple(
        Environment(name=side, url=f"http://127.0.0.1:{port}", release=Release.of(version=side, config={}))
        for side, port in apps.items()
    )
    port = free_port()
    said = EnvoyOptions(service="benchmark", environments=environments, state=folder, port=port, **told)
    shares = tuple(Share(environment=e.name, release=e.release.id, weight=50.0) for e in environments)
    split = Split(shares=shares, salt="benchmark")
    said.clusters_file.write_text(json.dumps(routes.discovery(clusters.resources(said))))
    said.routes_file.write_text(json.dumps(routes.discovery([routes.resource(split, said)])))
    config = bootstrap(said, admin=str(folder / "admin.sock"))
    if change is not None:
        change(config)
    said.bootstrap_file.write_text(json.dumps(config))
    command = [find("envoy") or "envoy", "-c", str(said.bootstrap_file), "--use-dynamic-base-id", "-l", "error"]
    log = folder / "log"
    with running([*command, "--concurrency", "1"], core=PROXY_CORE, log=log) as process:
        wait_for_port(port, process, log=log)
        yield Part(name=name, port=port, process=process.pid)


def _unread(config: Json) -> None:
    """Takes the filter that reads answers out."""
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = [item for item in manager["http_filters"] if not item["name"].endswith(".lua")]


@contextlib.contextmanager
def _receiver() -> Iterator[str]:
    """Acknowledges every call and forgets it; gives `host:port`."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    method = grpc.unary_unary_rpc_method_handler(lambda _, __: b"")
    service = "opentelemetry.proto.collector.logs.v1.LogsService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=0.5).wait()


if __name__ == "__main__":
    sys.exit(main())
