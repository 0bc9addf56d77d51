"""What the commits of one batch depend on, read at the start of its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from nexus.stores.sqlite.rows import HEAD_COLUMNS, Head

_SELECT = f"SELECT {HEAD_COLUMNS} FROM sessions WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608


class Heads:
    """The ``Ledger`` of a batch. Sessions are read all at once, the rarer things one by one.

    Args:
        connection: In a write transaction, so that nobody else changes anything meanwhile.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sessions: dict[str, Head | None] = {}

    def fetch(self, session_ids: Iterable[str]) -> None:
        """Read the heads of these sessions, if they are not known yet."""
        missing = [name for name in dict.fromkeys(session_ids) if name not in self._sessions]
        if not missing:
            return
        self._sessions.update(dict.fromkeys(missing))
        names = msgspec.json.encode(missing).decode()
        for row in self._connection.execute(_SELECT, (names,)):
            self._sessions[row[0]] = Head(row[1], row[2], row[3], row[4:])

    def session(self, session_id: str) -> Head | None:
        """The head of a session as this transaction has made it; ``None`` where there is none."""
        if session_id not in self._sessions:
            self.fetch((session_id,))
        return self._sessions[session_id]

    def put(self, session_id: str, head: Head | None) -> None:
        """Say what this transaction has made of a session."""
        self._sessions[session_id] = head

    def session_version(self, session_id: str) -> int | None:
        """See ``Ledger``."""
        head = self.session(session_id)
        return None if head is None else head.version

    def group_version(self, group_id: str) -> int | None:
        """See ``Ledger``."""
        version: int | None = self._one("SELECT version FROM groups WHERE id = ?", group_id)
        return version

    def claimed(self, key: str) -> str | None:
        """See ``Ledger``."""
        value: str | None = self._one("SELECT value FROM claims WHERE name = ?", key)
        return value

    def has_message(self, session_id: str, message_id: str) -> bool:
        """See ``Ledger``."""
        head = self.session(session_id)
        found = head and self._one("SELECT 1 FROM inbox WHERE session = ? AND id = ?", head.key, message_id)
        return bool(found)

    def _one(self, statement: str, *values: object) -> Any:
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]
