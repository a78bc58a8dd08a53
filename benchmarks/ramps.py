"""How long a ramp takes, and how much harm it lets through, by what its steps ask before the weight rises.

    python -m benchmarks.ramps [--quick] [--runs N] [--seed N] [--processes N] [--write-docs] [--json FILE]

Whole rollouts are simulated with the real judge and the real `decide` (see `verdigris.planning`). Run number i of a
candidate meets the same luck under each way to advance until their weights part. With --write-docs, what is printed also
replaces the tables and the picture of docs/explanation/ramps.md.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import statistics
import sys
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import ramp_picture
from benchmarks.judge import page
from benchmarks.judge.intervals import clopper_pearson
from benchmarks.report import Figure, Report, machine, options
from verdigris.core.model.metric import DEFAULT_GUARDRAILS
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Advance, Strategy, WeightStep
from verdigris.planning.behaviour import ORDINARY, Behaviour
from verdigris.planning.plan import Spread, prepared
from verdigris.planning.simulate import Ending, Run, Setting, simulate
from verdigris.planning.traffic import Traffic
from verdigris.planning.words import count_words, time_words

PAGE = page.ROOT / "docs" / "explanation" / "ramps.md"
PICTURE = page.ROOT / "docs" / "images" / "ramps.svg"
SEED = 20_240_607
RUNS, EQUAL_RUNS, QUICK_RUNS = 200, 400, 2
RATE = 100.0 / 60.0
LAG = 120.0
WEIGHTS = (10.0, 25.0, 50.0)
_PIECE = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """`harm` is the harm of one request, in requests that are wholly lost: a tenth of quality is a tenth of a request."""

    name: str
    behaviour: Behaviour
    harm: float = 0.0


EQUAL = Candidate(name="equal", behaviour=ORDINARY)
CANDIDATES = (
    EQUAL,
    Candidate(name="quality 5 % lower", behaviour=replace(ORDINARY, quality=0.85 * 0.95), harm=0.05),
    Candidate(name="quality 10 % lower", behaviour=replace(ORDINARY, quality=0.85 * 0.90), harm=0.10),
    Candidate(name="quality 20 % lower", behaviour=replace(ORDINARY, quality=0.85 * 0.80), harm=0.20),
    Candidate(name="errors 0.5 % → 1.5 %", behaviour=replace(ORDINARY, errors=0.015), harm=0.01),
    Candidate(name="errors 0.5 % → 5.5 %", behaviour=replace(ORDINARY, errors=0.055), harm=0.05),
    Candidate(name="every request fails", behaviour=replace(ORDINARY, errors=1.0), harm=1.0 - 0.005),
)

Found = Mapping[tuple[str, Advance], Sequence[Run]]
"""Runs by candidate and way to advance."""


def strategy(advance: Advance) -> Strategy:
    """10, 25, 50, 100 %; the steps between ask what `advance` says, the one to 100 % always asks for proof."""
    asked = (Advance.SAFE, advance, advance)
    holds, samples = (900.0, 900.0, 1_800.0), (50, 100, 250)
    return Strategy(
        steps=(
            *(
                WeightStep(weight=weight, hold=hold, min_samples=least, advance=how)
                for weight, hold, least, how in zip(WEIGHTS, holds, samples, asked, strict=True)
            ),
            WeightStep(weight=FULL, hold=0.0, min_samples=0, advance=Advance.PROVEN),
        ),
        bake=900.0,
        time_limit=86_400.0,
    )


@functools.cache
def setting(advance: Advance, seed: int) -> Setting:
    return prepared(strategy(advance), DEFAULT_GUARDRAILS, Traffic(rate=RATE), lag=LAG, seed=seed)


def simulated(candidate: Candidate, advance: Advance, seed: int, number: int) -> Run:
    """One rollout."""
    given = setting(advance, seed)
    rng = np.random.default_rng([seed, zlib.crc32(candidate.name.encode()), number])
    return simulate(replace(given, traffic=replace(given.traffic, candidate=candidate.behaviour)), rng)


def _piece(candidate: Candidate, advance: Advance, seed: int, numbers: Sequence[int]) -> list[Run]:
    return [simulated(candidate, advance, seed, number) for number in numbers]


def run_all(*, seed: int, runs: int, equal: int, processes: int) -> Found:
    """Every candidate under every way to advance, shared among processes; the order of runs is theirs alone."""
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        asked = {}
        for candidate in CANDIDATES:
            many = equal if candidate is EQUAL else runs
            pieces = [range(first, min(first + _PIECE, many)) for first in range(0, many, _PIECE)]
            for advance in Advance:
                asked[candidate.name, advance] = [
                    pool.submit(_piece, candidate, advance, seed, numbers) for numbers in pieces
                ]
        found = {}
        for key, futures in asked.items():
            found[key] = [run for future in futures for run in future.result()]
            print(f"{key[0]}, {key[1]}: {len(found[key])} rollouts", file=sys.stderr, flush=True)
    return found


# ------------------------------------------------------------------ tables


def equal_table(found: Found) -> list[tuple[str, ...]]:
    head = ("advance", "promoted", "after: median", "10-90 %", "false rollbacks", "95 % interval", "undecided")
    return [head, *(_equal_row(advance, found[EQUAL.name, advance]) for advance in Advance)]


def _equal_row(advance: Advance, runs: Sequence[Run]) -> tuple[str, ...]:
    promoted = [run for run in runs if run.ending is Ending.PROMOTED]
    failed = sum(run.failed for run in runs)
    low, high = clopper_pearson(failed, len(runs))
    spread = Spread.of([run.seconds for run in promoted])
    return (
        advance.value,
        _percent(len(promoted), runs),
        time_words(spread.median) if spread else "-",
        f"{time_words(spread.low)} - {time_words(spread.high)}" if spread else "-",
        _percent(failed, runs),
        f"{100 * low:.1f} - {100 * high:.1f} %",
        _percent(len(runs) - len(promoted) - failed, runs),
    )


def harm_table(found: Found) -> list[tuple[str, ...]]:
    head = (
        "candidate", "advance", "rolled back", "promoted", "undecided", "went beyond 10 %", "served: median", "90 %",
        "lost: mean",
    )  # fmt: skip
    harmful = [candidate for candidate in CANDIDATES if candidate is not EQUAL]
    return [head, *(_harm_row(each, how, found[each.name, how]) for each in harmful for how in Advance)]


def _harm_row(candidate: Candidate, advance: Advance, runs: Sequence[Run]) -> tuple[str, ...]:
    failed = sum(run.failed for run in runs)
    promoted = sum(run.ending is Ending.PROMOTED for run in runs)
    served = Spread.of([run.candidate for run in runs])
    return (
        candidate.name,
        advance.value,
        _percent(failed, runs),
        _percent(promoted, runs),
        _percent(len(runs) - failed - promoted, runs),
        _percent(sum(run.highest > WEIGHTS[0] for run in runs), runs),
        count_words(served.median) if served else "-",
        count_words(served.high) if served else "-",
        f"{lost(candidate, runs):.1f}",
    )


def lost(candidate: Candidate, runs: Sequence[Run]) -> float:
    """What the candidate's requests lost until the rollout ended, in whole requests, on average."""
    return statistics.fmean(run.candidate for run in runs) * candidate.harm


def _percent(count: int, runs: Sequence[Run]) -> str:
    return f"{100 * count / len(runs):.1f} %"


def figures(found: Found) -> list[Figure]:
    made = []
    for (name, advance), runs in found.items():
        spread = Spread.of([run.seconds / 60.0 for run in runs])
        served = Spread.of([run.candidate for run in runs])
        if spread and served:
            made += [
                Figure(name=f"{name}, {advance}: ended after", value=spread.median, low=spread.low, high=spread.high, unit="min"),
                Figure(name=f"{name}, {advance}: served", value=served.median, low=served.low, high=served.high, unit="requests"),
            ]  # fmt: skip
        parts = (
            ("proven harmful", sum(run.failed for run in runs)),
            ("promoted", sum(run.ending is Ending.PROMOTED for run in runs)),
        )
        made += [
            Figure(name=f"{name}, {advance}: {what}", value=100 * count / len(runs), unit="%") for what, count in parts
        ]
    return made


# ------------------------------------------------------------------ the command


def main() -> int:
    asked = _options()
    command = "python -m benchmarks.ramps" + "".join(
        f" --{name} {value}" for name, value in (("runs", asked.runs), ("seed", asked.seed)) if value not in (None, SEED)
    ) + (" --quick" if asked.quick else "")  # fmt: skip
    runs = asked.runs or (QUICK_RUNS if asked.quick else RUNS)
    equal = asked.runs or (QUICK_RUNS if asked.quick else EQUAL_RUNS)
    found = run_all(seed=asked.seed, runs=runs, equal=equal, processes=asked.processes)
    conditions = [
        f"{60 * RATE:.0f} requests a minute; stable: {_words(ORDINARY)}",
        f"holds of 15, 15 and 30 minutes at 10, 25 and 50 %, bake 15 minutes, time limit 24 h, default guardrails, lag {LAG:.0f} s",
        f"{equal} rollouts of an equal candidate and {runs} of each other for each way to advance, seed {asked.seed}",
    ]
    sections = {
        "conditions": "\n".join(
            ["```text", f"$ {command}", *(f"# {line}" for line in [machine(), *conditions]), "```"]
        ),
        "equal": page.table(equal_table(found)),
        "harm": page.table(harm_table(found)),
    }
    for content in sections.values():
        print(f"\n{content}", flush=True)
    if asked.write_docs:
        page.write(sections, PAGE)
        PICTURE.write_text(ramp_picture.draw(*_picture(found)), encoding="utf-8")
    if asked.json:
        _write_json(asked.json, command, conditions, found)
    return 0


def _write_json(path: Path, command: str, conditions: list[str], found: Found) -> None:
    report = Report(benchmark="ramps", command=command, conditions=conditions)
    report.add(*figures(found))
    report.write(path)


def _words(side: Behaviour) -> str:
    return (
        f"quality {side.quality:g} ± {side.quality_spread:g}, errors {100 * side.errors:g} %, refusals "
        f"{100 * (side.refusals or 0.0):g} %, latency {side.latency:g} s (log-deviation {side.latency_shape:g}), cost "
        f"{side.cost:g} USD ({side.cost_shape:g})"
    )


def _picture(found: Found) -> tuple[list[ramp_picture.Bar], list[tuple[str, list[ramp_picture.Bar]]]]:
    times = []
    for advance in Advance:
        spread = Spread.of([run.seconds / 3_600.0 for run in found[EQUAL.name, advance]])
        if spread:
            times.append(ramp_picture.Bar(name=advance.value, value=spread.median, low=spread.low, high=spread.high))
    harms = []
    for candidate in CANDIDATES[1:]:
        bars = [
            ramp_picture.Bar(name=advance.value, value=lost(candidate, found[candidate.name, advance]))
            for advance in Advance
        ]
        harms.append((candidate.name, bars))
    return times, harms


def _options() -> argparse.Namespace:
    parser = options(__doc__ or "")
    parser.add_argument("--runs", type=int, metavar="N", help="rollouts of every candidate, in place of 200 and 400")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help=f"draws other luck (default {SEED})")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: one a core")
    parser.add_argument("--write-docs", action="store_true", help="write the tables and the picture into the page, too")
    asked = parser.parse_args()
    if asked.write_docs and asked.quick:
        parser.error("--write-docs publishes: it does not take --quick")
    if asked.runs is not None and asked.runs < 1:
        parser.error("--runs takes 1 or more")
    return asked


if __name__ == "__main__":
    sys.exit(main())
