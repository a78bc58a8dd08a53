"""How much the gateway costs: direct, plain Envoy, Verdigris with all telemetry, and a FastAPI + httpx proxy.

    python -m benchmarks.gateway [--quick] [--json FILE] [--seconds S] [--rounds N]

All contenders run at the same time and take turns under load, round by round, so that a disturbance of the machine meets
all of them. A proxy under test has one core, everything else (client, application, controller with its ingest) the other.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import app, plain_envoy, product, python_proxy
from benchmarks.load import Full, Half, at_full_load, at_rate
from benchmarks.messages import answer_body, request_body
from benchmarks.processes import cpu_seconds, giving_way, pin, require
from benchmarks.report import Aim, Figure, Report, at_least, at_most, finish, options, over_rounds
from benchmarks.waiting import pause

PROXY_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 32
OPEN_CONNECTIONS = 64
"""For the constant rate: enough that the client never waits for a free one unless the proxy stalls."""
DIRECT, PLAIN, OURS, PYTHON = "direct", "plain Envoy", "Verdigris", "FastAPI + httpx"


@dataclass(slots=True)
class Contender:
    """One address under load; `proxy` is the process that is measured, `beside` one that works for it."""

    name: str
    port: int
    proxy: int | None = None
    beside: int | None = None
    full: list[Full] = field(default_factory=list)
    half: list[Half] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    cpu_beside: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(run.rate for run in self.full)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How long: seconds a run, rounds, and rounds without pinning."""

    seconds: float = 4.0
    rounds: int = 5
    unpinned: int = 2


def main() -> int:
    parser = options(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=Plan().seconds, help="length of one run")
    parser.add_argument("--rounds", type=int, default=Plan().rounds)
    asked = parser.parse_args()
    require("wrk", "nginx", "taskset")
    plan = Plan(seconds=asked.seconds, rounds=asked.rounds)
    if asked.quick:
        plan = Plan(seconds=1.0, rounds=1, unpinned=1)
    report = Report(benchmark="gateway", command=f"python -m benchmarks.gateway{' --quick' if asked.quick else ''}")
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as directory:
        measure(Path(directory), plan, report)
    return finish(report, asked.json)


def measure(directory: Path, plan: Plan, report: Report) -> None:
    """Fills the report."""
    pinned = (os.cpu_count() or 1) > 1
    with _contenders(directory, pinned=pinned) as (contenders, under_test, workers):
        _conditions(report, plan, workers, pinned=pinned)
        other = OTHER_CORE if pinned else None
        _full_load(directory, contenders, plan, other)
        rate = contenders[2].rate / 2
        with giving_way(under_test.controller):
            _half_load(directory, contenders, plan, rate, other)
        report.add(*_full_figures(contenders), *_half_figures(contenders, rate))
        if plan.unpinned and pinned:
            report.add(*_unpinned(directory, contenders, plan, under_test, rate))
        report.add(*_telemetry(under_test))


@contextlib.contextmanager
def _contenders(directory: Path, *, pinned: bool) -> Iterator[tuple[list[Contender], product.Product, int]]:
    proxy_core, other = (PROXY_CORE, OTHER_CORE) if pinned else (None, None)
    with contextlib.ExitStack() as stack:
        apps = stack.enter_context(app.serving(directory, ("blue", "green"), core=other))
        ours = stack.enter_context(product.serving(directory / "ours", apps, core=proxy_core))
        plain, plain_process = stack.enter_context(
            plain_envoy.serving(directory, apps["blue"], workers=ours.workers, core=proxy_core)
        )
        python, python_process = stack.enter_context(python_proxy.serving(directory, apps["blue"], core=proxy_core))
        if pinned:
            pin(ours.controller, OTHER_CORE)
        ours.client.start_rollout()
        contenders = [
            Contender(DIRECT, apps["blue"]),
            Contender(PLAIN, plain, plain_process),
            Contender(OURS, ours.port, ours.envoy, ours.controller),
            Contender(PYTHON, python, python_process),
        ]
        for contender in contenders:  # connections, caches and the just-in-time compiler of the answer filter
            at_full_load(directory, contender.port, seconds=1, connections=CONNECTIONS, core=other)
        yield contenders, ours, ours.workers


def _conditions(report: Report, plan: Plan, workers: int, *, pinned: bool) -> None:
    where = (
        f"proxy under test on core {PROXY_CORE}; wrk or the steady client, the application and the controller with its "
        f"ingest on core {OTHER_CORE}"
        if pinned
        else "nothing is pinned: this machine has one core"
    )
    report.conditions += [
        f"{where}. Both Envoys run {workers} worker thread(s), the same wheel; the Python proxy is one uvicorn process.",
        (
            f"POST, {len(request_body())} B of JSON; the answer is a chat completion of {len(answer_body('blue'))} B with "
            "usage, cost and quality; keep-alive. Application: nginx with fixed answers, on both sides of the rollout."
        ),
        "Verdigris: a rollout at 50 %, every request measured and judged; the controller is the real `verdigris up`.",
        (
            f"full load: wrk, {CONNECTIONS} connections; half load: constant rate, latency from the moment a request was due. "
            "At half load the controller gives way to the client and the application (SCHED_IDLE), which would be elsewhere."
        ),
        (
            f"{plan.rounds} rounds of {plan.seconds:g} s for each contender in turn. value = median, or ratio of medians; "
            "min - max over rounds."
        ),
    ]


def _full_load(directory: Path, contenders: list[Contender], plan: Plan, core: int | None) -> None:
    for contender in _turns(contenders, plan.rounds):
        before = _cpu(contender.proxy), _cpu(contender.beside)
        run = at_full_load(directory, contender.port, seconds=plan.seconds, connections=CONNECTIONS, core=core)
        contender.full.append(run)
        contender.cpu.append((_cpu(contender.proxy) - before[0]) / run.requests)
        contender.cpu_beside.append((_cpu(contender.beside) - before[1]) / run.requests)


def _cpu(process: int | None) -> float:
    return 0.0 if process is None else cpu_seconds(process)


def _half_load(directory: Path, contenders: list[Contender], plan: Plan, rate: float, core: int | None) -> None:
    for contender in _turns(contenders, plan.rounds):
        bearable = min(rate, contender.rate / 2)
        run = at_rate(
            directory,
            contender.port,
            rate=bearable,
            seconds=plan.seconds,
            connections=OPEN_CONNECTIONS,
            core=core,
        )
        contender.half.append(run)


def _turns(contenders: list[Contender], rounds: int) -> Iterator[Contender]:
    """Everybody once a round, another one first in each."""
    for number in range(rounds):
        start = number % len(contenders)
        yield from contenders[start:] + contenders[:start]


def _full_figures(contenders: list[Contender]) -> list[Figure]:
    direct, plain, ours, python = contenders
    figures = [
        over_rounds(f"{each.name}: requests/s at full load", [run.rate for run in each.full], "1/s")
        for each in contenders
    ]
    figures += [
        over_rounds(f"{each.name}: proxy CPU per request", [seconds * 1e6 for seconds in each.cpu], "us")
        for each in (plain, ours, python)
    ]
    beside = [seconds * 1e6 for seconds in ours.cpu_beside]
    figures.append(over_rounds("Verdigris: controller CPU per request, beside", beside, "us"))
    return [
        *figures,
        _ratio("Verdigris / plain Envoy: requests/s", ours, plain, _rates, at_least(0.8)),
        _ratio("Verdigris / FastAPI + httpx: requests/s", ours, python, _rates, at_least(30)),
        _ratio("Verdigris / direct: requests/s", ours, direct, _rates),
        _ratio("plain Envoy / Verdigris: proxy CPU per request", plain, ours, lambda each: each.cpu),
        _failed("failed requests at full load", [run.failed for each in contenders[:3] for run in each.full]),
    ]


def _half_figures(contenders: list[Contender], rate: float) -> list[Figure]:
    direct, plain, ours, python = contenders
    figures = [Figure(name="half load: rate for direct, plain Envoy and Verdigris", value=rate, unit="1/s")]
    figures.append(Figure(name="half load: rate for FastAPI + httpx", value=min(rate, python.rate / 2), unit="1/s"))
    for each in contenders:
        figures.append(over_rounds(f"{each.name}: p50 at half load", [run.p50 * 1e3 for run in each.half], "ms"))
        figures.append(over_rounds(f"{each.name}: p99 at half load", [run.p99 * 1e3 for run in each.half], "ms"))
    return [
        *figures,
        _added("Verdigris - direct: p50 at half load", ours, direct, lambda run: run.p50),
        _added("Verdigris - direct: p99 at half load", ours, direct, lambda run: run.p99, at_most(1.0)),
        _added("Verdigris - plain Envoy: p99 at half load", ours, plain, lambda run: run.p99),
        over_rounds("the client itself sent late, p99", [run.sent_late_p99 * 1e3 for run in direct.half], "ms"),
        _failed("failed requests at half load", [run.failed for each in contenders[:3] for run in each.half]),
    ]


def _unpinned(
    directory: Path, contenders: list[Contender], plan: Plan, under_test: product.Product, rate: float
) -> list[Figure]:
    """The same with every process free to use both cores, and no help from anybody."""
    free = [Contender(each.name, each.port, each.proxy) for each in contenders[:3]]
    everywhere = range(os.cpu_count() or 1)
    for process in [under_test.controller, *(each.proxy for each in free if each.proxy)]:
        pin(process, *everywhere)
    short = Plan(seconds=plan.seconds, rounds=plan.unpinned)
    _full_load(directory, free, short, None)
    _half_load(directory, free, short, rate, None)
    direct, plain, ours = free
    return [
        *(
            over_rounds(f"{each.name}: requests/s, nothing pinned", [run.rate for run in each.full], "1/s")
            for each in (plain, ours)
        ),
        _ratio("Verdigris / plain Envoy: requests/s, nothing pinned", ours, plain, _rates),
        *(
            over_rounds(f"{each.name}: p99 at half load, nothing pinned", [run.p99 * 1e3 for run in each.half], "ms")
            for each in (direct, plain, ours)
        ),
    ]


def _telemetry(under_test: product.Product) -> list[Figure]:
    """What the controller knows of the load: that nothing was switched off, and nothing fell behind."""
    pause(1.5)  # longer than Envoy keeps a batch and the source waits between two looks at Envoy's own counters
    seen = under_test.client.status().telemetry
    return [
        Figure(name="observations folded by the controller", value=float(seen.received)),
        Figure(name="observations lost", value=float(seen.lost), aim=at_most(0)),
        Figure(name="observations late", value=float(seen.late), aim=at_most(0)),
    ]


def _rates(contender: Contender) -> list[float]:
    return [run.rate for run in contender.full]


def _ratio(
    name: str,
    above: Contender,
    below: Contender,
    values: Callable[[Contender], list[float]],
    aim: Aim | None = None,
) -> Figure:
    """The ratio of the medians; smallest and largest over rounds."""
    tops, bottoms = values(above), values(below)
    each = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    middle = statistics.median(tops) / statistics.median(bottoms)
    return Figure(name=name, value=middle, low=min(each), high=max(each), aim=aim)


def _added(
    name: str, above: Contender, below: Contender, value: Callable[[Half], float], aim: Aim | None = None
) -> Figure:
    """The difference of the medians in milliseconds."""
    tops, bottoms = [value(run) * 1e3 for run in above.half], [value(run) * 1e3 for run in below.half]
    each = [top - bottom for top, bottom in zip(tops, bottoms, strict=True)]
    middle = statistics.median(tops) - statistics.median(bottoms)
    return Figure(name=name, value=middle, unit="ms", low=min(each), high=max(each), aim=aim)


def _failed(name: str, counts: list[int]) -> Figure:
    return Figure(name=f"{name} (direct, plain Envoy, Verdigris)", value=float(sum(counts)), aim=at_most(0))


if __name__ == "__main__":
    sys.exit(main())
