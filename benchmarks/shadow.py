"""Shadow pairs under a budget: what is spent, what is made, what is dropped and why, and what live requests pay for it.

    python -m benchmarks.shadow [--quick] [--json FILE] [--rate N] [--rounds N] [--budget USD]

The real gateway and controller as `verdigris up` starts them, two simulated apps whose answers tell a simulated cost, and a simulated
judge behind an address of its own. A rollout with shadow pairs and none take turns, round by round, so that a disturbance of the machine
meets both; latencies are those that the users see. What is spent is asked again and again while pairs are made.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Figure, Report, at_most, finish, options, over_rounds
from verdigris.client import Client, Unreachable
from verdigris.core.model.errors import NotFound
from verdigris.demo.processes import Program, free_ports, launch, said, stop
from verdigris.demo.traffic import Traffic

READY = 30.0
_LOOK = 0.1
_KEY = "SHADOW_BENCHMARK_KEY"
_FILE = """\
service: shadowed
gateway: {{ listen: 127.0.0.1:{gateway}, timeout: 20s }}
api: {{ listen: 127.0.0.1:{api} }}
environments:
  blue:  {{ url: "http://127.0.0.1:{blue}" }}
  green: {{ url: "http://127.0.0.1:{green}" }}
quality:
  scorers:
    - heuristics
    - {{ use: judge, model: gpt-4o-mini, url: "{judge}/v1", api_key_env: {key}, gate: true, budget: 100 USD/day }}
  shadow: {{ rate: 50%, budget: {budget} USD/day, paths: [/api/process, /v1/chat/completions] }}
strategy:
  steps: [ {{ weight: 10%, hold: 1h }}, {{ weight: 100% }} ]
"""


@dataclass(kw_only=True, slots=True)
class Seen:
    """`most` is the largest sum of USD that was ever spent or reserved on the day; p99 and p50 in seconds, by round."""

    most: float = 0.0
    made: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    requests: int = 0
    p99: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    p50: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})


def main() -> int:
    asked = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # then what was started is ended, as after Ctrl-C
    seconds, rounds = (2.0, 1) if asked.quick else (8.0, asked.rounds)
    report = Report(benchmark="shadow", command=f"python -m benchmarks.shadow{' --quick' if asked.quick else ''}")
    report.conditions.append(
        f"{asked.rate:g} requests/s, {rounds} rounds of {seconds:g} s with pairs and as many without, in turn; a budget of {asked.budget:g} "
        "USD/day; the apps tell 0.0024 USD an answer, the judge is priced as gpt-4o-mini; nothing pinned"
    )
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as name:
        seen = asyncio.run(measure(Path(name), rate=asked.rate, seconds=seconds, rounds=rounds, budget=asked.budget))
    fill(report, seen, asked.budget)
    return finish(report, asked.json)


def _options() -> argparse.Namespace:
    parser = options(__doc__ or "")
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second (default 50)")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of each kind (default 6)")
    parser.add_argument("--budget", type=float, default=1.0, help="USD a day for shadow pairs (default 1)")
    return parser.parse_args()


async def measure(folder: Path, *, rate: float, seconds: float, rounds: int, budget: float) -> Seen:
    seen = Seen()
    async with _service(folder, budget) as (gateway, api):
        with Client(f"http://127.0.0.1:{api}", timeout=10.0, actor="benchmark") as client:
            await _until_ready(client)
            traffic = Traffic(host="127.0.0.1", port=gateway, rate=rate)
            traffic.start()
            try:
                await asyncio.sleep(1.0)
                for number in range(rounds):
                    for shadowed in (False, True) if number % 2 == 0 else (True, False):
                        await _round(client, traffic, seen, shadowed=shadowed, seconds=seconds)
            finally:
                await traffic.stop()
    return seen


async def _round(client: Client, traffic: Traffic, seen: Seen, *, shadowed: bool, seconds: float) -> None:
    if shadowed:
        await asyncio.to_thread(client.start_rollout, "green", None)
    await traffic.begin()
    await _watch(client, seen, seconds=seconds)
    tally = await traffic.begin()
    if shadowed:
        await asyncio.to_thread(client.abort)
        await _until_over(client)
    latencies = sorted(second for one in tally.releases.values() for second in one.latencies)
    seen.requests += tally.answers
    seen.failed += tally.not_ok
    seen.p99[shadowed].append(latencies[int(0.99 * (len(latencies) - 1))])
    seen.p50[shadowed].append(statistics.median(latencies))


async def _watch(client: Client, seen: Seen, *, seconds: float) -> None:
    """Asks what is spent again and again, for as long as the round lasts: as often with pairs as without, since asking costs time too."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while clock() < until:
        with contextlib.suppress(NotFound):  # before the first rollout there is nothing to ask of
            found = await asyncio.to_thread(client.quality)
            for purse in found.money or ():
                if purse.purse == "shadow":
                    seen.most = max(seen.most, purse.day)
            seen.made = Counter(found.work.pairs)
            seen.dropped = Counter(found.work.dropped)
        await asyncio.sleep(_LOOK)


def fill(report: Report, seen: Seen, budget: float) -> None:
    report.add(
        Figure(name="spent or reserved, the most that was ever seen", value=seen.most, unit="USD", aim=at_most(budget)),
        *(Figure(name=f"pairs made: {kind}", value=count) for kind, count in sorted(seen.made.items())),
        *(Figure(name=f"dropped: {reason}", value=count) for reason, count in sorted(seen.dropped.items())),
        Figure(name="live requests", value=seen.requests),
        Figure(name="live requests that failed", value=seen.failed, aim=at_most(0)),
        over_rounds("live p50 without pairs", [1e3 * second for second in seen.p50[False]], "ms"),
        over_rounds("live p50 with pairs", [1e3 * second for second in seen.p50[True]], "ms"),
        over_rounds("live p99 without pairs", [1e3 * second for second in seen.p99[False]], "ms"),
        over_rounds("live p99 with pairs", [1e3 * second for second in seen.p99[True]], "ms"),
        over_rounds(
            "live p99 with pairs, of that without",
            [one / other for one, other in zip(seen.p99[True], seen.p99[False], strict=True)],
        ),
    )


# ------------------------------------------------------------------ what runs


@asynccontextmanager
async def _service(folder: Path, budget: float) -> AsyncIterator[tuple[int, int]]:
    """Apps, judge, gateway and controller; the ports of the gateway and of the API."""
    environment, programs = {**os.environ, _KEY: "simulated"}, list[Program]()

    async def run(name: str, *command: str) -> Program:
        programs.append(await launch(name, [sys.executable, *command], folder=folder, environment=environment))
        return programs[-1]

    try:
        ports = {}
        for seed, name in enumerate(("blue", "green"), start=1):
            app = await run(f"app-{name}", "-m", "verdigris.demo.app", "--port", "0", "--seed", str(seed))
            ports[name] = int((await said(app, r"simulated app on http://127\.0\.0\.1:(\d+)", deadline=READY))[1])
        judge = await run("judge", "-m", "verdigris.demo.judge", "--port", "0")
        address = (await said(judge, r"simulated judge on (http://127\.0\.0\.1:\d+)", deadline=READY))[1]
        gateway, api = free_ports(2)
        file = folder / "verdigris.yaml"
        names = {"gateway": gateway, "api": api, "judge": address, "key": _KEY, "budget": f"{budget:g}"}
        file.write_text(_FILE.format(**names, **ports), encoding="utf-8")
        await run("verdigris-up", "-m", "verdigris", "up", "-f", str(file), "--state", str(folder / "state"))
        yield gateway, api
    finally:
        for program in reversed(programs):
            await stop(program, grace=10.0)


async def _until_ready(client: Client) -> None:
    async with asyncio.timeout(READY):
        while True:
            try:
                if (await asyncio.to_thread(client.status)).ready:
                    return
            except Unreachable:
                pass
            await asyncio.sleep(_LOOK)


async def _until_over(client: Client) -> None:
    async with asyncio.timeout(READY):
        while not (await asyncio.to_thread(client.rollout)).phase.is_final:  # noqa: ASYNC110 -- it lies in another process
            await asyncio.sleep(_LOOK)


if __name__ == "__main__":
    sys.exit(main())
