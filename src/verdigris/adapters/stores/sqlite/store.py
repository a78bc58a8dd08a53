"""The Store socket over one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from verdigris.adapters.sqlite.worker import Worker
from verdigris.adapters.stores import codec
from verdigris.adapters.stores.bounds import KEEP_EVENTS, KEEP_RECORD, KEEP_ROLLOUTS, MAX_NOTE
from verdigris.adapters.stores.sqlite import schema, transactions
from verdigris.adapters.stores.sqlite.lock import HeldLock, take_lock
from verdigris.core.model.command import Command
from verdigris.core.model.errors import StoreError
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Rollout
from verdigris.ports import Lease, Logged, Pending, Recorded, Segment, Stored

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class SqliteStore:
    """Keeps everything in `path`, which is created with its directory when missing.

    Of each service the newest `keep_rollouts` are kept, fewer if they hold more than `keep_events` events together; the
    records of the newest, `keep_record` bytes together.
    `patience` is how many seconds another program's lock on the file is waited for. After a StoreError that is neither
    StaleVersion nor LeaseHeld the decision may or may not stand: load before deciding again.
    """

    path: Path
    keep_rollouts: int = KEEP_ROLLOUTS
    keep_events: int = KEEP_EVENTS
    keep_record: int = KEEP_RECORD
    patience: float = 5.0
    _worker: Worker = field(default_factory=Worker, init=False, repr=False, compare=False)
    _locks: dict[Lease, HeldLock] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def _file(self) -> Path:
        return Path(self.path).resolve()  # one file has one lock, by whatever link it is reached

    async def open(self) -> None:
        """Raises: StoreUnreadable, StoreTooNew."""
        await self._worker.start(self._file, lambda path: schema.connect(path, self.patience))

    async def close(self) -> None:
        """Releases what is still held."""

        def last(connection: sqlite3.Connection) -> None:
            for lease in tuple(self._locks):
                self._free(connection, lease)

        await self._worker.stop(last)

    # ------------------------------------------------------------------ lease

    async def lease(self, service: str, holder: str) -> Lease:
        """Takes the lease, at once if its former holder is gone. Raises: LeaseHeld."""

        def take(connection: sqlite3.Connection) -> Lease:
            lock = take_lock(self._file, service, holder)
            try:
                lease = transactions.take_lease(connection, service, holder)
            except BaseException:
                lock.release()
                raise
            self._locks[lease] = lock
            return lease

        return await self._worker.run(take)

    async def release(self, lease: Lease) -> None:
        """Gives the lease back; one that is no longer held is no error."""
        await self._worker.run(lambda connection: self._free(connection, lease))

    def _free(self, connection: sqlite3.Connection, lease: Lease) -> None:
        lock = self._locks.pop(lease, None)
        if lock is None:
            return
        try:
            transactions.free_lease(connection, lease)
        finally:
            lock.release()

    # ------------------------------------------------------------------ writing

    async def commit(
        self,
        lease: Lease,
        *,
        event: Event,
        rollout: Rollout,
        commands: Sequence[Command],
        expected_version: int,
        done: Sequence[int] = (),
        ledger: bytes | None = None,
        record: Sequence[Segment] = (),
    ) -> int:
        """Writes one decision; returns the new version. 0 as `expected_version` begins a rollout.

        Raises: StaleVersion, LeaseHeld, StoreError.
        """
        decision = transactions.Written(
            event=_text(codec.encode_event(event)),
            rollout=rollout,
            state=_text(codec.encode_rollout(rollout)),
            commands=tuple(_text(codec.encode_command(command)) for command in commands),
            done=tuple(done),
            ledger=ledger,
            record=tuple(record),
        )

        def write(connection: sqlite3.Connection) -> None:
            transactions.commit(connection, lease, decision, expected_version)
            if expected_version == 0:
                transactions.forget_old(
                    connection,
                    lease.service,
                    rollouts=self.keep_rollouts,
                    events=self.keep_events,
                    record=self.keep_record,
                )

        await self._write(lease, write)
        return expected_version + 1

    async def save_ledger(self, lease: Lease, rollout: str, ledger: bytes, *, record: Sequence[Segment] = ()) -> None:
        """Keeps evidence between decisions. Power loss may cost the latest of these, never a decision.

        Raises: NotFound, LeaseHeld, StoreError.
        """

        def write(connection: sqlite3.Connection) -> None:
            transactions.save_ledger(connection, lease.service, rollout, ledger)
            transactions.save_record(connection, lease.service, rollout, record)

        await self._write(lease, write, full=False)

    async def settle(self, lease: Lease, done: Sequence[int]) -> None:
        """Marks outbox numbers done whose outcome is no event. Raises: LeaseHeld, StoreError."""
        await self._write(lease, lambda connection: transactions.settle(connection, lease.service, done))

    async def remember(self, lease: Lease, service: str, key: str, value: bytes) -> None:
        """Keeps a small value of a service. Raises: LeaseHeld, StoreError."""
        if len(value) > MAX_NOTE:
            raise StoreError(f"{key!r} is {len(value)} bytes; a remembered value has at most {MAX_NOTE}")
        if service != lease.service:
            raise StoreError(f"the lease of service {lease.service!r} cannot write for {service!r}")
        await self._write(lease, lambda connection: transactions.remember(connection, service, key, value))

    async def _write(self, lease: Lease, work: Callable[[sqlite3.Connection], None], *, full: bool = True) -> None:
        def write(connection: sqlite3.Connection) -> None:
            with transactions.writing(connection, lease, full=full):
                work(connection)

        await self._worker.run(write)

    # ------------------------------------------------------------------ reading

    async def latest(self, service: str) -> Stored | None:
        return await self._read(lambda connection: transactions.latest(connection, service))

    async def load(self, rollout: str) -> Stored:
        """Raises: NotFound."""
        return await self._read(lambda connection: transactions.load(connection, rollout))

    async def events(self, rollout: str, *, after: int = 0, limit: int = 1000) -> tuple[Logged, ...]:
        """Raises: NotFound."""
        return await self._read(lambda connection: transactions.events(connection, rollout, after=after, limit=limit))

    async def record(self, rollout: str, *, after: int = 0, limit: int = 64) -> tuple[Segment, ...]:
        """Raises: NotFound."""
        return await self._read(lambda connection: transactions.record(connection, rollout, after=after, limit=limit))

    async def recorded(self, rollout: str) -> Recorded:
        """Raises: NotFound."""
        return await self._read(lambda connection: transactions.recorded(connection, rollout))

    async def history(self, service: str, *, limit: int = 50) -> tuple[Rollout, ...]:
        """Newest first."""
        return await self._read(lambda connection: transactions.history(connection, service, limit=limit))

    async def pending(self, rollout: str) -> tuple[Pending, ...]:
        """Raises: NotFound."""
        return await self._read(lambda connection: transactions.pending(connection, rollout))

    async def recall(self, service: str, key: str) -> bytes | None:
        return await self._read(lambda connection: transactions.recall(connection, service, key))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def read(connection: sqlite3.Connection) -> T:
            with transactions.reading(connection):
                return work(connection)

        return await self._worker.run(read)


def _text(document: codec.Document) -> str:
    return codec.pack(document).decode("ascii")
