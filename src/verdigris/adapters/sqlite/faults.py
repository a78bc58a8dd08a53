"""SQLite's errors in our words: which file, what happened, and the way out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verdigris.core.model.errors import StoreError, StoreTooNew, StoreUnreadable

_RESTORE = "restore it from a backup, or move it away to begin with an empty store"
_RIGHTS = "check that the path is a file in a directory this user may write to"

# Primary result codes, https://www.sqlite.org/rescode.html
_WORDS: dict[int, tuple[type[StoreError], str, str]] = {
    sqlite3.SQLITE_NOTADB: (StoreUnreadable, "is not an SQLite database", _RESTORE),
    sqlite3.SQLITE_CORRUPT: (StoreUnreadable, "is damaged", _RESTORE),
    sqlite3.SQLITE_FORMAT: (StoreUnreadable, "is damaged", _RESTORE),
    sqlite3.SQLITE_CANTOPEN: (StoreUnreadable, "cannot be opened", _RIGHTS),
    sqlite3.SQLITE_PERM: (StoreUnreadable, "may not be opened", _RIGHTS),
    sqlite3.SQLITE_READONLY: (StoreUnreadable, "may not be written to", _RIGHTS),
    sqlite3.SQLITE_FULL: (StoreError, "cannot grow: the disk is full", "free some space; it is tried again"),
    sqlite3.SQLITE_BUSY: (StoreError, "is locked by another program", "end the program that keeps it open"),
    sqlite3.SQLITE_LOCKED: (StoreError, "is locked by another program", "end the program that keeps it open"),
    sqlite3.SQLITE_IOERR: (StoreError, "cannot be read or written", "check the disk"),
}


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Raises StoreError, StoreUnreadable or StoreTooNew in place of what SQLite, the system or the codec raise."""
    try:
        yield
    except sqlite3.Error as error:
        raise _worded(path, error) from error
    except OSError as error:
        raise StoreUnreadable(f"{path} cannot be opened: {error.strerror or error}", hint=_RIGHTS) from error
    except (StoreUnreadable, StoreTooNew) as error:
        if str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", hint=error.hint) from error


def _worded(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    kind, words, hint = _WORDS.get(code & 0xFF if code is not None else -1, (StoreError, "failed", ""))
    return kind(f"{path} {words}: {error}", hint=hint)
