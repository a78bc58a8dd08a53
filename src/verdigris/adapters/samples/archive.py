"""The Archive socket over one SQLite file, and over memory."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from verdigris.adapters.samples import documents, schema
from verdigris.adapters.sqlite.worker import Worker
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import NotFound, StoreUnreadable
from verdigris.core.model.quality import Retention
from verdigris.core.model.sample import Sample

T = TypeVar("T")
_log = logging.getLogger(__name__)

AT_ONCE = 500
"""Rows forgotten in one transaction, so that others who write to the file wait for milliseconds only."""

_KEEP_SAMPLE = """
    INSERT OR REPLACE INTO archived_samples (id, at, environment, size, document) VALUES (?, ?, ?, ?, ?)
"""
_KEEP_PAIR = """
    INSERT OR REPLACE INTO archived_pairs (id, rollout, at, kind, size, document) VALUES (?, ?, ?, ?, ?, ?)
"""
_SAMPLES = """
    SELECT document FROM archived_samples
    WHERE (:environment = '' OR environment = :environment) AND at < :before
    ORDER BY at DESC, rowid DESC
"""
_PAIRS = """
    SELECT document FROM archived_pairs
    WHERE rollout = :rollout AND (:kind = '' OR kind = :kind) AND at < :before
    ORDER BY at DESC, rowid DESC
"""
_PAIR = "SELECT document FROM archived_pairs WHERE id = ?"
_SIZE = """
    SELECT (SELECT coalesce(sum(size), 0) FROM archived_samples) + (SELECT coalesce(sum(size), 0) FROM archived_pairs)
"""
# Samples and pairs in one row, the oldest first.
_OLDEST = """
    SELECT at, size FROM (SELECT at, size FROM archived_samples UNION ALL SELECT at, size FROM archived_pairs)
    ORDER BY at LIMIT ?
"""
_FORGET_SAMPLES = """
    DELETE FROM archived_samples WHERE rowid IN (SELECT rowid FROM archived_samples WHERE at < ? ORDER BY at LIMIT ?)
"""
_FORGET_PAIRS = """
    DELETE FROM archived_pairs WHERE rowid IN (SELECT rowid FROM archived_pairs WHERE at < ? ORDER BY at LIMIT ?)
"""
_END = float("inf")


@dataclass(frozen=True, kw_only=True, slots=True)
class SqliteArchive:
    """Keeps samples and pairs in `path`, which other parts may share.

    A file that is damaged, another program's or of a newer Verdigris is refused and left as it is. `patience` is how many seconds
    another connection's write is waited for.
    """

    path: Path
    retention: Retention = field(default_factory=Retention)
    patience: float = 5.0
    _worker: Worker = field(default_factory=Worker, init=False, repr=False, compare=False)

    async def open(self) -> None:
        """Raises: StoreUnreadable, StoreTooNew."""
        await self._worker.start(Path(self.path), lambda path: schema.connect(path, self.patience))

    async def close(self) -> None:
        await self._worker.stop(lambda _: None)

    async def keep(self, sample: Sample) -> None:
        """Raises: StoreError."""

        def write(connection: sqlite3.Connection) -> None:
            document = documents.encode_sample(sample)
            connection.execute(_KEEP_SAMPLE, (sample.id, sample.at, sample.environment, len(document), document))

        await self._worker.run(write)

    async def keep_pair(self, pair: ComparedPair) -> None:
        """Raises: StoreError."""

        def write(connection: sqlite3.Connection) -> None:
            document = documents.encode_pair(pair)
            row = (pair.id, pair.rollout, pair.at, pair.kind.value, len(document), document)
            connection.execute(_KEEP_PAIR, row)

        await self._worker.run(write)

    async def samples(
        self, *, environment: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[Sample, ...]:
        """Raises: StoreError."""
        asked = {"environment": environment, "before": _END if before is None else before}
        return await self._worker.run(
            lambda connection: _read(connection, _SAMPLES, asked, limit, documents.decode_sample)
        )

    async def pairs(
        self, rollout: str, *, kind: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[ComparedPair, ...]:
        """Raises: StoreError."""
        asked = {"rollout": rollout, "kind": kind, "before": _END if before is None else before}
        return await self._worker.run(lambda connection: _read(connection, _PAIRS, asked, limit, documents.decode_pair))

    async def pair(self, id: str) -> ComparedPair:  # noqa: A002 -- the word people use for it
        """Raises: NotFound, StoreError."""

        def read(connection: sqlite3.Connection) -> ComparedPair:
            found = connection.execute(_PAIR, (id,)).fetchone()
            if found is None:
                raise no_pair(id)
            return documents.decode_pair(found[0])

        return await self._worker.run(read)

    async def forget(self, *, at: float) -> int:
        """Raises: StoreError."""
        forgotten, more = 0, AT_ONCE
        while more >= AT_ONCE:
            more = await self._worker.run(lambda connection: self._forget_some(connection, at))
            forgotten += more
        if forgotten:
            await self._worker.run(_empty_the_log)
        return forgotten

    def _forget_some(self, connection: sqlite3.Connection, at: float) -> int:
        cutoff = at - self.retention.seconds
        excess = int(connection.execute(_SIZE).fetchone()[0]) - self.retention.size
        if excess > 0:
            cutoff = max(cutoff, _cutoff(connection.execute(_OLDEST, (AT_ONCE,)), excess))
        return sum(
            connection.execute(statement, (cutoff, AT_ONCE)).rowcount for statement in (_FORGET_SAMPLES, _FORGET_PAIRS)
        )


def _empty_the_log(connection: sqlite3.Connection) -> None:
    """What was forgotten still stands in the write-ahead log; where somebody reads just now, until the next time."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _cutoff(oldest: Iterable[tuple[float, int]], excess: int) -> float:
    """Just above the youngest that must go, so that those of the same moment go together."""
    at = 0.0
    for found, size in oldest:
        at, excess = found, excess - size
        if excess <= 0:
            break
    return at + 1e-6


def _read(
    connection: sqlite3.Connection, query: str, asked: Mapping[str, object], limit: int, decode: Callable[[bytes], T]
) -> tuple[T, ...]:
    """The first `limit` that can be read: one damaged document neither hides the others nor looks like the end of them."""
    found: list[T] = []
    with closing(connection.execute(query, asked)) as rows:
        while len(found) < limit and (row := rows.fetchone()) is not None:
            try:
                found.append(decode(row[0]))
            except StoreUnreadable as error:
                _log.warning("%s", error)
    return tuple(found)


def no_pair(id: str) -> NotFound:  # noqa: A002 -- as in the socket
    return NotFound(f"there is no pair {id[:80]!r}", hint="pairs are kept for a bounded time; list those there are")


# ------------------------------------------------------------------ memory


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryArchive:
    """Keeps them while the process runs. For tests and the demo."""

    retention: Retention = field(default_factory=Retention)
    _samples: dict[str, Sample] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pairs: dict[str, ComparedPair] = field(default_factory=dict, init=False, repr=False, compare=False)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def keep(self, sample: Sample) -> None:
        self._samples[sample.id] = sample

    async def keep_pair(self, pair: ComparedPair) -> None:
        self._pairs[pair.id] = pair

    async def samples(
        self, *, environment: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[Sample, ...]:
        kept = _newest(self._samples.values(), before)
        return tuple(each for each in kept if environment in ("", each.environment))[:limit]

    async def pairs(
        self, rollout: str, *, kind: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[ComparedPair, ...]:
        kept = _newest(self._pairs.values(), before)
        return tuple(each for each in kept if each.rollout == rollout and kind in ("", each.kind))[:limit]

    async def pair(self, id: str) -> ComparedPair:  # noqa: A002 -- as in the socket
        """Raises: NotFound."""
        if id not in self._pairs:
            raise no_pair(id)
        return self._pairs[id]

    async def forget(self, *, at: float) -> int:
        before = len(self._samples) + len(self._pairs)
        left = self.retention.size
        every: list[Sample | ComparedPair] = [*self._samples.values(), *self._pairs.values()]
        for each in sorted(every, key=lambda each: each.at, reverse=True):
            left -= _size(each)
            if each.at < at - self.retention.seconds or left < 0:
                (self._samples if isinstance(each, Sample) else self._pairs).pop(each.id)
        return before - len(self._samples) - len(self._pairs)


def _size(kept: Sample | ComparedPair) -> int:
    return len(documents.encode_sample(kept) if isinstance(kept, Sample) else documents.encode_pair(kept))


Kept = TypeVar("Kept", Sample, ComparedPair)


def _newest(kept: Iterable[Kept], before: float | None) -> list[Kept]:
    return sorted((each for each in kept if before is None or each.at < before), key=lambda each: each.at, reverse=True)
