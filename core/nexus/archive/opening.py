"""From a live store and a database URL to the one store that has both."""

from __future__ import annotations

from types import TracebackType
from typing import cast

from nexus.archive.database import Database
from nexus.archive.history_sql import SQLHistory
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.archive.merged import ArchivedStore
from nexus.stores.archiving import Archivable
from nexus.stores.base import Store
from nexus.stores.urls import sqlite_url


class PersistentStore(ArchivedStore):
    """A live store, what has been archived of it, and the archive's upkeep; opened and closed together.

    Args:
        live: Where sessions live; it is ``Archivable``.
        database: Where they are archived.
        retention: Seconds for which what the live store has let go is kept; ``None`` for ever.
    """

    def __init__(self, live: Store, database: Database, retention: float | None = None) -> None:
        self.keeper = Keeper(cast(Archivable, live), database, retention=retention)
        self._past = SQLHistory(database)
        super().__init__(KeptStore(live, self.keeper), self._past)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self._past.close()
        await super().__aexit__(kind, error, trace)

    def start(self) -> None:
        """Archive in the background, from now until it is closed."""
        self.keeper.start()


def archived_store(
    live: Store, database_url: str | None, retention: float | None = None, place: str | None = None
) -> PersistentStore:
    """A store as ``session_persistence`` wants it, not opened yet.

    Args:
        live: Where sessions live; it is ``Archivable``.
        database_url: The archive's; the default one if none is given.
        retention: See ``PersistentStore``.
        place: Of a namespace's part; its archive is a part of the database that nobody else has.

    Raises:
        InvalidInput: The URL is none.
    """
    return PersistentStore(live, _database(database_url, place), retention)


async def remove_archive(database_url: str | None, place: str) -> None:
    """Remove the archive of a namespace's part; nothing happens where there is none.

    Raises:
        StoreUnavailable: The database can't be reached.
    """
    database = _database(database_url, place)
    try:
        await database.remove()
    finally:
        await database.close()


def _database(url: str | None, place: str | None) -> Database:
    return Database(url or default_database_url(), place)


def default_database_url() -> str:
    """One SQLite file in the user's data folder, beside the default store."""
    from platformdirs import user_data_path

    return sqlite_url(user_data_path("nexus", appauthor=False) / "archive.sqlite3")
