"""The tables, how an older file becomes the present one, and whose file it is.

The file's header says both: `application_id` that it is ours, `user_version` how many of MIGRATIONS it has had
(https://www.sqlite.org/pragma.html). Nothing is written to a file before it is known to be ours or empty.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from verdigris.adapters.sqlite.worker import private_file
from verdigris.adapters.stores.sqlite import queries
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable

APPLICATION_ID = 0x56_44_47_53
"""`VDGS` in ASCII."""

FIRST = (
    # The id of a rollout is the user's; `number` keeps the order in which they began.
    """CREATE TABLE rollouts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        service TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT NOT NULL
    )""",
    "CREATE INDEX rollouts_by_service ON rollouts (service, number)",
    """CREATE TABLE events (
        rollout INTEGER NOT NULL REFERENCES rollouts ON DELETE CASCADE,
        number INTEGER NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (rollout, number)
    ) WITHOUT ROWID""",
    # AUTOINCREMENT: a number once given is never given again.
    """CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rollout INTEGER NOT NULL REFERENCES rollouts ON DELETE CASCADE,
        command TEXT NOT NULL
    )""",
    "CREATE INDEX outbox_by_rollout ON outbox (rollout, id)",
    # Beside the rollouts, not in them: ledgers are large and rewritten often.
    "CREATE TABLE ledgers (rollout INTEGER PRIMARY KEY REFERENCES rollouts ON DELETE CASCADE, data BLOB NOT NULL)",
    # `holder` is NULL while nobody decides.
    "CREATE TABLE leases (service TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT) WITHOUT ROWID",
    """CREATE TABLE notes (
        service TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (service, key)
    ) WITHOUT ROWID""",
)

RECORDS = (
    # What the judge was given, in segments that are written once.
    """CREATE TABLE records (
        rollout INTEGER NOT NULL REFERENCES rollouts ON DELETE CASCADE,
        number INTEGER NOT NULL,
        data BLOB NOT NULL,
        UNIQUE (rollout, number)
    )""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (FIRST, RECORDS)
"""The n-th brings a file from version n to n + 1. A migration that was released is never changed."""


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Opens or creates the file; another program's lock on it is waited for `patience` seconds. Raises: StoreUnreadable, StoreTooNew."""
    private_file(path)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        connection.text_factory = bytes  # text may be damaged; the codec decodes and says so
        check_owner(connection, path)
        configure(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check_owner(connection: sqlite3.Connection, path: Path) -> None:
    """Raises: StoreUnreadable for another program's file, StoreTooNew for one of a newer Verdigris."""
    connection.execute(queries.BEGIN_READ)  # one moment's view: another process may be creating the tables
    try:
        owner = _number(connection, "PRAGMA application_id")
        version = _number(connection, "PRAGMA user_version")
        tables = _number(connection, "SELECT count(*) FROM sqlite_master")
    finally:
        if connection.in_transaction:
            connection.execute(queries.ROLLBACK)
    if owner == APPLICATION_ID:
        _refuse_newer(version, path)
    elif owner or version or tables:
        raise StoreUnreadable(
            f"{path} is an SQLite database of another program", hint="name another file for the store"
        )


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the file to the present version, in the caller's transaction."""
    version = _number(connection, "PRAGMA user_version")
    _refuse_newer(version, path)  # again, now under the write lock: another process may have been quicker
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def is_current(connection: sqlite3.Connection) -> bool:
    return _number(connection, "PRAGMA user_version") == len(MIGRATIONS)


def set_durability(connection: sqlite3.Connection, *, full: bool) -> None:
    """FULL flushes the write-ahead log to disk at each commit. NORMAL leaves it to the next flush.

    With a write-ahead log NORMAL never damages the file and survives a killed process, but power loss may undo the
    latest commits (https://www.sqlite.org/pragma.html#pragma_synchronous). Decisions are FULL.
    """
    connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")


def configure(connection: sqlite3.Connection, path: Path) -> None:
    """Raises: StoreUnreadable where the file system cannot carry a write-ahead log."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != b"wal":
        raise StoreUnreadable(
            f"{path} cannot keep a write-ahead log (journal mode {mode!r})", hint="put the store on a local disk"
        )
    set_durability(connection, full=True)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")
    if is_current(connection):
        return
    connection.execute(queries.BEGIN_WRITE)
    try:
        migrate(connection, path)
        connection.execute(queries.COMMIT)
    except BaseException:
        if connection.in_transaction:
            connection.execute(queries.ROLLBACK)
        raise


def _refuse_newer(version: int, path: Path) -> None:
    if version > len(MIGRATIONS):
        raise StoreTooNew(
            f"{path} has store version {version}; this Verdigris knows up to {len(MIGRATIONS)}",
            hint="upgrade Verdigris to at least the version that wrote it",
        )


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
