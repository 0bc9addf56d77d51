"""A store that is archived keeps the contract of every store, and its commits all go to the archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest

from nexus.archive.database import Database
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.stores.redis import RedisStore
from nexus.testing.contract import StoreContract
from nexus.testing.contract.commits import CommitContract
from tests.core.stores.redis.servers import single


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server.port


class Archiving(KeptStore):
    """A store whose archiver works while the test does."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.keeper.start()
        return self


class Kept:
    @pytest.fixture(autouse=True)
    def _choose(self, port: int, tmp_path: Path) -> None:
        self.port, self.folder = port, tmp_path

    def open_store(self) -> KeptStore:
        live = RedisStore(f"redis://127.0.0.1:{self.port}/0", prefix=f"test:{uuid4().hex}:")
        return Archiving(live, Keeper(live, Database(f"sqlite:///{self.folder / 'archive.sqlite3'}")))


class TestCommitsOfAKeptStore(Kept, CommitContract):
    """The part that archiving has to do with."""


@pytest.mark.long
class TestKeptStore(Kept, StoreContract):
    """All of it."""
