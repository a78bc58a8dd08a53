"""What judging costs: processor time for a request, and memory after very many."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.judge import traffic
from benchmarks.judge.scenario import CANDIDATE, STABLE
from benchmarks.report import Figure, at_most, over_rounds
from verdigris.core.analysis.judge import outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation

EIGHT = (
    *DEFAULT_GUARDRAILS,
    Guardrail(metric=Metric.LATENCY_P50, margin=Margin(relative=0.5)),
    Guardrail(metric=Metric.LATENCY_P95, margin=Margin(relative=1.0)),
    Guardrail(metric=Metric.TTFB_P95, margin=Margin(relative=1.0)),
)
RATE = 2_000.0
"""Requests per second: where batches are large, many come."""

BATCHES = (100, 1_000, 20_000)
MEMORY_AFTER = (10_000, 100_000, 1_000_000)
FLAT = 0.1
"""MB by which the ledger in memory may differ between 10,000 and 1,000,000 requests."""


def _ledger() -> Ledger:
    book = Ledger.begin(
        Terms(guardrails=EIGHT, stable=STABLE, candidate=CANDIDATE),
        traffic.baseline(traffic.history(np.random.default_rng(1)).columns()),
    )
    book.expect(at=-1.0, share=0.5)
    return book


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Microseconds of processor time for each request."""

    reading: float
    judging: float

    @property
    def whole(self) -> float:
        return self.reading + self.judging


def spent(rows: Sequence[Observation], batch: int) -> Cost:
    """Of one ledger that takes in all of it: what `Ledger.fold` does, and the outcome after every batch."""
    book, reading, judging = _ledger(), 0, 0
    gc.collect()
    for start in range(0, len(rows), batch):
        piece = rows[start : start + batch]
        began = time.process_time_ns()
        columns = book.columns(piece)
        read = time.process_time_ns()
        book.take(columns)
        outcome(book)
        reading, judging = reading + read - began, judging + time.process_time_ns() - read
    if book.failure is not None:
        raise RuntimeError("the ledger stood still: the stream was taken for harmful")
    return Cost(reading=reading / len(rows) / 1_000, judging=judging / len(rows) / 1_000)


def processor(*, quick: bool) -> list[Figure]:
    """For each size of batch: all of it, and its two parts."""
    n, rounds = (20_000, 2) if quick else (100_000, 9)
    rows = traffic.requests(np.random.default_rng(2), n, rate=RATE).observations()
    costs: dict[int, list[Cost]] = {batch: [] for batch in BATCHES}
    for number in range(rounds):
        for batch in BATCHES[number % len(BATCHES) :] + BATCHES[: number % len(BATCHES)]:
            costs[batch].append(spent(rows, batch))
        print(f"cpu: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    figures = []
    for batch, found in costs.items():
        name, aim = f"8 metrics, batches of {batch:,}", at_most(2.0) if batch == 1_000 else None
        figures.append(over_rounds(f"{name}: CPU per request", [cost.whole for cost in found], "us", aim))
        figures.append(over_rounds("  of it reading observations", [cost.reading for cost in found], "us"))
        figures.append(over_rounds("  of it judging", [cost.judging for cost in found], "us"))
    return figures


def memory(*, quick: bool) -> list[Figure]:
    """The ledger as it is stored, and what it holds in memory, after more and more requests."""
    marks = MEMORY_AFTER[:2] if quick else MEMORY_AFTER
    rng, piece, figures, held = np.random.default_rng(3), 10_000, [], []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    book = _ledger()
    for done in range(piece, marks[-1] + 1, piece):
        book.take(traffic.requests(rng, piece, start=(done - piece) / RATE, rate=RATE).columns())
        if done in marks:
            gc.collect()
            held.append((tracemalloc.get_traced_memory()[0] - before) / 1e6)
            stored = len(book.encode()) / 1e3
            figures.append(Figure(name=f"ledger in memory after {done:,}", value=held[-1], unit="MB"))
            figures.append(Figure(name=f"ledger as it is stored after {done:,}", value=stored, unit="kB"))
    tracemalloc.stop()
    if book.failure is not None:
        raise RuntimeError("the ledger stood still: the stream was taken for harmful")
    grown = max(held) - held[0]
    figures.append(
        Figure(name=f"ledger in memory: most less that after {marks[0]:,}", value=grown, unit="MB", aim=at_most(FLAT))
    )
    return figures
