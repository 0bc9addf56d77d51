"""Every store keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.stores.memory import MemoryStore
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.contract import StoreContract


class TestMemoryStore(StoreContract):
    def open_store(self) -> MemoryStore:
        return MemoryStore()


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _choose_file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "nexus.sqlite3"

    def open_store(self) -> SQLiteStore:
        return SQLiteStore(self.path)
