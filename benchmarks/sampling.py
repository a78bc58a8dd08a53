"""What live requests pay for being copied: latency with and without, and with a receiver that stands still or is gone.

    python -m benchmarks.sampling [--quick] [--json FILE] [--rate N] [--rounds N]

One Envoy with the driver's own configuration; what it copies changes between runs, in turn, round by round, so that a
disturbance of the machine meets all of them. Copies are received in this process, as the controller does it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import fixed_app
from benchmarks.load import Half, at_rate
from benchmarks.processes import cpu_seconds, free_port
from benchmarks.report import Figure, Report, finish, options, over_rounds
from verdigris.adapters.samples.ext_proc.source import CopySource
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, socket_path
from verdigris.adapters.traffic.envoy.process import Run
from verdigris.core.model.environment import Environment
from verdigris.core.model.release import Release
from verdigris.core.model.split import Share, Split
from verdigris.core.model.taps import Taps

SIDES = ("blue", "green")
CONNECTIONS = 64
NOTHING, GONE = "nothing copied", "all copied, nobody receives"
_MILLISECONDS = 1e3


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One share of both sides; `heard`: whether anybody receives."""

    name: str
    share: float
    heard: bool = True


@dataclass(kw_only=True, slots=True)
class Seen:
    """What one way showed, run by run. `cpu` is Envoy's processor time for one request, `copies` are per second."""

    runs: list[Half] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    copies: list[float] = field(default_factory=list)
    lost: int = 0


def main() -> int:
    parser = options(__doc__ or "")
    parser.add_argument("--rate", type=float, default=500.0, help="requests per second")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    seconds, rounds = (1.0, 1) if asked.quick else (4.0, asked.rounds)
    report = Report(benchmark="sampling", command=f"python -m benchmarks.sampling{' --quick' if asked.quick else ''}")
    report.conditions.append(
        f"{asked.rate:g} requests/s at a constant rate over {CONNECTIONS} connections, half to either side; {rounds} rounds of "
        f"{seconds:g} s a way, in turn; nothing pinned; median, min - max; latencies from the moment a request was due"
    )
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as directory:
        seen = asyncio.run(measure(Path(directory), rate=asked.rate, seconds=seconds, rounds=rounds))
    fill(report, seen)
    return finish(report, asked.json)


def ways(rate: float) -> tuple[Way, ...]:
    return (
        Way(name=NOTHING, share=0.0),
        Way(name="60 a minute of each side", share=min(1.0, 2 / rate)),
        Way(name="10 % copied", share=0.1),
        Way(name="all copied", share=1.0),
        Way(name=GONE, share=1.0, heard=False),
    )


async def measure(directory: Path, *, rate: float, seconds: float, rounds: int) -> dict[str, Seen]:
    """By way, in their order."""
    told = ways(rate)
    seen = {way.name: Seen() for way in told}
    with fixed_app.serving(directory, SIDES) as ports:
        async with _gateway(directory, ports) as (driver, source):
            for number in range(rounds):
                for turn in range(len(told)):
                    way = told[(turn + number) % len(told)]
                    await _run(driver, source, way, seen[way.name], rate=rate, seconds=seconds)
    return seen


async def _run(driver: EnvoyDriver, source: CopySource, way: Way, seen: Seen, *, rate: float, seconds: float) -> None:
    await driver.tap(Taps(sampled=dict.fromkeys(SIDES, way.share) if way.share else {}))
    if not way.heard:
        await source.close()
    record = Run.read(driver.options.record_file)
    process = record.pid if record is not None else 0
    before, counting = cpu_seconds(process), asyncio.create_task(_count(source, seen))
    half = await asyncio.to_thread(
        at_rate, driver.options.state, driver.options.port, rate=rate, seconds=seconds, connections=CONNECTIONS
    )
    counting.cancel()
    await asyncio.wait([counting])
    if half.failed:
        raise RuntimeError(f"{half.failed} requests failed with {way.name!r}")
    seen.runs.append(half)
    seen.cpu.append((cpu_seconds(process) - before) / half.requests)
    seen.copies[-1] /= seconds
    if not way.heard:
        await source.open()


async def _count(source: CopySource, seen: Seen) -> None:
    seen.copies.append(0.0)
    while True:
        await source.wait(1.0)
        copied = source.collect(1_000)
        seen.copies[-1] += len(copied.exchanges)
        seen.lost += copied.lost


@asynccontextmanager
async def _gateway(directory: Path, ports: Mapping[str, int]) -> AsyncIterator[tuple[EnvoyDriver, CopySource]]:
    state = directory / "state"
    state.mkdir()
    environments = tuple(
        Environment(name=side, url=f"http://127.0.0.1:{port}", release=Release.of(version=side))
        for side, port in ports.items()
    )
    address = socket_path(state, "copies.sock")
    source = CopySource(address=address, environments=SIDES, service="benchmark")
    driver = EnvoyDriver(
        options=EnvoyOptions(
            service="benchmark",
            environments=environments,
            state=state,
            port=free_port(),
            sampler=address,
            concurrency=1,
        )
    )
    shares = tuple(Share(environment=each.name, release=each.release.id, weight=50.0) for each in environments)
    await source.open()
    await driver.open(Split(shares=shares, salt="benchmark"))
    try:
        yield driver, source
    finally:
        await driver.close(drain=0.0)
        await source.close()


def fill(report: Report, seen: Mapping[str, Seen]) -> None:
    """Latencies, then each way's as multiples of those without copies, round by round."""
    for name, each in seen.items():
        report.add(over_rounds(f"{name}: p50", [run.p50 * _MILLISECONDS for run in each.runs], "ms"))
        report.add(over_rounds(f"{name}: p99", [run.p99 * _MILLISECONDS for run in each.runs], "ms"))
        report.add(over_rounds(f"{name}: Envoy's processor time a request", [used * 1e6 for used in each.cpu], "us"))
        report.add(over_rounds(f"{name}: copies received", each.copies, "1/s"))
        report.add(Figure(name=f"{name}: requests failed", value=float(sum(run.failed for run in each.runs))))
        if each.lost:
            report.add(Figure(name=f"{name}: copies lost", value=float(each.lost)))
    base = seen[NOTHING]
    for name, each in seen.items():
        if name != NOTHING:
            for what in ("p50", "p99"):
                pairs = zip(each.runs, base.runs, strict=True)
                ratios = [getattr(run, what) / getattr(without, what) for run, without in pairs]
                report.add(over_rounds(f"{name} / {NOTHING}: {what}", ratios))
    late = statistics.median(run.sent_late_p99 for each in seen.values() for run in each.runs)
    report.add(Figure(name="the client itself sent late: p99", value=late * _MILLISECONDS, unit="ms"))


if __name__ == "__main__":
    sys.exit(main())
