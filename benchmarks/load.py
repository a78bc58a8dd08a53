"""Load: as much as possible (wrk), and a constant rate (benchmarks.steady), each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.messages import PATH, request, request_body
from benchmarks.processes import find

_SCRIPT = """
wrk.method = "POST"
wrk.body = [==[%s]==]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer not-a-secret"
function done(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format('{"requests":%%d,"microseconds":%%d,"errors":%%d,"p50":%%d,"p99":%%d}',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Full:
    """What wrk saw: requests per second, failures, latencies in seconds (at full load: queueing, for the record only)."""

    rate: float
    requests: int
    failed: int
    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Half:
    """What the steady client saw; latencies in seconds, from the moment each request was due.

    `sent_late_p99`: how late the client itself sent, so that its own slowness is not taken for the proxy's.
    """

    requests: int
    failed: int
    p50: float
    p99: float
    sent_late_p99: float


def at_full_load(directory: Path, port: int, *, seconds: float, connections: int, core: int | None = None) -> Full:
    """Runs wrk with one thread. Raises: RuntimeError."""
    script = directory / "post.lua"
    script.write_text(_SCRIPT % request_body().decode())
    command = [find("wrk") or "wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script)]
    said = _run([*_on(core), *command, f"http://127.0.0.1:{port}{PATH}"], seconds).stderr
    seen = json.loads(said[said.index("{") :])
    return Full(
        rate=seen["requests"] / (seen["microseconds"] / 1e6),
        requests=seen["requests"],
        failed=seen["errors"],
        p50=seen["p50"] / 1e6,
        p99=seen["p99"] / 1e6,
    )


def at_rate(
    directory: Path, port: int, *, rate: float, seconds: float, connections: int, core: int | None = None
) -> Half:
    """Runs the steady client. Raises: RuntimeError."""
    said = _run([*_on(core), *steady_command(directory, port, rate, seconds, connections)], seconds).stdout
    return Half(**json.loads(said))


def steady_command(directory: Path, port: int, rate: float, seconds: float, connections: int) -> list[str]:
    """The command that runs the steady client."""
    file = directory / f"request-{port}.http"
    file.write_bytes(request(port))
    asked = {"port": port, "rate": rate, "seconds": seconds, "connections": connections, "request": file}
    pairs = [word for name, value in asked.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "benchmarks.steady", *pairs]


def _on(core: int | None) -> list[str]:
    return [] if core is None else ["taskset", "-c", str(core)]


def _run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"{command!r} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return ended
