"""Lists, windows and counts of sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from nexus.model import Page, Session, Window
from nexus.query import Query
from nexus.stores import ordering
from nexus.stores.base import Order
from nexus.stores.sqlite.compiler import Filter, compile_filter
from nexus.stores.sqlite.connection import reading
from nexus.stores.sqlite.faults import Inconsistent
from nexus.stores.sqlite.records import tally
from nexus.stores.sqlite.rows import SESSION_COLUMNS, to_session
from nexus.stores.sqlite.scan import Scan
from nexus.stores.sqlite.select import Source, narrowed
from nexus.stores.sqlite.windows import keys_at, keys_of

_ROWS: Final = f"SELECT {SESSION_COLUMNS} FROM sessions AS s WHERE s.key IN (SELECT value FROM json_each(?))"  # noqa: S608
_CHILDREN: Final = "children"
_MOST: Final = 2**63 - 1

Stop = Callable[[], None]
"""Raises when nobody waits for the answer any more."""


def list_sessions(
    connection: sqlite3.Connection, stop: Stop, query: Query, order: Order, cursor: str | None, limit: int, now: float
) -> Page[Session]:
    """A page by key."""
    behind = None if cursor is None else ordering.read_order_cursor(cursor, order)
    most = _clamp(limit)
    filtered = compile_filter(query, now)
    with reading(connection):
        source = _source(connection, filtered)
        if not source.statuses:
            return Page(items=())
        if filtered.exact:
            keys = keys_of(connection, source, order, behind=behind, limit=most + 1)
        else:
            keys = Scan(connection, source, query, now, stop).page(order, behind, most + 1)
        sessions = _load(connection, keys[:most])
    more = sessions and len(keys) > most
    following = ordering.write_order_cursor(sessions[-1], order) if more else None
    return Page(items=tuple(sessions), next_cursor=following)


def window(
    connection: sqlite3.Connection, stop: Stop, query: Query, order: Order, ranks: range, now: float
) -> Window[Session]:
    """Rows by rank, with how many there are, all of one moment."""
    filtered = compile_filter(query, now)
    with reading(connection):
        source, total, keys = _source(connection, filtered), 0, []
        if source.statuses and filtered.exact:
            total = _count_exact(connection, source)
            keys = keys_at(connection, source, order, range(total)[ranks.start : ranks.stop : ranks.step], total)
        elif source.statuses:
            total, keys = Scan(connection, source, query, now, stop).window(order, ranks)
        items = tuple(_load(connection, keys))
    return Window(items=items, offset=ranks.start, total=total, whole=source.whole, stride=ranks.step)


def count(connection: sqlite3.Connection, stop: Stop, query: Query, now: float) -> int:
    """How many match: from the tally, by SQL, or by looking at each."""
    filtered = compile_filter(query, now)
    with reading(connection):
        source = _source(connection, filtered)
        if not source.statuses:
            return 0
        if filtered.exact:
            return _count_exact(connection, source)
        return Scan(connection, source, query, now, stop).count()


def due(connection: sqlite3.Connection, now: float, limit: int) -> list[str]:
    """Ids of sessions that are due, longest overdue first. ``due_bound`` finds them, ``due_at`` decides."""
    most = _clamp(limit)
    with reading(connection):
        # As many as are wanted are due by the latest of these, so none that is due later is among the first.
        # Without it a backlog would be sorted anew for every hundred of it.
        found, latest = connection.execute(
            "SELECT count(*), max(due_at) FROM ("
            "SELECT due_at FROM sessions WHERE due_bound <= ?1 AND due_at <= ?1 ORDER BY due_bound LIMIT ?2)",
            (now, most),
        ).fetchone()
        rows = connection.execute(
            "SELECT id FROM sessions WHERE due_bound <= ?1 AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
            (latest if found == most and most else now, most),
        ).fetchall()
    return [name for (name,) in rows]


def ended_before(connection: sqlite3.Connection, before: float, limit: int) -> list[str]:
    """Ids of final sessions by the time of their end."""
    rows = connection.execute(
        "SELECT id FROM sessions WHERE ended_at < ? AND +status IN ('completed', 'cancelled', 'expired')"
        " ORDER BY ended_at, id LIMIT ?",
        (before, _clamp(limit)),
    )
    return [name for (name,) in rows]


def children(connection: sqlite3.Connection, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
    """Direct children in order of creation."""
    most = _clamp(limit)
    after, values = "", []
    if cursor is not None:
        after, values = "AND (created_at, id) > (?, ?)", [*ordering.read_cursor(cursor, _CHILDREN)]
    with reading(connection):
        keys = connection.execute(
            f"SELECT key FROM sessions WHERE parent_id = ? {after} ORDER BY created_at, id LIMIT ?",  # noqa: S608
            (session_id, *values, most + 1),
        ).fetchall()
        sessions = _load(connection, [key for (key,) in keys[:most]])
    last = sessions[-1] if sessions and len(keys) > most else None
    following = None if last is None else ordering.write_cursor(_CHILDREN, last.created_at, last.id)
    return Page(items=tuple(sessions), next_cursor=following)


def _source(connection: sqlite3.Connection, filtered: Filter) -> Source:
    found = tally(connection)
    return Source(narrowed(connection, filtered, sum(found.values())), found)


def _count_exact(connection: sqlite3.Connection, source: Source) -> int:
    if source.counted:
        return source.most
    statement, values = source.count()
    total: int = connection.execute(statement, values).fetchone()[0]
    return total


def _load(connection: sqlite3.Connection, keys: Sequence[int]) -> list[Session]:
    rows: Iterable[Any] = connection.execute(_ROWS, (msgspec.json.encode(keys).decode(),)).fetchall()
    found = {row[0]: to_session(connection, row) for row in rows}
    try:
        return [found[key] for key in keys]
    except KeyError as key:
        raise Inconsistent(f"session {key} is indexed and not there") from None


def _clamp(number: int) -> int:
    return min(max(number, 0), _MOST - 1)
