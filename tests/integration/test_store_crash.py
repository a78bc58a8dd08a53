"""Real writers killed with kill -9: no decision is half there, none that was reported is lost, the next one goes on."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from support import store_writer
from verdigris.adapters.stores.sqlite import SqliteStore
from verdigris.core.rollout.replay import replay
from verdigris.ports import Stored

pytestmark = pytest.mark.real
T = TypeVar("T")


@contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, store_writer.__file__, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    text = process.stdout.readline().strip()
    assert text, "the writer ended"
    return text


def with_store(path: Path, story: Callable[[SqliteStore], Awaitable[T]]) -> T:
    async def run() -> T:
        store = SqliteStore(path=path)
        await store.open()
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def check_whole(store: SqliteStore) -> Stored | None:
    """Every rollout's log leads to its state, as many events as its version says; evidence and outbox belong to it."""
    for rollout in await store.history(store_writer.SERVICE, limit=1000):
        stored = await store.load(rollout.id)
        log = await store.events(rollout.id)
        assert [logged.number for logged in log] == list(range(1, stored.version + 1))
        assert replay(logged.event for logged in log) == stored.rollout
        assert stored.ledger is not None
        assert stored.ledger.startswith(b"version %d " % stored.version)
    return await store.latest(store_writer.SERVICE)


def test_a_writer_killed_at_every_statement_leaves_whole_decisions(tmp_path: Path) -> None:
    points = 80
    subprocess.run(
        [sys.executable, store_writer.__file__, str(tmp_path / "verdigris.db"), str(points)], check=True, timeout=90
    )
    versions = []
    for point in range(1, points + 1):
        newest = with_store(tmp_path / f"verdigris.db.{point}", check_whole)
        versions.append(newest.version if newest else 0)
    assert versions == sorted(versions)  # dying later never leaves less
    assert set(versions) == set(range(versions[-1] + 1))
    assert versions[-1] >= 3


def test_a_writer_killed_at_any_moment_loses_nothing_it_reported(tmp_path: Path) -> None:
    path, moments, pause = tmp_path / "verdigris.db", random.Random(7), threading.Event()
    tokens = []
    for _ in range(8):
        with writer(path) as process:
            tokens.append(int(line(process).removeprefix("leased ")))
            for _ in range(moments.randrange(1, 40)):
                rollout, version = line(process).split()
            pause.wait(moments.random() / 100)  # so that the kill falls anywhere between two commits
            process.kill()
            process.wait(30)
        with_store(path, check_whole)
        reported = with_store(path, lambda store, name=rollout: store.load(name))
        assert reported.version >= int(version)
    assert tokens == sorted(set(tokens))


def test_a_second_process_is_refused_and_takes_over_at_once_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "verdigris.db"
    with writer(path) as first:
        token = int(line(first).removeprefix("leased "))
        with writer(path) as second:
            assert f"pid {first.pid}" in line(second)
            assert second.wait(30) == 3
        line(first)  # the first one goes on
        first.kill()
        first.wait(30)
        with writer(path) as third:
            assert line(third) == f"leased {token + 1}"  # its first attempt, without waiting
            line(third)
    with_store(path, check_whole)


def test_many_processes_may_create_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "verdigris.db"
    with writer(path) as one, writer(path) as two, writer(path) as three:
        openings = [line(process).split()[0] for process in (one, two, three)]
    assert sorted(openings) == ["another", "another", "leased"]
    with_store(path, lambda store: store.history(store_writer.SERVICE))
