"""What the controller can take in: observations a second, memory over millions, and decisions on time meanwhile.

    python -m benchmarks.ingest [--quick] [--json FILE] [--observations N]

Lines are captured from a real Envoy first, so what is parsed is what Envoy sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import math
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from benchmarks.captured import SIDES, capture
from benchmarks.firehose import Requests
from benchmarks.processes import resident_bytes
from benchmarks.report import Figure, Report, at_least, at_most, finish, options, over_rounds
from verdigris.adapters.checks.reachable import Reachable
from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.sources.access_log.parse import Skipped
from verdigris.adapters.sources.access_log.parse import parser as line_parser
from verdigris.adapters.sources.access_log.source import AccessLogSource
from verdigris.adapters.stores.sqlite import SqliteStore
from verdigris.adapters.traffic.memory import MemoryDriver
from verdigris.controller.pricing import Pricing
from verdigris.controller.service import Controller
from verdigris.controller.telemetry.meters import Meters
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.thinning import Thinning
from verdigris.core.model.environment import Environment
from verdigris.core.model.metric import DEFAULT_GUARDRAILS
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.release import Release
from verdigris.core.model.service import Service
from verdigris.core.model.strategy import Advance, Strategy, WeightStep

CHUNK = 1_000
"""Observations folded at once, as the controller does."""
MARKS = 5
"""How often memory is read."""
PRICED = 200_000
"""Observations that are priced and counted as well, one after another with and without that."""
MB = 1e6
_LONGEST = 20.0  # seconds that a drawn request may last
_MODEL = "gpt-4o-mini"
PRICED_KEEPS = 0.5
"""The part of the throughput that must be left when all requests are priced and counted."""
FLAT = 16.0
"""MB by which memory may differ between one fifth of the way and the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How much: observations in this process, and seconds over gRPC."""

    observations: int = 5_000_000
    seconds: float = 25.0


def main() -> int:
    parser = options(__doc__ or "")
    parser.add_argument("--observations", type=int, default=Plan().observations)
    asked = parser.parse_args()
    plan = Plan(observations=20_000, seconds=2.0) if asked.quick else Plan(observations=asked.observations)
    report = Report(benchmark="ingest", command=f"python -m benchmarks.ingest{' --quick' if asked.quick else ''}")
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as name:
        directory = Path(name)
        captured = capture(directory)
        requests = Requests(captured)
        _conditions(report, plan, captured, requests)
        report.add(*_in_process(requests, plan.observations))
        report.add(*_priced(requests, min(plan.observations, PRICED)))
        del requests
        gc.collect()
        kept = directory / "captured.pickle"
        kept.write_bytes(pickle.dumps(captured))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report.add(*runner.run(_under_full_load(directory, kept, plan)))
    return finish(report, asked.json)


def _conditions(report: Report, plan: Plan, captured: Sequence[bytes], requests: Requests) -> None:
    report.conditions += [
        (
            f"{len(captured)} log export requests captured from Envoy with the driver's own configuration; duration, tokens, "
            f"cost and quality redrawn, 0.5 % errors; {requests.per_request} records a request (128 KiB, Envoy's buffer)."
        ),
        (
            f"in process: {plan.observations:,} observations through AccessLogSource and Ledger.fold, default guardrails, half "
            "of them of the candidate; judged every 0.2 s. One thread; processor time, so that other programs do not count. "
            "Nothing is thinned: every one is folded."
        ),
        (
            f"over gRPC: the real Controller with SQLite, a rollout at 50 %, a sender in another process at full speed for "
            f"{plan.seconds:g} s: as much as it takes, without a pause. Thinning is off: every one is folded."
        ),
    ]


# ------------------------------------------------------------------ in this process


class Clock:
    """The unix time the source believes in, so that hours of traffic can pass in minutes."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def _in_process(requests: Requests, observations: int) -> list[Figure]:
    """Parse and fold, with memory read on the way."""
    clock = Clock()
    source = AccessLogSource(address="", environments=SIDES, service="benchmark", clock=clock)
    parse = line_parser(SIDES, service="benchmark")
    ledger = Ledger.begin(Terms(guardrails=DEFAULT_GUARDRAILS, stable=SIDES[0], candidate=SIDES[1]))
    ledger.expect(clock.now - 60.0, 0.5)
    taken, spent = 0, dict.fromkeys(("parse", "fold", "judge"), 0.0)
    rates: list[float] = []
    memory = [resident_bytes(os.getpid())]
    while taken < observations:
        used = sum(spent.values())
        before, goal = taken, min(observations, taken + observations // MARKS)
        while taken < goal:
            clock.now += 0.2
            # Begun so long ago that all have ended: what ends in the future is not believed.
            message = requests.next(since=clock.now - _LONGEST - 0.2, until=clock.now - _LONGEST)
            taken += _take(source, parse, ledger, message, spent)
            spent["judge"] += _seconds(lambda: judge(ledger, at=clock.now))
        rates.append((taken - before) / (sum(spent.values()) - used))
        memory.append(resident_bytes(os.getpid()))
    folded = sum(ledger.samples(role) for role in Role)
    return [
        over_rounds("parsed and folded, per core", rates, "1/s", at_least(30_000)),
        *(Figure(name=f"  of it {part}", value=used / taken * 1e6, unit="us each") for part, used in spent.items()),
        Figure(name="observations folded", value=float(folded)),
        Figure(name="ledger as it is stored", value=len(ledger.encode()) / 1e3, unit="kB"),
        Figure(name="evidence for harm (1 says nothing, 20 rolls back)", value=ledger.evidence),
        *(
            Figure(name=f"memory after {int(observations / MARKS * mark):,}", value=used / MB, unit="MB")
            for mark, used in enumerate(memory)
        ),
        Figure(
            name=f"memory: last less that after {observations // MARKS:,}",
            value=(memory[-1] - memory[1]) / MB,
            unit="MB",
            aim=at_most(FLAT),
        ),
    ]


def _priced(requests: Requests, observations: int) -> list[Figure]:
    """What pricing every request and counting it for /metrics take beside parsing and folding."""
    clock = Clock()
    source = AccessLogSource(address="", environments=SIDES, service="benchmark", clock=clock)
    parse = line_parser(SIDES, service="benchmark")
    ledger = Ledger.begin(Terms(guardrails=DEFAULT_GUARDRAILS, stable=SIDES[0], candidate=SIDES[1]))
    ledger.expect(clock.now - 60.0, 0.5)
    pricing = Pricing(prices=KeptPrices())
    pricing.load()
    meters = Meters("benchmark", rollout=lambda: None, stable=lambda: SIDES[0])
    spent, taken = dict.fromkeys(("parse", "price", "count", "fold"), 0.0), 0
    while taken < observations:
        clock.now += 0.2
        message = requests.next(since=clock.now - _LONGEST - 0.2, until=clock.now - _LONGEST)
        spent["parse"] += _seconds(lambda: source._receive(message, parse))  # noqa: B023, SLF001 -- called at once
        while found := source.collect(CHUNK).observations:
            unpriced = [replace(each, cost=None, response_model=_MODEL) for each in found]
            priced: list[Observation] = []
            spent["price"] += _seconds(lambda: priced.extend(pricing.price(unpriced)))  # noqa: B023 -- called at once
            spent["count"] += _seconds(lambda: meters.observe(priced))  # noqa: B023 -- called at once
            spent["fold"] += _seconds(lambda: ledger.fold(priced))  # noqa: B023 -- called at once
            taken += len(found)
    if pricing.health.estimated != taken:
        raise RuntimeError(f"{taken} taken, {pricing.health.estimated} priced")
    bare = spent["parse"] + spent["fold"]
    return [
        Figure(name="pricing a request that reports no cost", value=spent["price"] / taken * 1e6, unit="us each"),
        Figure(name="counting it for /metrics", value=spent["count"] / taken * 1e6, unit="us each"),
        Figure(
            name="throughput with both, beside that without",
            value=bare / sum(spent.values()),
            aim=at_least(PRICED_KEEPS),
        ),
    ]


def _take(
    source: AccessLogSource,
    parse: Callable[[bytes, int], Observation | Skipped],
    ledger: Ledger,
    message: bytes,
    spent: dict[str, float],
) -> int:
    """One export request through the source into the ledger, as the controller does it; how many came out."""
    spent["parse"] += _seconds(lambda: source._receive(message, parse))  # noqa: SLF001 -- the gRPC server's own call
    taken = 0
    while True:
        began = time.process_time()
        collected = source.collect(CHUNK)
        ledger.fold(collected.observations)
        spent["fold"] += time.process_time() - began
        taken += len(collected.observations)
        if collected.lost or collected.late:
            raise RuntimeError(f"{collected.lost} lost and {collected.late} late in a process of one thread")
        if len(collected.observations) < CHUNK:
            return taken


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


# ------------------------------------------------------------------ over gRPC, under full load


async def _under_full_load(directory: Path, captured: Path, plan: Plan) -> list[Figure]:
    """The real controller while as much arrives as it takes."""
    collector = str(directory / "access-log.sock")
    source = AccessLogSource(address=collector, environments=SIDES, service="benchmark")
    async with _listening() as address:
        controller = _controller(directory, address, source)
        await controller.open()
        running = asyncio.create_task(controller.run())
        try:
            await controller.start(actor="benchmark")
            return await _flood(controller, collector, captured, plan.seconds)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await controller.leave()


@contextlib.asynccontextmanager
async def _listening() -> AsyncIterator[str]:
    """Something that accepts connections, so that the candidate counts as reachable; gives its URL."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _controller(directory: Path, address: str, source: AccessLogSource) -> Controller:
    steps = (
        WeightStep(weight=50.0, hold=3600.0),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    )
    environments = tuple(
        Environment(name=side, url=address, release=Release.of(version=side, config={})) for side in SIDES
    )
    return Controller(
        Service(name="benchmark", environments=environments, strategy=Strategy(steps=steps)),
        store=SqliteStore(path=directory / "verdigris.db"),
        driver=MemoryDriver(environments=SIDES),
        source=source,
        reachable=Reachable(),
        thinning=Thinning(most=math.inf),  # what is measured here is folding
    )


async def _flood(controller: Controller, collector: str, captured: Path, seconds: float) -> list[Figure]:
    lags = controller._reconciler.lags  # noqa: SLF001 -- what is measured; nobody else asks for it
    began, used = time.monotonic(), time.process_time()
    command = [sys.executable, "-m", "benchmarks.firehose", "--captured", str(captured)]
    sender = await asyncio.create_subprocess_exec(
        *command, "--to", f"unix:{collector}", "--seconds", str(seconds), stdout=subprocess.PIPE
    )
    lags.clear()
    said, _ = await sender.communicate()
    took, used = time.monotonic() - began, time.process_time() - used
    if sender.returncode != 0:
        raise RuntimeError(f"the sender ended with {sender.returncode}")
    sent = json.loads(said)
    health = (await controller.status()).telemetry
    waits = sorted(lags)
    return [
        Figure(name="under full load: arrived over gRPC", value=sent["sent"] / sent["seconds"], unit="1/s"),
        Figure(name="under full load: folded by the controller, wall clock", value=health.received / took, unit="1/s"),
        Figure(name="under full load: folded, per core", value=health.received / used, unit="1/s"),
        Figure(name="under full load: lost or late, counted as such", value=float(health.lost + health.late)),
        Figure(name="reconcile loop: wakes", value=float(len(waits))),
        Figure(name="reconcile loop: lag p50", value=_at(waits, 0.50) * 1e3, unit="ms"),
        Figure(name="reconcile loop: lag p99", value=_at(waits, 0.99) * 1e3, unit="ms", aim=at_most(100)),
        Figure(name="reconcile loop: longest lag", value=waits[-1] * 1e3, unit="ms"),
    ]


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


if __name__ == "__main__":
    sys.exit(main())
