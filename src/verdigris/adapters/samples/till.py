"""The Till socket over the SQLite file that samples lie in, and over memory.

A reservation is on disk before it is given out, and counts as spent until it is settled: what is killed in between costs its
reservation, and a restart gives nothing back. Checking and booking are one transaction that only one connection can be in,
so several tasks and processes at once never reserve more than the budget.

What a call really cost is booked in full, also above its reservation. Reservations never go beyond the budget, so spending can
only by what calls cost more than was reserved for them; each is told in the log, and with the budget used up no further
one is given out. Of N calls at once that is at most N times the excess of one. The same holds for calls of unknown price, whose
number is bounded by `Budget.requests`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from verdigris.adapters.samples.purse import Held, day_of, fits, settled, units_of, usd
from verdigris.adapters.samples.schema import migrate, open_shared
from verdigris.adapters.sqlite.worker import Worker
from verdigris.core.model.quality import Budget
from verdigris.ports import Reservation

T = TypeVar("T")
_log = logging.getLogger(__name__)

TILL = "till"

KEEP = 400 * 86_400.0
"""Seconds for which a rollout's or a day's sum is kept, from its last booking to the last one before today."""

FIRST = (
    # What is spent or reserved, in billionths of a USD. `kind` is `day` or `rollout`, `name` says which; `at` is the last booking.
    """CREATE TABLE till_sums (
        purse TEXT NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        amount INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (purse, kind, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX till_sums_by_age ON till_sums (at)",
    # Calls under way, and those that were killed. Numbers are never used again: settling twice must not hit another's.
    """CREATE TABLE till_reservations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        purse TEXT NOT NULL,
        rollout TEXT NOT NULL,
        day TEXT NOT NULL,
        amount INTEGER NOT NULL,
        at REAL NOT NULL
    )""",
    "CREATE INDEX till_reservations_by_age ON till_reservations (at)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (FIRST,)
"""The n-th brings the till from version n to n + 1. A migration that was released is never changed."""

_SUM = "SELECT amount, requests FROM till_sums WHERE purse = ? AND kind = ? AND name = ?"
_ADD = """
    INSERT INTO till_sums (purse, kind, name, amount, requests, at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (purse, kind, name)
    DO UPDATE SET amount = amount + excluded.amount, requests = requests + excluded.requests, at = max(at, excluded.at)
"""
_RESERVE = "INSERT INTO till_reservations (purse, rollout, day, amount, at) VALUES (?, ?, ?, ?, ?)"
_TAKE = "DELETE FROM till_reservations WHERE id = ? AND purse = ? RETURNING rollout, day, amount, at"
_LAST_BEFORE = "SELECT max(at) FROM till_sums WHERE kind = 'day' AND name < ?"
_FORGET_SUMS = "DELETE FROM till_sums WHERE at < ?"
_FORGET_RESERVATIONS = "DELETE FROM till_reservations WHERE at < ?"


@dataclass(slots=True)
class Excess:
    """Calls that cost more than was reserved for them, by purse: how many, and by how many USD together."""

    calls: Counter[str] = field(default_factory=Counter)
    amount: Counter[str] = field(default_factory=Counter)

    def note(self, purse: str, spent: int, reserved: int) -> None:
        if spent <= reserved:
            return
        self.calls[purse] += 1
        self.amount[purse] += spent - reserved
        if self.calls[purse].bit_count() == 1:  # the 1st, 2nd, 4th, 8th …
            _log.warning(
                "%d calls on the purse %s cost %.6f USD more than was reserved for them; all of it is booked",
                self.calls[purse],
                purse,
                usd(self.amount[purse]),
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SqliteTill:
    """Keeps its sums in `path`, which other parts may share. Opens itself with the first call where `open` was not called.

    `patience` is how many seconds another connection's write is waited for.
    """

    path: Path
    patience: float = 5.0
    excess: Excess = field(default_factory=Excess, init=False, repr=False, compare=False)
    _worker: Worker = field(default_factory=Worker, init=False, repr=False, compare=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False, compare=False)
    _opened: set[Path] = field(default_factory=set, init=False, repr=False, compare=False)

    async def open(self) -> None:
        """Doing it twice does no harm. Raises: StoreUnreadable, StoreTooNew."""
        async with self._opening:
            if not self._opened:
                await self._worker.start(Path(self.path), lambda path: connect(path, self.patience))
                self._opened.add(self.path)

    async def close(self) -> None:
        async with self._opening:
            self._opened.clear()
            await self._worker.stop(lambda _: None)

    async def reserve(
        self, purse: str, amount: float | None, *, budget: Budget, rollout: str, at: float
    ) -> Reservation | None:
        """Raises: StoreError; ValueError for an amount below zero or that is no number."""
        units = None if amount is None else units_of(amount)

        def write(connection: sqlite3.Connection) -> Reservation | None:
            with _transaction(connection):
                held = _held(connection, purse, rollout, day_of(at))
                if not fits(units, held, budget):
                    return None
                if not held.day:
                    _forget(connection, day_of(at))
                row = (purse, rollout, day_of(at), units or 0, at)
                number = connection.execute(_RESERVE, row).lastrowid
                _book(connection, purse, rollout, day_of(at), units or 0, int(units is None), at)
            return Reservation(id=number or 0, purse=purse, amount=usd(units or 0))

        return await self._run(write)

    async def settle(self, reservation: Reservation, spent: float | None) -> None:
        """On the rollout and the day of its reservation. One that is settled already is left as it is. Raises: StoreError."""

        def write(connection: sqlite3.Connection) -> tuple[int, int] | None:
            with _transaction(connection):
                row = connection.execute(_TAKE, (reservation.id, reservation.purse)).fetchone()
                if row is None:
                    return None
                rollout, day, reserved, at = row
                booked = settled(spent, reserved)
                _book(connection, reservation.purse, rollout, day, booked - reserved, 0, at)
                return booked, reserved

        found = await self._run(write)
        if found is not None:
            self.excess.note(reservation.purse, *found)

    async def spent(self, purse: str, *, rollout: str, at: float) -> tuple[float, float]:
        """Raises: StoreError."""
        held = await self._run(lambda connection: _held(connection, purse, rollout, day_of(at)))
        return usd(held.rollout), usd(held.day)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        await self.open()
        return await self._worker.run(work)


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Opens or creates the file with the till's tables. Each commit reaches the disk. Raises: StoreUnreadable, StoreTooNew."""
    connection = open_shared(path, patience)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, path, TILL, MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """The only one that writes: what is read in it is still true when it ends."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _held(connection: sqlite3.Connection, purse: str, rollout: str, day: str) -> Held:
    amount, requests = connection.execute(_SUM, (purse, "rollout", rollout)).fetchone() or (0, 0)
    of_day, _ = connection.execute(_SUM, (purse, "day", day)).fetchone() or (0, 0)
    return Held(rollout=int(amount), day=int(of_day), requests=int(requests))


def _book(
    connection: sqlite3.Connection, purse: str, rollout: str, day: str, amount: int, requests: int, at: float
) -> None:
    for kind, name in (("rollout", rollout), ("day", day)):
        connection.execute(_ADD, (purse, kind, name, amount, requests, at))


def _forget(connection: sqlite3.Connection, today: str) -> None:
    """Drops what rollouts and days long past have cost; called with the first money of a day.

    Counted from the day of money before it: a clock that is years ahead for a moment must not make today's sum forgotten.
    """
    (last,) = connection.execute(_LAST_BEFORE, (today,)).fetchone()
    if last is not None:
        connection.execute(_FORGET_SUMS, (last - KEEP,))
        connection.execute(_FORGET_RESERVATIONS, (last - KEEP,))


# ------------------------------------------------------------------ memory


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    purse: str
    rollout: str
    day: str
    amount: int


@dataclass(kw_only=True, slots=True)
class MemoryTill:
    """Keeps the sums while the process runs. For tests and the demo."""

    excess: Excess = field(default_factory=Excess)
    _sums: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    _calls: dict[int, _Call] = field(default_factory=dict)
    _last: int = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def reserve(
        self, purse: str, amount: float | None, *, budget: Budget, rollout: str, at: float
    ) -> Reservation | None:
        """Raises: ValueError for an amount below zero or that is no number."""
        units = None if amount is None else units_of(amount)
        if not fits(units, self._held(purse, rollout, day_of(at)), budget):
            return None
        self._last += 1
        call = _Call(purse=purse, rollout=rollout, day=day_of(at), amount=units or 0)
        self._calls[self._last] = call
        self._requests[purse, rollout] += units is None
        self._book(call, call.amount)
        return Reservation(id=self._last, purse=purse, amount=usd(call.amount))

    async def settle(self, reservation: Reservation, spent: float | None) -> None:
        call = self._calls.pop(reservation.id, None)
        if call is not None:
            booked = settled(spent, call.amount)
            self._book(call, booked - call.amount)
            self.excess.note(call.purse, booked, call.amount)

    async def spent(self, purse: str, *, rollout: str, at: float) -> tuple[float, float]:
        held = self._held(purse, rollout, day_of(at))
        return usd(held.rollout), usd(held.day)

    def _held(self, purse: str, rollout: str, day: str) -> Held:
        return Held(
            rollout=self._sums[purse, "rollout", rollout],
            day=self._sums[purse, "day", day],
            requests=self._requests[purse, rollout],
        )

    def _book(self, call: _Call, amount: int) -> None:
        self._sums[call.purse, "rollout", call.rollout] += amount
        self._sums[call.purse, "day", call.day] += amount
