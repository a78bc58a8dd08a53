"""How fast and how cleanly traffic is switched, under constant load.

    python -m benchmarks.switch [--quick] [--json FILE] [--switches N]

Counted from the moment a command is sent to the moment the client sent the last request that the old side answered. First
through the API of a real `verdigris up` (advance to 100 %, rollback), with streams open all the while, then by the traffic
driver alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import app, product
from benchmarks.load import steady_command
from benchmarks.processes import free_port, require, running, wait_for_port
from benchmarks.report import Figure, Report, at_least, at_most, finish, options
from benchmarks.steady import Log
from benchmarks.waiting import pause
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.environment import Environment
from verdigris.core.model.release import Release
from verdigris.core.model.split import FULL, Share, Split

BLUE, GREEN = "blue", "green"
CONNECTIONS = 64
STEPS = "{ steps: [{ weight: 1%, hold: 1h }, { weight: 100% }], bake: 1h }"
"""Starting gives the candidate 1 %; `advance` then moves everything, `rollback` moves everything back."""
SETTLE = 0.05
"""Seconds between the start of a rollout and the switch that is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`switches` through the API and as many by the driver, `apart` seconds from each other, at `rate` requests/s."""

    switches: int = 120
    apart: float = 0.35
    rate: float = 1_500.0
    streams: int = 20

    @property
    def seconds(self) -> float:
        """Generously what the switches of one part take."""
        return self.switches * (self.apart + 0.25) + 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """`sent`: when the command was; `old` loses its traffic until `until`, when the next command comes."""

    sent: float
    answered: float
    old: str
    until: float = float("inf")


def main() -> int:
    parser = options(__doc__ or "")
    parser.add_argument("--switches", type=int, default=Plan().switches)
    asked = parser.parse_args()
    require("nginx")
    plan = Plan(switches=6, streams=2) if asked.quick else Plan(switches=asked.switches)
    report = Report(benchmark="switch", command=f"python -m benchmarks.switch{' --quick' if asked.quick else ''}")
    _conditions(report, plan)
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as name, _apps(Path(name)) as apps:
        through_api = _through_api(Path(name), apps, plan, report)
        by_driver = asyncio.run(_by_driver(Path(name), apps, plan, report))
    logs = [through_api, by_driver]
    report.add(
        Figure(
            name="requests in all",
            value=float(sum(len(log.status) for log in logs)),
            aim=None if asked.quick else at_least(100_000),
        ),
        Figure(name="failed requests in all", value=float(sum(map(_failed, logs))), aim=at_most(0)),
    )
    return finish(report, asked.json)


def _conditions(report: Report, plan: Plan) -> None:
    report.conditions += [
        (
            f"{plan.rate:g} requests/s, constant, over {CONNECTIONS} kept connections: the resolution is {1e3 / plan.rate:.2g} ms. "
            "Nothing is pinned; nginx with fixed answers stands for the application."
        ),
        (
            f"through the API: `verdigris up`, {plan.switches} switches (advance to 100 %, rollback, in turn); by the driver: as "
            "many calls of EnvoyDriver.apply."
        ),
        (
            f"{2 * plan.streams} event streams and {2 * plan.streams} WebSockets stay open across the switches of the API, half of "
            "each begun on either side."
        ),
    ]


@contextlib.contextmanager
def _apps(directory: Path) -> Iterator[dict[str, int]]:
    with contextlib.ExitStack() as stack:
        onward = {}
        for side in (BLUE, GREEN):
            events, sockets = free_port(), free_port()
            log = directory / f"streams-{side}.log"
            command = [sys.executable, "-m", "benchmarks.streams", "serve", str(events), str(sockets)]
            process = stack.enter_context(running(command, log=log))
            wait_for_port(events, process, log=log)
            wait_for_port(sockets, process, log=log)
            onward[side] = {"stream": events, "socket": sockets}
        yield stack.enter_context(app.serving(directory, (BLUE, GREEN), onward=onward))


# ------------------------------------------------------------------ through the API


def _through_api(directory: Path, apps: dict[str, int], plan: Plan, report: Report) -> Log:
    with product.serving(directory / "api", apps, strategy=STEPS) as ours:
        with _load(directory, ours.port, plan) as load:
            held = [_streams(ours.port, plan)]
            ours.client.start_rollout()
            ours.client.advance()
            held.append(_streams(ours.port, plan))
            pause(1.0)  # both groups are open, one on each side
            ours.client.rollback()
            switches = [switch for _ in range(plan.switches // 2) for switch in _there_and_back(ours, plan)]
        log = load.log()
        report.add(*_figures("through the API", switches, log))
        seen = [json.loads(process.communicate(timeout=plan.seconds + 60)[0]) for process in held]
    report.add(
        *(
            Figure(
                name=f"{what} open across the switches: cut",
                value=float(sum(s[f"{key}_cut"] for s in seen)),
                aim=at_most(0),
            )
            for what, key in (("event streams", "streams"), ("WebSockets", "sockets"))
        )
    )
    return log


def _there_and_back(ours: product.Product, plan: Plan) -> list[Switch]:
    """One rollout: everything to the candidate, and back."""
    rollout = ours.client.start_rollout()
    pause(SETTLE)
    there = _timed(lambda: ours.client.advance(rollout.id), old=BLUE)
    pause(plan.apart)
    back = _timed(lambda: ours.client.rollback(rollout.id), old=GREEN)
    pause(plan.apart)
    now = time.monotonic()
    return [
        Switch(sent=there.sent, answered=there.answered, old=BLUE, until=back.sent),
        Switch(sent=back.sent, answered=back.answered, old=GREEN, until=now),
    ]


def _timed(command: Callable[[], object], *, old: str) -> Switch:
    sent = time.monotonic()
    command()
    return Switch(sent=sent, answered=time.monotonic(), old=old)


def _streams(port: int, plan: Plan) -> subprocess.Popen[bytes]:
    """Opens a group of streams that outlasts the switches."""
    command = [sys.executable, "-m", "benchmarks.streams", "hold", "--port", str(port)]
    seconds = str(plan.seconds)
    return subprocess.Popen([*command, "--each", str(plan.streams), "--seconds", seconds], stdout=subprocess.PIPE)


# ------------------------------------------------------------------ by the driver alone


async def _by_driver(directory: Path, apps: dict[str, int], plan: Plan, report: Report) -> Log:
    environments = tuple(
        Environment(name=side, url=f"http://127.0.0.1:{port}", release=Release.of(version=side, config={}))
        for side, port in apps.items()
    )
    port = free_port()
    options_ = EnvoyOptions(service="switch", environments=environments, state=directory / "driver", port=port)
    driver = EnvoyDriver(options=options_)
    await driver.open(_all_to(BLUE, environments))
    try:
        with _load(directory, port, plan) as load:
            sides = [GREEN, BLUE] * (plan.switches // 2)
            times = []
            for side in sides:
                sent = time.monotonic()
                await driver.apply(_all_to(side, environments))
                times.append((sent, time.monotonic(), BLUE if side == GREEN else GREEN))
                await asyncio.sleep(plan.apart)
        log = load.log()
    finally:
        await driver.close(drain=2.0)
    ends = [sent for sent, _, _ in times[1:]] + [float("inf")]
    switches = [Switch(sent=s, answered=a, old=old, until=end) for (s, a, old), end in zip(times, ends, strict=True)]
    report.add(*_figures("by the driver", switches, log))
    return log


def _all_to(side: str, environments: tuple[Environment, ...]) -> Split:
    shares = tuple(
        Share(environment=e.name, release=e.release.id, weight=FULL if e.name == side else 0.0) for e in environments
    )
    return Split(shares=shares, salt="switch")


# ------------------------------------------------------------------ load and figures


class _Load:
    """The steady client in a process of its own, with every request written down."""

    def __init__(self, directory: Path, port: int, plan: Plan) -> None:
        self._file = directory / f"requests-{port}.log"
        command = steady_command(directory, port, plan.rate, plan.seconds, CONNECTIONS)
        self.process = subprocess.Popen([*command, "--log", str(self._file)], stdout=subprocess.DEVNULL)

    def log(self) -> Log:
        return Log.read(self._file)


@contextlib.contextmanager
def _load(directory: Path, port: int, plan: Plan) -> Iterator[_Load]:
    """Load for the length of a `with` block; at its end the client is told to stop, and has written its log."""
    load = _Load(directory, port, plan)
    pause(0.5)
    try:
        yield load
        pause(0.2)
    finally:
        load.process.send_signal(signal.SIGINT)
        if load.process.wait(timeout=30) != 0:
            raise RuntimeError(f"the client ended with {load.process.returncode}")


def _figures(name: str, switches: list[Switch], log: Log) -> list[Figure]:
    lasts = np.array([_last_on_old(switch, log) for switch in switches]) * 1e3
    answered = np.array([switch.answered - switch.sent for switch in switches]) * 1e3
    return [
        Figure(name=f"{name}: switches", value=float(len(switches))),
        Figure(
            name=f"{name}: command to last request on the old side, p50",
            value=float(np.quantile(lasts, 0.5)),
            unit="ms",
        ),
        Figure(
            name=f"{name}: command to last request on the old side, p99",
            value=float(np.quantile(lasts, 0.99, method="higher")),
            unit="ms",
            aim=at_most(50),
        ),
        Figure(name=f"{name}: longest", value=float(lasts.max()), unit="ms"),
        Figure(name=f"{name}: command to its answer, p50", value=float(np.quantile(answered, 0.5)), unit="ms"),
        Figure(name=f"{name}: command to its answer, p99", value=float(np.quantile(answered, 0.99)), unit="ms"),
        Figure(name=f"{name}: requests", value=float(len(log.status))),
        Figure(name=f"{name}: failed requests", value=float(_failed(log)), aim=at_most(0)),
    ]


def _last_on_old(switch: Switch, log: Log) -> float:
    """Seconds from the command to the last request that went to the old side; 0 when there was none after it.

    What was not answered before the next command may have met that one, and says nothing of this one.
    """
    sent, done, side = np.array(log.sent), np.array(log.done), np.array(log.side)
    after = sent[(sent >= switch.sent) & (done < switch.until) & (side == ord(switch.old[0]))]
    return float(after.max() - switch.sent) if len(after) else 0.0


def _failed(log: Log) -> int:
    return sum(not 200 <= status < 300 for status in log.status)


if __name__ == "__main__":
    sys.exit(main())
