"""From a live store and a database URL to the store that has both."""

from __future__ import annotations

from typing import cast

from nexus.archive.database import Database
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.errors import InvalidInput
from nexus.stores.archiving import Archivable
from nexus.stores.base import Store
from nexus.stores.urls import sqlite_url


def archive_of(live: Store, database_url: str | None) -> KeptStore:
    """A store whose sessions are archived, not opened yet.

    Args:
        live: Where sessions live.
        database_url: The archive's; the default one if none is given.

    Raises:
        InvalidInput: The URL is none, or this kind of store can't be archived.
    """
    # Its class is asked: the outboxes of a store that isn't open yet can't be looked at.
    if not hasattr(type(live), "outboxes"):
        raise InvalidInput(f"the store {live.url} can't be archived: only Redis can", field="session_persistence")
    keeper = Keeper(cast(Archivable, live), Database(database_url or default_database_url()))
    return KeptStore(live, keeper)


def default_database_url() -> str:
    """One SQLite file in the user's data folder, beside the default store."""
    from platformdirs import user_data_path

    return sqlite_url(user_data_path("nexus", appauthor=False) / "archive.sqlite3")
