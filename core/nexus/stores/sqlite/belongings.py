"""Statements for what belongs to a session or a group: checkpoints, journal, inbox, claims."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from nexus.stores.base import Claim
from nexus.stores.prepared import PreparedChange, PreparedCheckpoint

Statement = tuple[str, tuple[Any, ...]]

ORPHAN: Final = (
    "INSERT INTO orphans (session_id, first_ts) VALUES (?, ?)"
    " ON CONFLICT (session_id) DO UPDATE SET first_ts = min(first_ts, excluded.first_ts)"
)
_DROP_CHECKPOINT: Final = "DELETE FROM checkpoints WHERE session = ? AND number = ? AND NOT pinned"
_SAVE_CHECKPOINT: Final = (
    "INSERT INTO checkpoints (session, number, pinned, document, state) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (session, number) DO UPDATE SET pinned = excluded.pinned, document = excluded.document,"
    " state = coalesce(excluded.state, state)"
)
_DROP_ENTRY: Final = "DELETE FROM journal WHERE session = ? AND run_id = ? AND key = ?"
# REPLACE gives the entry a new position, at the end.
_SAVE_ENTRY: Final = "INSERT OR REPLACE INTO journal (session, run_id, key, document) VALUES (?, ?, ?, ?)"
_TAKE: Final = "DELETE FROM inbox WHERE session = ? AND id = ?"
_PUT: Final = "INSERT OR REPLACE INTO inbox (session, id, document) VALUES (?, ?, ?)"
_CLAIM: Final = (
    "INSERT INTO claims (name, value, session) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value, session = excluded.session"
)
_UNCLAIM: Final = "DELETE FROM claims WHERE name = ?"
_SAVE_GROUP: Final = (
    "INSERT INTO groups (id, version, created_at, document) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET version = excluded.version, created_at = excluded.created_at,"
    " document = excluded.document"
)
_DROP_GROUP: Final = "DELETE FROM groups WHERE id = ?"
_DELETES: Final = (
    "DELETE FROM checkpoints WHERE session = ?",
    "DELETE FROM journal WHERE session = ?",
    "DELETE FROM inbox WHERE session = ?",
    "DELETE FROM claims WHERE session = ?",
    "DELETE FROM large WHERE session = ?",
    "DELETE FROM sessions WHERE key = ?",
)


def statements(key: int, prepared: PreparedChange) -> Iterator[Statement]:
    """What a change does to the belongings of its own session, in order."""
    change = prepared.change
    for number in change.drop_checkpoints:
        yield _DROP_CHECKPOINT, (key, number)
    for run_id, name in change.drop_journal:
        yield _DROP_ENTRY, (key, run_id, name)
    for entry, document in zip(change.journal, prepared.journal, strict=True):
        yield _SAVE_ENTRY, (key, entry.run_id, entry.key, document)
    for message_id in change.take:
        yield _TAKE, (key, message_id)
    for message, document in zip(change.put, prepared.put, strict=True):
        yield _PUT, (key, message.id, document)


def save_checkpoint(key: int, saved: PreparedCheckpoint) -> Statement:
    """Insert a checkpoint, or replace the one of its number."""
    return _SAVE_CHECKPOINT, (key, saved.number, int(saved.pinned), saved.document, saved.state)


def claim(wanted: Claim, key: int | None) -> Statement:
    """Set a claim for the session ``key``, or remove it."""
    return (_UNCLAIM, (wanted.key,)) if wanted.value is None else (_CLAIM, (wanted.key, wanted.value, key))


def group(group_id: str, prepared: PreparedChange) -> Iterator[Statement]:
    """What a change does to its group."""
    after = prepared.change.group_after
    if after is None:
        yield _DROP_GROUP, (group_id,)
    else:
        yield _SAVE_GROUP, (group_id, after.version, after.created_at, prepared.group)


def delete_session(connection: sqlite3.Connection, session_id: str, key: int) -> None:
    """Delete a session with all that belongs to it. Its events stay until they are trimmed."""
    for statement in _DELETES:
        connection.execute(statement, (key,))
    first = connection.execute("SELECT min(ts) FROM events WHERE session_id = ?", (session_id,)).fetchone()[0]
    if first is not None:
        connection.execute(ORPHAN, (session_id, first))
