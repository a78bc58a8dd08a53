"""Which of twelve harmful changes are found with default settings, and whether a harmless one is rolled back.

    python -m benchmarks.regressions [--runs N] [--seed N] [--only NAME] [--quick] [--write-docs] [--json FILE]

Users, answers and the clock are simulated, and the judge is a fake one behind a real address; reading, scoring, pairing, judging and
deciding are the real parts. With --write-docs, the table also replaces that of docs/explanation/regressions.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.regressions.bench import RATE, judged, passage
from benchmarks.regressions.passage import Ended
from benchmarks.report import Figure, Report, at_least, at_most, options
from verdigris.core.model.rollout import Phase
from verdigris.demo.assistant.habits import CHANGES, Change

SEED = 20_261_121
PAGE = Path("docs/explanation/regressions.md")
_BEGIN, _END = "<!-- table: begin -->\n", "<!-- table: end -->"
_QUICK = ("empty", "missing", "concise")


def main() -> int:
    asked = _options()
    report = Report(benchmark="regressions", command=_command(asked))
    report.conditions.append(
        f"{RATE:g} requests a second, the default strategy and guardrails, 60 samples a minute of each side, shadow pairs of 5 % of "
        f"stable's requests, a judge of both orders; {asked.runs} {'rollout' if asked.runs == 1 else 'rollouts'} of each change, seed {asked.seed}"
    )
    found = asyncio.run(_all(asked))
    table = _table(found)
    report.add(*_figures(found))
    print(table, flush=True)
    report.show()
    if asked.write_docs:
        _write(f"`{report.command}` printed:\n\n{table}\n{report.conditions[0]}.\n")
    if asked.json:
        report.write(asked.json)
    return 0 if all(figure.met is not False for figure in report.figures) else 1


def _options() -> argparse.Namespace:
    parser = options(__doc__ or "")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="rollouts of each change (default 1)")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help=f"draws other users (default {SEED})")
    parser.add_argument("--only", metavar="NAME", help="only the changes whose name holds NAME")
    parser.add_argument("--write-docs", action="store_true", help="write the table into the page, too")
    asked = parser.parse_args()
    if asked.runs < 1:
        parser.error("--runs takes 1 or more")
    if asked.write_docs and (asked.quick or asked.only):
        parser.error("--write-docs publishes all of them: it takes neither --quick nor --only")
    return asked


def _command(asked: argparse.Namespace) -> str:
    words = ["python -m benchmarks.regressions"]
    words += ["--quick"] if asked.quick else []
    words += [f"--runs {asked.runs}"] if asked.runs != 1 else []
    words += [f"--only {asked.only}"] if asked.only else []
    return " ".join([*words, *([f"--seed {asked.seed}"] if asked.seed != SEED else [])])


async def _all(asked: argparse.Namespace) -> dict[str, list[Ended]]:
    chosen = {
        name: change
        for name, change in CHANGES.items()
        if (asked.only or "") in name and (not asked.quick or name in _QUICK)
    }
    found: dict[str, list[Ended]] = {}
    with judged() as service:
        for name, change in chosen.items():
            found[name] = []
            for run in range(asked.runs):
                one = passage(service, change.habits, seed=asked.seed + 1_000 * run + list(CHANGES).index(name))
                try:
                    found[name].append(await one.run())
                finally:
                    await one.scoring.close()
                print(f"{name}: {_line(found[name][-1])}", file=sys.stderr, flush=True)
    return found


def _line(ended: Ended) -> str:
    return (
        f"{ended.phase.value.replace('_', ' ')} after {ended.seconds / 60:.0f} min, {ended.tally.requests:,} requests, "
        f"{ended.tally.pairs:,} pairs, {ended.tally.spent:.3f} USD; {ended.verdict.reason}"
    )


# ------------------------------------------------------------------ what is printed


def _table(found: Mapping[str, Sequence[Ended]]) -> str:
    lines = [
        "| change | what it does | found | by | requests | of the candidate's | samples | pairs | USD | the simple rule |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    lines += [_row(name, CHANGES[name], runs) for name, runs in found.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, change: Change, runs: Sequence[Ended]) -> str:
    caught = [run for run in runs if run.found]
    blamed = sorted({run.blamed for run in caught})
    rule = [run.threshold.found_after for run in runs if run.threshold.found_after is not None]
    simple = f"{len(rule)} of {len(runs)}" + (f", after {statistics.median(rule):.0f}" if rule else "")

    def middle(values: Sequence[float], form: str = ",.0f") -> str:
        return format(statistics.median(values), form)

    return (
        f"| {name} | {change.what} | {_verdict(change, runs)} | {', '.join(blamed)} | {middle([r.tally.requests for r in runs])} | "
        f"{middle([r.tally.candidate for r in runs])} | {middle([r.tally.samples for r in runs])} | "
        f"{middle([r.tally.pairs for r in runs])} | {middle([r.tally.spent for r in runs], '.3f')} | {simple} |"
    )


def _verdict(change: Change, runs: Sequence[Ended]) -> str:
    if change.harmful:
        return f"{sum(run.found for run in runs)} of {len(runs)} found"
    promoted = sum(run.phase is Phase.PROMOTED for run in runs)
    back = sum(run.phase is Phase.ROLLED_BACK for run in runs)
    return f"{promoted} of {len(runs)} promoted, {back} rolled back"


def _figures(found: Mapping[str, Sequence[Ended]]) -> list[Figure]:
    harmful = {name: runs for name, runs in found.items() if CHANGES[name].harmful}
    harmless = {name: runs for name, runs in found.items() if not CHANGES[name].harmful}
    figures = []
    if harmful:
        least = min(sum(run.found for run in runs) / len(runs) for runs in harmful.values())
        figures.append(
            Figure(name="harmful changes found, the least of them", value=100 * least, unit="%", aim=at_least(100))
        )
    if harmless:
        most = max(sum(run.phase is Phase.ROLLED_BACK for run in runs) / len(runs) for runs in harmless.values())
        figures.append(
            Figure(name="harmless changes rolled back, the most of them", value=100 * most, unit="%", aim=at_most(0))
        )
    return figures


def _write(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(_BEGIN, 1)
    PAGE.write_text(f"{head}{_BEGIN}\n{text}\n{_END}{rest.split(_END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
