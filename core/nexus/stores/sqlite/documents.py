"""Documents of the system, by kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from nexus.stores.base import Conflict
from nexus.stores.sqlite import audit


def documents(connection: sqlite3.Connection, kind: str) -> dict[str, bytes]:
    """See ``Store.documents``."""
    return dict(connection.execute("SELECT name, body FROM documents WHERE kind = ? ORDER BY name", (kind,)))


def put_document(
    kind: str, name: str, body: bytes | None, expected: bytes | None, entry: bytes | None
) -> Callable[[sqlite3.Connection], None]:
    """The write that keeps, replaces or removes one; it raises ``Conflict``."""

    def write(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        found = None if row is None else row[0]
        if found not in (expected, body):
            raise Conflict(name)
        if entry is not None and found != body:
            audit.append(entry)(connection)
        if body is None:
            connection.execute("DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name))
        else:
            connection.execute(
                "INSERT INTO documents (kind, name, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body",
                (kind, name, body),
            )

    return write
