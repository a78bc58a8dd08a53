"""The store in one SQLite file. One thread touches the file; one lock file per service says who may decide."""

from verdigris.adapters.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
