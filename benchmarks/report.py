"""What a benchmark hands over: figures, each with its aim where there is one, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """A bound in the figure's own unit."""

    bound: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def at_least(bound: float) -> Aim:
    return Aim(bound=bound, at_least=True)


def at_most(bound: float) -> Aim:
    return Aim(bound=bound, at_least=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measured number. `low` and `high` are the smallest and largest round; None where there was one only.

    With `whole`, they are the ends of an interval for the truth, and all of it must keep the aim. An infinite value is
    one that was never reached; in JSON it is null.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    aim: Aim | None = None
    whole: bool = False

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        end = self.low if self.aim.at_least else self.high
        return self.aim.met_by(end if self.whole and end is not None else self.value)


def over_rounds(name: str, values: Sequence[float], unit: str = "", aim: Aim | None = None) -> Figure:
    """The median of the rounds, with the smallest and the largest."""
    return Figure(name=name, value=statistics.median(values), unit=unit, low=min(values), high=max(values), aim=aim)


@dataclass(kw_only=True, slots=True)
class Report:
    """`conditions` are plain sentences: what was measured on what, and what was pinned where."""

    benchmark: str
    command: str
    conditions: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        self.figures.extend(figures)

    def show(self) -> None:
        """Prints the table."""
        print(f"$ {self.command}")
        for line in [machine(), *self.conditions]:
            print(f"# {line}")
        rows = [("figure", "value", "min - max", "unit", "aim", "met"), *(_row(figure) for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            print(
                "  ".join(
                    _align(cell, width, column) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
                ).rstrip()
            )
            if number == 0:
                print("  ".join("-" * width for width in widths))

    def write(self, path: Path) -> None:
        """The same figures as JSON."""
        document = {
            "benchmark": self.benchmark,
            "command": self.command,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "conditions": self.conditions,
            "figures": [{**_finite(asdict(figure)), "met": figure.met} for figure in self.figures],
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _finite(figure: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(part, float) and not math.isfinite(part) else part for name, part in figure.items()
    }


def machine() -> str:
    """Processor, cores and Python, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def options(description: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes: shows that it runs, no more")
    return parser


def finish(report: Report, path: Path | None) -> int:
    """Shows and writes the report; the exit code of a benchmark that ran."""
    report.show()
    if path is not None:
        report.write(path)
    return 0


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    spread = "" if figure.low is None or figure.high is None else f"{_number(figure.low)} - {_number(figure.high)}"
    aim = "" if figure.aim is None else f"{'>=' if figure.aim.at_least else '<='} {_number(figure.aim.bound)}"
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    return figure.name, _number(figure.value), spread, figure.unit, aim, met


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column in (0, 3, 4, 5) else cell.rjust(width)
