"""The one thread that touches the file, so that a slow disk never holds up the event loop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from verdigris.adapters.sqlite.faults import in_our_words
from verdigris.core.model.errors import StoreError, StoreUnreadable

T = TypeVar("T")


class Worker:
    """Owns the connection and its thread, from `start` to `stop`."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._path = Path()

    async def start(self, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
        """Opens the file with `connect`, in the thread. Raises: StoreUnreadable, StoreTooNew."""
        if self._thread is not None:
            raise StoreError(f"{path} is open already")
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            self._connection = await self._submit(lambda: connect(path))
        except BaseException:
            self._stop_thread()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in the store's thread. Cancelling the caller does not undo work that has begun."""
        connection = self._connection
        if connection is None:
            raise StoreError("the store is not open", hint="call open() first")
        return await self._submit(lambda: work(connection))

    async def stop(self, last: Callable[[sqlite3.Connection], None]) -> None:
        """Does `last`, after all that was asked before, and closes the file; doing it twice does no harm."""
        connection, self._connection = self._connection, None
        if connection is None:
            return

        def close() -> None:
            try:
                last(connection)
            finally:
                connection.close()

        try:
            await self._submit(close)
        finally:
            self._stop_thread()

    async def _submit(self, work: Callable[[], T]) -> T:
        def worded() -> T:
            with in_our_words(self._path):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, worded)

    def _stop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False)


def private_file(path: Path) -> None:
    """Makes sure that there is a regular file. A new one is its owner's alone; SQLite gives its side files the same mode.

    Raises: StoreUnreadable, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if not path.is_file():
        raise StoreUnreadable(f"{path} is not a regular file", hint="name a file for the store")
