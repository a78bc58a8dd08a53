"""The product itself: a real `verdigris up` with its Envoy, its access log and its store in a private directory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port, running, wait_for_port
from verdigris.client import Client

_CONFIG = """
service: benchmark
gateway: {{ listen: 127.0.0.1:{port} }}
api: {{ listen: 127.0.0.1:{api} }}
environments:
{environments}
telemetry: {{ fields: {{ strip: {strip} }} }}
strategy: {strategy}
guardrails: {{ latency_p99: {{ max_increase: 2000%, tolerance: 1000% }} }}
"""
"""Latency is judged with a wide tolerance: a machine at its limit stalls one side or the other, and a benchmark that is
rolled back measures nothing any more.
"""
HALF = "{ steps: [{ weight: 50%, hold: 1h }, { weight: 100% }] }"
"""Half of the traffic to the candidate for an hour: every request is judged for as long as a benchmark takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """What a benchmark needs to know of it."""

    port: int
    controller: int
    envoy: int
    workers: int
    client: Client
    log: Path


@contextlib.contextmanager
def serving(
    directory: Path, apps: Mapping[str, int], *, strategy: str = HALF, strip: bool = False, core: int | None = None
) -> Iterator[Product]:
    """Runs it over `apps` (environment to port on this machine); Envoy and controller begin on `core` if given."""
    directory.mkdir(parents=True, exist_ok=True)
    port, api, state = free_port(), free_port(), directory / "state"
    file, log = directory / "verdigris.yaml", directory / "verdigris.log"
    environments = "\n".join(f"  {name}: {{ url: 'http://127.0.0.1:{where}' }}" for name, where in apps.items())
    said = {"environments": environments, "strategy": strategy, "strip": str(strip).lower()}
    file.write_text(_CONFIG.format(port=port, api=api, **said))
    command = [sys.executable, "-m", "verdigris", "up", "-f", str(file), "--state", str(state)]
    with _cleaned(state), running(command, core=core, log=log, patience=15) as process:
        wait_for_port(api, process, log=log)
        wait_for_port(port, process, log=log)
        envoy = int(json.loads(next(state.rglob("envoy.run"), state).read_text())["pid"])
        with Client(f"http://127.0.0.1:{api}", actor="benchmark") as client:
            yield Product(
                port=port, controller=process.pid, envoy=envoy, workers=_workers(envoy), client=client, log=log
            )


def _workers(envoy: int) -> int:
    words = Path(f"/proc/{envoy}/cmdline").read_bytes().split(b"\0")
    return int(words[words.index(b"--concurrency") + 1])


@contextlib.contextmanager
def _cleaned(state: Path) -> Iterator[None]:
    """Ends an Envoy of this state directory that outlived its controller, as it is meant to when that was killed."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError, KeyError):
            pid = int(json.loads(next(state.rglob("envoy.run"), state).read_text())["pid"])
            if str(state).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
