"""One SQLite file as a store, for any number of processes of one machine."""

from nexus.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
