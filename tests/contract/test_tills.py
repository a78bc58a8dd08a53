"""The till contract, against every till."""

from __future__ import annotations

import pytest

from verdigris.adapters.samples.till import MemoryTill, SqliteTill
from verdigris.ports import Till
from verdigris.testing.tills import TillContract


class TestMemoryTill(TillContract):
    def a_till(self) -> Till:
        return MemoryTill()


class TestSqliteTill(TillContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path) -> None:
        self.path = tmp_path / "samples.db"

    def a_till(self) -> Till:
        return SqliteTill(path=self.path)
