"""Runs scenarios in several processes. A run's stream depends on seed, scenario and number alone, not on who draws it."""

from __future__ import annotations

import multiprocessing
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from benchmarks.judge.rules import OURS, RULES
from benchmarks.judge.scenario import Decided, Decision, Scenario

_PIECE = 10  # runs handed out at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A scenario, how often, and by which rules beside our own."""

    scenario: Scenario
    runs: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    task: Task
    seed: int
    first: int
    count: int


def stream_of(scenario: Scenario, seed: int, number: int) -> np.random.Generator:
    """The generator of one run."""
    return np.random.default_rng([seed, zlib.crc32(scenario.name.encode()), number])


def run(tasks: Sequence[Task], *, seed: int, processes: int) -> dict[str, Decided]:
    """Every rule's decisions by scenario, in the order of the runs. Says on stderr how far it is."""
    pieces = [
        _Piece(task=task, seed=seed, first=first, count=min(_PIECE, task.runs - first))
        for task in tasks
        for first in range(0, task.runs, _PIECE)
    ]
    left = {task.scenario.name: -(-task.runs // _PIECE) for task in tasks}
    found: dict[str, list[tuple[int, dict[str, list[Decision]]]]] = defaultdict(list)
    began = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_decide, piece): piece for piece in pieces}
        for done, future in enumerate(as_completed(waiting), start=1):
            piece = waiting[future]
            name = piece.task.scenario.name
            found[name].append((piece.first, future.result()))
            left[name] -= 1
            if not left[name]:
                share = done / len(pieces)
                print(f"{share:4.0%} {time.monotonic() - began:5.0f} s  {name}", file=sys.stderr, flush=True)
    return {task.scenario.name: _in_order(found[task.scenario.name]) for task in tasks}


def _decide(piece: _Piece) -> dict[str, list[Decision]]:
    scenario = piece.task.scenario
    decided: dict[str, list[Decision]] = {name: [] for name in (OURS, *piece.task.others)}
    for number in range(piece.first, piece.first + piece.count):
        stream = scenario.make(stream_of(scenario, piece.seed, number))
        for name, decisions in decided.items():
            decisions.append(RULES[name](scenario, stream))
    return decided


def _in_order(pieces: list[tuple[int, dict[str, list[Decision]]]]) -> Decided:
    joined: dict[str, list[Decision]] = defaultdict(list)
    for _, decided in sorted(pieces, key=lambda piece: piece[0]):
        for name, decisions in decided.items():
            joined[name].extend(decisions)
    return joined
