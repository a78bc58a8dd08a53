"""How often the judge is wrong and how soon it is right, beside the rules people use today.

    python -m benchmarks.judge [--quick] [--runs N] [--seed N] [--only NAME] [--write-docs] [--cpu] [--json FILE]

With --write-docs, what is printed also replaces the tables and the picture of docs/explanation/error-rates.md. With --only,
just the scenarios whose name holds NAME are run, and just their rows are replaced: a scenario's figures do not depend on what
else is run. With --cpu, just processor time and memory are measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from benchmarks.judge import adjustment, beside, cpu, page, picture, promises, robust
from benchmarks.judge.pool import Task, run
from benchmarks.judge.rules import OTHERS
from benchmarks.judge.scenario import Decided, Scenario
from benchmarks.report import Figure, Report, machine, options

SEED = 20_240_607
QUICK_RUNS = 2


def main() -> int:
    asked = _options()
    report = Report(benchmark="judge", command=_command(asked))
    sections: dict[str, str] = {}
    if not asked.only:
        costs = [*cpu.processor(quick=asked.quick), *cpu.memory(quick=asked.quick)]
        report.add(*costs)
        sections["cost"] = page.table(_costs(costs))
    decided: Mapping[str, Decided] = {}
    if not asked.cpu:
        tasks = _tasks(asked)
        decided = run(tasks, seed=asked.seed, processes=asked.processes)
        rows = promises.rows(decided)
        report.add(*(row.figure for row in rows))
        sections |= _sections(decided, rows)
        sections["conditions"] = _conditions(report.command, asked.seed)
    for content in sections.values():
        print(f"\n{content}", flush=True)
    if asked.write_docs:
        if asked.only:
            page.write({name: text for name, text in sections.items() if name != "conditions"}, rows_only=True)
        else:
            page.write(sections)
        if decided and not asked.only:
            page.PICTURE.write_text(picture.draw(decided), encoding="utf-8")
    if asked.json:
        report.write(asked.json)
    return 0


def _options() -> argparse.Namespace:
    parser = options(__doc__ or "")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of every scenario, in place of each its own number")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help=f"draws other streams (default {SEED})")
    parser.add_argument("--only", metavar="NAME", help="only the scenarios whose name holds NAME")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: one a core")
    parser.add_argument("--cpu", action="store_true", help="only processor time and memory")
    parser.add_argument("--write-docs", action="store_true", help="write the tables and the picture into the page, too")
    asked = parser.parse_args()
    if asked.write_docs and asked.quick:
        parser.error("--write-docs publishes: it does not take --quick")
    if asked.cpu and asked.only:
        parser.error("--cpu runs no scenario, so --only has nothing to choose from")
    if asked.runs is not None and asked.runs < 1:
        parser.error("--runs takes 1 or more")
    return asked


def _command(asked: argparse.Namespace) -> str:
    words = ["python -m benchmarks.judge"]
    words += [f"--{name}" for name in ("quick", "cpu") if getattr(asked, name)]
    words += [f"--{name} {value}" for name in ("runs", "only") if (value := getattr(asked, name)) is not None]
    return " ".join([*words, *([f"--seed {asked.seed}"] if asked.seed != SEED else [])])


def _tasks(asked: argparse.Namespace) -> list[Task]:
    compared = {scenario.name for scenario in beside.SCENARIOS}
    compared |= {kind.healthy.name for kind in robust.KINDS}
    found: dict[str, Task] = {}
    for scenario in _scenarios():
        runs = asked.runs or (QUICK_RUNS if asked.quick else scenario.runs)
        others = OTHERS if scenario.name in compared else ()
        found.setdefault(scenario.name, Task(scenario=scenario, runs=runs, others=others))
    tasks = [task for name, task in found.items() if not asked.only or asked.only in name]
    if not tasks:
        print(f"no scenario is named like {asked.only!r}; there are:", *found, sep="\n  ", file=sys.stderr)
        sys.exit(2)
    return tasks


def _scenarios() -> list[Scenario]:
    kinds = [scenario for kind in robust.KINDS for scenario in (kind.healthy, kind.worse)]
    return [*promises.SCENARIOS, *beside.SCENARIOS, *adjustment.SCENARIOS, *kinds]


def _sections(decided: Mapping[str, Decided], rows: Sequence[promises.Row]) -> dict[str, str]:
    tables = {
        "promises": [promises.HEADER, *(row.cells for row in rows)],
        "false rollbacks": beside.false_rollbacks(decided),
        "missed": beside.missed(decided),
        "medians": beside.medians(decided),
        "kinds": beside.kinds(decided),
        "adjustment": adjustment.gains(decided),
    }
    return {name: page.table(lines) for name, lines in tables.items() if len(lines) > 1}


def _costs(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [("what", "measured", "min - max over rounds", "unit", "must be", "met")]
    for figure in figures:
        spread = "" if figure.low is None or figure.high is None else f"{figure.low:.2f} - {figure.high:.2f}"
        aim = "" if figure.aim is None else f"at most {figure.aim.bound:g}"
        lines.append((figure.name.strip(), f"{figure.value:.2f}", spread, figure.unit, aim, promises.met(figure)))
    return lines


def _conditions(command: str, seed: int) -> str:
    return f"```text\n$ {command}\n# {machine()}\n# seed {seed}\n```"


if __name__ == "__main__":
    sys.exit(main())
