"""The store contract, against every store."""

from __future__ import annotations

from typing import Any

import pytest

pytest.register_assert_rewrite("verdigris.testing.stores")

from verdigris.adapters.stores.memory import MemoryStore, Shelf  # noqa: E402 -- after the rewrite is asked for
from verdigris.adapters.stores.sqlite import SqliteStore  # noqa: E402
from verdigris.ports import Store  # noqa: E402
from verdigris.testing.stores import StoreContract  # noqa: E402


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
