"""The archive contract, against every archive."""

from __future__ import annotations

import pytest

from verdigris.adapters.samples.archive import MemoryArchive, SqliteArchive
from verdigris.core.model.quality import Retention
from verdigris.ports import Archive
from verdigris.testing.archives import ArchiveContract


class TestMemoryArchive(ArchiveContract):
    def an_archive(self, retention: Retention) -> Archive:
        return MemoryArchive(retention=retention)


class TestSqliteArchive(ArchiveContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path) -> None:
        self.path = tmp_path / "samples.db"

    def an_archive(self, retention: Retention) -> Archive:
        return SqliteArchive(path=self.path, retention=retention)
