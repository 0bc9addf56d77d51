"""Writes that keep the file small: old events of sessions that are gone, counters nobody reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

_GONE: Final = "NOT EXISTS (SELECT 1 FROM sessions AS s WHERE s.id = o.session_id)"
_TRIM_ORPHANS: Final = f"""
    DELETE FROM events WHERE seq IN (
        SELECT e.seq FROM orphans AS o CROSS JOIN events AS e ON e.session_id = o.session_id
        WHERE o.first_ts < ?1 AND e.ts < ?1 AND {_GONE} LIMIT ?2
    )
"""  # noqa: S608
_TRIM_OTHERS: Final = """
    DELETE FROM events WHERE seq IN (
        SELECT seq FROM events WHERE session_id IS NULL AND ts < ?1 ORDER BY ts LIMIT ?2
    )
"""
# first_ts says where the next event to trim is, so that a later call needn't look at the others.
_RENEW_ORPHANS: Final = f"""
    UPDATE orphans AS o
    SET first_ts = coalesce((SELECT min(e.ts) FROM events AS e WHERE e.session_id = o.session_id), -1)
    WHERE o.first_ts < ?1 AND {_GONE}
"""  # noqa: S608
_DROP_ORPHANS: Final = "DELETE FROM orphans WHERE first_ts = -1"


def trim_events(before: float, limit: int) -> Callable[[sqlite3.Connection], int]:
    """The write that deletes old events of no stored session, and tells how many."""

    def write(connection: sqlite3.Connection) -> int:
        if limit <= 0:
            return 0
        trimmed = connection.execute(_TRIM_ORPHANS, (before, limit)).rowcount
        if trimmed < limit:
            connection.execute(_RENEW_ORPHANS, (before,))
            connection.execute(_DROP_ORPHANS)
            trimmed += connection.execute(_TRIM_OTHERS, (before, limit - trimmed)).rowcount
        return trimmed

    return write


def drop_counters(names: Sequence[str]) -> Callable[[sqlite3.Connection], None]:
    """The write that forgets counters."""
    rows = [(name,) for name in names]

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM counters WHERE name = ?", rows)

    return write
