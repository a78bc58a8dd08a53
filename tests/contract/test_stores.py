"""The store contract, against every store."""

from __future__ import annotations

from typing import Any

import pytest

from verdigris.adapters.stores.memory import MemoryStore, Shelf
from verdigris.adapters.stores.sqlite import SqliteStore
from verdigris.ports import Store
from verdigris.testing.stores import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.shelf = Shelf()

    def another_store(self, **bounds: Any) -> Store:
        return MemoryStore(shelf=self.shelf, **bounds)


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path) -> None:
        self.path = tmp_path / "verdigris.db"

    def another_store(self, **bounds: Any) -> Store:
        return SqliteStore(path=self.path, **bounds)
