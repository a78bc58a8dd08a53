"""The tables of `samples.db`, and whose file it is.

Several parts keep their tables in one file, each with its own schema number in `parts`; `application_id` says that the
file is ours (https://www.sqlite.org/pragma.html). A file that cannot be used is left as it is: it may hold what was spent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from verdigris.adapters.sqlite.worker import private_file
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable

APPLICATION_ID = 0x56_44_47_51
"""`VDGQ` in ASCII."""

ARCHIVE = "archive"

FIRST = (
    # `size` is the document's length in bytes, so that sums need not read documents.
    """CREATE TABLE archived_samples (
        id TEXT PRIMARY KEY,
        at REAL NOT NULL,
        environment TEXT NOT NULL,
        size INTEGER NOT NULL,
        document BLOB NOT NULL
    )""",
    "CREATE INDEX archived_samples_by_age ON archived_samples (at, size)",
    "CREATE INDEX archived_samples_by_environment ON archived_samples (environment, at)",
    """CREATE TABLE archived_pairs (
        id TEXT PRIMARY KEY,
        rollout TEXT NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        size INTEGER NOT NULL,
        document BLOB NOT NULL
    )""",
    "CREATE INDEX archived_pairs_by_age ON archived_pairs (at, size)",
    "CREATE INDEX archived_pairs_by_rollout ON archived_pairs (rollout, at)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (FIRST,)
"""The n-th brings the archive from version n to n + 1. A migration that was released is never changed."""


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Opens or creates the file with the archive's tables. Raises: StoreUnreadable, StoreTooNew."""
    connection = open_shared(path, patience)
    try:
        migrate(connection, path, ARCHIVE, MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return connection


def open_shared(path: Path, patience: float) -> sqlite3.Connection:
    """A connection of its own to the shared file; other connections' writes are waited for `patience` seconds.

    Power loss may cost the latest transactions, never more: decisions are kept elsewhere. Raises: StoreUnreadable.
    """
    private_file(path)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        _check_owner(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA secure_delete = ON")  # what people wrote is gone from the file when it is forgotten
        connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner not in (0, APPLICATION_ID):
        raise StoreUnreadable(
            f"{path} is an SQLite database of another program", hint="move it away, or name another state folder"
        )
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreUnreadable(f"{path} cannot keep a write-ahead log", hint="put the state folder on a local disk")


def migrate(connection: sqlite3.Connection, path: Path, part: str, migrations: Sequence[Sequence[str]]) -> None:
    """Brings one part's tables to the present version. Raises: StoreTooNew."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _migrate(connection, path, part, migrations)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection, path: Path, part: str, migrations: Sequence[Sequence[str]]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    found = connection.execute("SELECT version FROM parts WHERE name = ?", (part,)).fetchone()
    version = int(found[0]) if found else 0
    if version > len(migrations):
        raise StoreTooNew(
            f"{path} has {part} version {version}; this Verdigris knows up to {len(migrations)}",
            hint="upgrade Verdigris to at least the version that wrote it",
        )
    for statements in migrations[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO parts (name, version) VALUES (?, ?)", (part, len(migrations)))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
