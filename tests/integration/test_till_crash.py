"""Real spenders, several at once and killed with kill -9: what was reserved stays spent, and never is it more than the budget."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from support import till_spender
from support.till_spender import CENT, HALF
from verdigris.adapters.samples.till import SqliteTill
from verdigris.testing.builders import START

pytestmark = pytest.mark.real


def spender(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, till_spender.__file__, str(path)], stdout=subprocess.PIPE, text=True)


def spent(path: Path) -> float:
    async def ask() -> float:
        till = SqliteTill(path=path)
        try:
            return (await till.spent("shadow", rollout="r1", at=START))[1]
        finally:
            await till.close()

    return asyncio.run(ask())


def ended(process: subprocess.Popen[str]) -> list[str]:
    """All it said, once it has ended."""
    said, _ = process.communicate(timeout=120)
    return said.splitlines()


def money(said: list[str]) -> float:
    """What these words cost: a cent for each reservation, less half of it where that was settled."""
    reserved = sum(line.startswith("reserved") for line in said)
    return reserved * CENT - sum(line.startswith("settled") for line in said) * (CENT - HALF)


@pytest.mark.parametrize("words", [1, 2, 3, 7, 20])
def test_what_was_reserved_before_a_kill_stays_spent(tmp_path, words):
    path = tmp_path / "samples.db"
    process = spender(path)
    assert process.stdout is not None
    heard = [process.stdout.readline().strip() for _ in range(words)]
    process.kill()
    said = heard + ended(process)
    found = spent(path)
    assert found >= money(said) - (CENT - HALF) - 1e-9, "a settlement may be there that was not told any more"
    assert found <= money(said) + CENT + 1e-9, "and one reservation"
    assert found <= 1.0
    rest = ended(spender(path))
    assert rest[-1] == "empty"
    assert spent(path) == pytest.approx(found + money(rest))
    assert 1.0 - CENT < spent(path) <= 1.0


def test_several_processes_at_once_never_overspend(tmp_path):
    path = tmp_path / "samples.db"
    processes = [spender(path) for _ in range(3)]
    every = [line for process in processes for line in ended(process)]
    assert every.count("empty") == 3
    ids = [line for line in every if line.startswith("reserved")]
    assert len(set(ids)) == len(ids), "no number is given out twice"
    assert spent(path) == pytest.approx(money(every))
    assert 1.0 - CENT < spent(path) <= 1.0
