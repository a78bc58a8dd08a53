"""What the store does inside one transaction, on the store's own thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from verdigris.adapters.stores import codec
from verdigris.adapters.stores.bounds import MAX_NOTES
from verdigris.adapters.stores.sqlite import queries
from verdigris.adapters.stores.sqlite.schema import set_durability
from verdigris.core.model.errors import LeaseHeld, NotFound, StaleVersion, StoreError
from verdigris.core.model.rollout import Rollout
from verdigris.ports import Lease, Logged, Pending, Recorded, Segment, Stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One decision in the form in which it is stored."""

    event: str
    rollout: Rollout
    state: str
    commands: tuple[str, ...]
    done: tuple[int, ...]
    ledger: bytes | None
    record: tuple[Segment, ...] = ()


@contextmanager
def writing(connection: sqlite3.Connection, lease: Lease | None, *, full: bool = True) -> Iterator[None]:
    """A write transaction, kept only if `lease` is still in force at its beginning.

    Raises: LeaseHeld.
    """
    if not full:
        set_durability(connection, full=False)
    try:
        with _transaction(connection, queries.BEGIN_WRITE):
            if lease is not None:
                _check_lease(connection, lease)
            yield
    finally:
        if not full:
            set_durability(connection, full=True)


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction in which every query sees the same state."""
    with _transaction(connection, queries.BEGIN_READ):
        yield


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute(queries.COMMIT)
    except BaseException:
        if connection.in_transaction:  # some faults have rolled back already
            connection.execute(queries.ROLLBACK)
        raise


# ------------------------------------------------------------------ lease


def take_lease(connection: sqlite3.Connection, service: str, holder: str) -> Lease:
    with writing(connection, None):
        connection.execute(queries.TAKE_LEASE, {"service": service, "holder": holder})
        token, _ = connection.execute(queries.LEASE, {"service": service}).fetchone()
    return Lease(service=service, holder=holder, token=token)


def free_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    with writing(connection, None):
        connection.execute(queries.FREE_LEASE, {"service": lease.service, "token": lease.token})


def _check_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    row = connection.execute(queries.LEASE, {"service": lease.service}).fetchone()
    token, holder = row or (0, None)
    if token == lease.token and holder is not None:
        return
    now = f"{holder.decode(errors='replace')} has taken it over" if holder is not None else "it was released"
    raise LeaseHeld(
        f"{lease.holder} no longer holds the lease of service {lease.service!r}: {now}",
        hint="this controller must not decide any more; start it again to wait for its turn",
    )


# ------------------------------------------------------------------ decisions


def commit(connection: sqlite3.Connection, lease: Lease, decision: Written, expected: int) -> None:
    """Event, state, outbox, ledger and record, inside the caller's transaction. Raises: StaleVersion."""
    rollout = decision.rollout
    if rollout.service != lease.service:
        raise StoreError(f"the lease of service {lease.service!r} cannot decide for {rollout.service!r}")
    names: dict[str, Any] = {"id": rollout.id, "service": rollout.service, "expected": expected}
    _write_state(connection, {**names, "state": decision.state}, expected)
    connection.execute(queries.LOG_EVENT, {**names, "event": decision.event})
    settle(connection, rollout.service, decision.done)
    for command in decision.commands:
        connection.execute(queries.POST_COMMAND, {**names, "command": command})
    if decision.ledger is not None:
        save_ledger(connection, rollout.service, rollout.id, decision.ledger)
    save_record(connection, rollout.service, rollout.id, decision.record)


def _write_state(connection: sqlite3.Connection, row: dict[str, Any], expected: int) -> None:
    try:
        query = queries.UPDATE_ROLLOUT if expected else queries.BEGIN_ROLLOUT
        if connection.execute(query, row).rowcount == 1:
            return
    except sqlite3.IntegrityError:
        pass  # the id is taken: somebody began it already
    raise StaleVersion(
        f"rollout {row['id']!r} is not at version {expected} any more", hint="load it again and decide again"
    ) from None


def forget_old(connection: sqlite3.Connection, service: str, *, rollouts: int, events: int, record: int) -> None:
    connection.execute(queries.FORGET_OLD, {"service": service, "rollouts": rollouts, "events": events})
    connection.execute(queries.FORGET_RECORDS, {"service": service, "bytes": record})


def settle(connection: sqlite3.Connection, service: str, done: Sequence[int]) -> None:
    connection.executemany(queries.SETTLE_COMMAND, [{"done": number, "service": service} for number in done])


def save_ledger(connection: sqlite3.Connection, service: str, rollout: str, ledger: bytes) -> None:
    """Raises: NotFound."""
    row = {"id": rollout, "service": service, "data": ledger}
    if connection.execute(queries.SAVE_LEDGER, row).rowcount != 1:
        raise NotFound(f"service {service!r} has no rollout {rollout!r}")


def save_record(connection: sqlite3.Connection, service: str, rollout: str, record: Sequence[Segment]) -> None:
    rows = [{"id": rollout, "service": service, "number": piece.number, "data": piece.data} for piece in record]
    if rows:
        connection.executemany(queries.SAVE_SEGMENT, rows)


# ------------------------------------------------------------------ reading


def load(connection: sqlite3.Connection, rollout: str) -> Stored:
    """Raises: NotFound."""
    row = connection.execute(queries.ROLLOUT, {"id": rollout}).fetchone()
    if row is None:
        raise _unknown(rollout)
    number, version, state, ledger = row
    return Stored(
        rollout=codec.decode_rollout(state), version=version, pending=_pending(connection, number), ledger=ledger
    )


def latest(connection: sqlite3.Connection, service: str) -> Stored | None:
    row = connection.execute(queries.LATEST_ID, {"service": service}).fetchone()
    return None if row is None else load(connection, row[0].decode())


def events(connection: sqlite3.Connection, rollout: str, *, after: int, limit: int) -> tuple[Logged, ...]:
    """Raises: NotFound."""
    page = {"rollout": _number_of(connection, rollout), "after": after, "limit": max(0, limit)}
    rows = connection.execute(queries.EVENTS, page).fetchall()
    return tuple(Logged(number=number, event=codec.decode_event(event)) for number, event in rows)


def record(connection: sqlite3.Connection, rollout: str, *, after: int, limit: int) -> tuple[Segment, ...]:
    """Raises: NotFound."""
    page = {"rollout": _number_of(connection, rollout), "after": after, "limit": max(0, limit)}
    rows = connection.execute(queries.RECORD, page).fetchall()
    return tuple(Segment(number=number, data=data) for number, data in rows)


def recorded(connection: sqlite3.Connection, rollout: str) -> Recorded:
    """Raises: NotFound."""
    number, size = connection.execute(queries.RECORDED, {"rollout": _number_of(connection, rollout)}).fetchone()
    return Recorded(number=number, size=size)


def pending(connection: sqlite3.Connection, rollout: str) -> tuple[Pending, ...]:
    """Raises: NotFound."""
    return _pending(connection, _number_of(connection, rollout))


def history(connection: sqlite3.Connection, service: str, *, limit: int) -> tuple[Rollout, ...]:
    rows = connection.execute(queries.HISTORY, {"service": service, "limit": max(0, limit)}).fetchall()
    return tuple(codec.decode_rollout(state) for (state,) in rows)


def _pending(connection: sqlite3.Connection, number: int) -> tuple[Pending, ...]:
    rows = connection.execute(queries.PENDING, {"rollout": number}).fetchall()
    return tuple(Pending(id=id_, command=codec.decode_command(command)) for id_, command in rows)


def _number_of(connection: sqlite3.Connection, rollout: str) -> int:
    row = connection.execute(queries.ROLLOUT_NUMBER, {"id": rollout}).fetchone()
    if row is None:
        raise _unknown(rollout)
    return int(row[0])


def _unknown(rollout: str) -> NotFound:
    return NotFound(f"there is no rollout {rollout!r}", hint="`verdigris rollout list` names those that are kept")


# ------------------------------------------------------------------ small values


def remember(connection: sqlite3.Connection, service: str, key: str, value: bytes) -> None:
    """Raises: StoreError when there are too many."""
    row = {"service": service, "key": key, "value": value}
    if connection.execute(queries.OTHER_NOTES, row).fetchone()[0] >= MAX_NOTES:
        raise StoreError(f"service {service!r} remembers {MAX_NOTES} values already, {key!r} would be one more")
    connection.execute(queries.REMEMBER, row)


def recall(connection: sqlite3.Connection, service: str, key: str) -> bytes | None:
    row = connection.execute(queries.RECALL, {"service": service, "key": key}).fetchone()
    return None if row is None else row[0]
