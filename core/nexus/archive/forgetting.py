"""Deletes from the archive what the live store let go long ago, where ``archive_retention`` says so."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, and_, delete, select

from nexus.archive import tables

CHUNK: Final = 200
"""Sessions in one transaction: each may have many events."""


def forget(connection: Connection, before: float, limit: int = CHUNK) -> int:
    """Delete sessions that were let go before a time, longest ago first, with all that belongs to them.

    Args:
        connection: In a transaction.
        before: Seconds since the epoch.
        limit: How many at most.

    Returns:
        How many.
    """
    columns = tables.sessions.c
    gone = and_(columns.gone_at.is_not(None), columns.gone_at < before)
    names = connection.execute(select(columns.id).where(gone).order_by(columns.gone_at).limit(limit)).scalars().all()
    if names:
        for table in (tables.events, tables.checkpoints, tables.journal, tables.inbox, tables.claims):
            connection.execute(delete(table).where(table.c.session_id.in_(names)))
        connection.execute(delete(tables.sessions).where(columns.id.in_(names)))
    return len(names)
