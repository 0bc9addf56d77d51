"""Reads of single records and of what belongs to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page
from nexus.stores import codec, ordering
from nexus.stores.base import Message, Snapshot
from nexus.stores.positions import batch_behind, read_position
from nexus.stores.sqlite.connection import reading
from nexus.stores.sqlite.rows import SNAPSHOT_COLUMNS, to_snapshot

_LOAD: Final = f"SELECT {SNAPSHOT_COLUMNS} FROM sessions AS s WHERE s.id = ?"  # noqa: S608
_LOAD_MANY: Final = f"SELECT {SNAPSHOT_COLUMNS} FROM sessions AS s WHERE s.id IN (SELECT value FROM json_each(?))"  # noqa: S608
_KEY: Final = "(SELECT key FROM sessions WHERE id = ?)"
_GROUPS: Final = "groups"
_MOST: Final = 2**63 - 1


def load(connection: sqlite3.Connection, session_id: str) -> Snapshot | None:
    """One session with its run. Needs a transaction where others write."""
    row = connection.execute(_LOAD, (session_id,)).fetchone()
    return None if row is None else to_snapshot(connection, row)


def load_many(connection: sqlite3.Connection, session_ids: Sequence[str]) -> dict[str, Snapshot]:
    """Those of the sessions that exist."""
    names = msgspec.json.encode([name for name in session_ids if codec.is_text(name)]).decode()
    with reading(connection):
        found = [to_snapshot(connection, row) for row in connection.execute(_LOAD_MANY, (names,)).fetchall()]
    return {snapshot.session.id: snapshot for snapshot in found}


def load_each(connection: sqlite3.Connection, session_ids: Sequence[str]) -> list[Snapshot | None]:
    """The sessions in the order of the ids, each decoded for itself; ``None`` where there is none."""
    if len(session_ids) == 1:
        with reading(connection):
            return [load(connection, session_ids[0])]
    statement = f"SELECT s.id, {SNAPSHOT_COLUMNS} FROM sessions AS s WHERE s.id IN (SELECT value FROM json_each(?))"  # noqa: S608
    with reading(connection):
        rows = connection.execute(statement, (msgspec.json.encode(session_ids).decode(),)).fetchall()
        found = {name: row for name, *row in rows}
        return [to_snapshot(connection, found[name]) if name in found else None for name in session_ids]


def list_checkpoints(connection: sqlite3.Connection, session_id: str, after: int, limit: int) -> list[Checkpoint]:
    """Without their states."""
    rows = connection.execute(
        f"SELECT document FROM checkpoints WHERE session = {_KEY} AND number > ? ORDER BY number LIMIT ?",  # noqa: S608
        (session_id, min(after, _MOST), max(limit, 0)),
    )
    return [codec.decode_checkpoint(document, None) for (document,) in rows]


def load_checkpoint(connection: sqlite3.Connection, session_id: str, number: int) -> Checkpoint | None:
    """With its state."""
    if not -_MOST <= number <= _MOST:
        return None
    row = connection.execute(
        f"SELECT document, state FROM checkpoints WHERE session = {_KEY} AND number = ?",  # noqa: S608
        (session_id, number),
    ).fetchone()
    return None if row is None else codec.decode_checkpoint(*row)


def load_journal(connection: sqlite3.Connection, session_id: str, run_id: str) -> list[JournalEntry]:
    """In the order of their commits."""
    rows = connection.execute(
        f"SELECT document FROM journal WHERE session = {_KEY} AND run_id = ? ORDER BY position",  # noqa: S608
        (session_id, run_id),
    )
    return [codec.decode_journal(document) for (document,) in rows]


def inbox(connection: sqlite3.Connection, session_id: str) -> list[Message]:
    """In the order of their ids."""
    rows = connection.execute(f"SELECT document FROM inbox WHERE session = {_KEY} ORDER BY id", (session_id,))  # noqa: S608
    return [codec.decode_message(document) for (document,) in rows]


def claim(connection: sqlite3.Connection, key: str) -> str | None:
    """The value of a claim."""
    row = connection.execute("SELECT value FROM claims WHERE name = ?", (key,)).fetchone()
    return None if row is None else row[0]


def load_group(connection: sqlite3.Connection, group_id: str) -> Group | None:
    """With its counts."""
    with reading(connection):
        row = connection.execute("SELECT document FROM groups WHERE id = ?", (group_id,)).fetchone()
        return None if row is None else codec.decode_group(row[0], tally(connection, group_id))


def list_groups(connection: sqlite3.Connection, cursor: str | None, limit: int) -> Page[Group]:
    """Newest first, with counts and how many groups there are."""
    most = max(limit, 0)
    where, values = "", []
    if cursor is not None:
        where, values = "WHERE (created_at, id) < (?, ?)", [*ordering.read_cursor(cursor, _GROUPS)]
    with reading(connection):
        rows: list[Any] = connection.execute(
            f"SELECT created_at, id, document FROM groups {where} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608
            (*values, most + 1),
        ).fetchall()
        items = tuple(codec.decode_group(document, tally(connection, name)) for _, name, document in rows[:most])
        total = connection.execute("SELECT count(*) FROM groups").fetchone()[0]
    more = items and len(rows) > most
    following = ordering.write_cursor(_GROUPS, *rows[most - 1][:2]) if more else None
    return Page(items=items, next_cursor=following, total=total)


def tally(connection: sqlite3.Connection, group_id: str = "") -> dict[str, int]:
    """How many sessions of a group stand where; of all sessions under ``''``."""
    rows = connection.execute(
        "SELECT status, sessions FROM tally WHERE group_id = ? AND sessions <> 0 ORDER BY status", (group_id,)
    )
    return dict(rows.fetchall())


def last_seq(connection: sqlite3.Connection) -> int:
    """The number of the last event."""
    seq: int = connection.execute("SELECT last_seq FROM feed").fetchone()[0]
    return seq


def list_events(
    connection: sqlite3.Connection, session_id: str | None, group_id: str | None, after: int, limit: int, newest: bool
) -> list[Event]:
    """Events behind a number: the first of them, or the last, ascending."""
    wanted = [
        (column, value) for column, value in (("session_id", session_id), ("group_id", group_id)) if value is not None
    ]
    where = " AND ".join([*(f"{column} = ?" for column, _ in wanted), "seq > ?"])
    direction = "DESC" if newest else "ASC"
    rows = connection.execute(
        f"SELECT document, seq FROM events WHERE {where} ORDER BY seq {direction} LIMIT ?",  # noqa: S608
        (*(value for _, value in wanted), min(after, _MOST), max(limit, 0)),
    ).fetchall()
    return [codec.decode_event(document, seq) for document, seq in (reversed(rows) if newest else rows)]


def read_events(connection: sqlite3.Connection, cursor: str | None, limit: int) -> EventBatch:
    """All events behind a cursor."""
    after = None if cursor is None else read_position(cursor)
    with reading(connection):
        last = last_seq(connection)
        if after is None:
            return EventBatch(events=(), cursor=str(last))
        events = list_events(connection, None, None, after, max(limit, 1), newest=False)
    return batch_behind(after, events, last)


def counters(connection: sqlite3.Connection, prefix: str) -> dict[str, float]:
    """Counters by prefix; those of groups only where the prefix asks for them."""
    rows = connection.execute(
        "SELECT name, value FROM counters WHERE name >= ? AND substr(name, 1, ?) = ?", (prefix, len(prefix), prefix)
    )
    asked = prefix.startswith("group:")
    return {name: value for name, value in rows if asked or not name.startswith("group:")}
