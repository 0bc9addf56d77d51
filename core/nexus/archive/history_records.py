"""What the archive has of sessions that were let go, and of what belongs to them, on one connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from nexus.archive.history_lists import clamp
from nexus.archive.queries import stored
from nexus.archive.tables import checkpoints, events, groups, journal, sessions
from nexus.model import Checkpoint, Event, Group, JournalEntry
from nexus.model.change import Snapshot
from nexus.stores import codec

_CHUNK: Final = 500
_OF_SNAPSHOT: Final = (sessions.c.id, sessions.c.document, sessions.c.state, sessions.c.run)


def load_many(connection: Connection, session_ids: Sequence[str]) -> dict[str, Snapshot]:
    """See ``Store.load_many``."""
    found: dict[str, Snapshot] = {}
    names = list(dict.fromkeys(name for name in session_ids if codec.is_text(name)))
    for start in range(0, len(names), _CHUNK):
        some = [stored(name) for name in names[start : start + _CHUNK]]
        rows = connection.execute(select(*_OF_SNAPSHOT).where(sessions.c.id.in_(some), sessions.c.gone_at.is_not(None)))
        found.update((row.id, _snapshot(row)) for row in rows)
    return found


def _snapshot(row: Row[Any, Any, Any, Any]) -> Snapshot:
    return Snapshot(codec.decode_session(row.document, row.state), codec.decode_run(row.run))


def list_checkpoints(connection: Connection, session_id: str, after: int, limit: int) -> list[Checkpoint]:
    """See ``Store.list_checkpoints``."""
    columns = checkpoints.c
    rows = connection.execute(
        select(columns.document)
        .where(columns.session_id == stored(session_id), columns.number > after)
        .order_by(columns.number)
        .limit(clamp(limit))
    )
    return [codec.decode_checkpoint(document, None) for document in rows.scalars()]


def load_checkpoint(connection: Connection, session_id: str, number: int) -> Checkpoint | None:
    """See ``Store.load_checkpoint``."""
    columns = checkpoints.c
    row = connection.execute(
        select(columns.document, columns.state).where(
            columns.session_id == stored(session_id), columns.number == number
        )
    ).first()
    return None if row is None else codec.decode_checkpoint(row.document, row.state)


def load_journal(connection: Connection, session_id: str, run_id: str) -> list[JournalEntry]:
    """See ``Store.load_journal``."""
    columns = journal.c
    rows = connection.execute(
        select(columns.document)
        .where(columns.session_id == stored(session_id), columns.run_id == stored(run_id))
        .order_by(columns.position)
    )
    return [codec.decode_journal(document) for document in rows.scalars()]


def list_events(
    connection: Connection,
    session_id: str | None,
    group_id: str | None,
    after: int,
    limit: int,
    *,
    newest: bool,
    by_time: bool,
) -> list[Event]:
    """See ``History.list_events``."""
    columns = events.c
    statement = select(columns.seq, columns.document).where(columns.seq > after)
    if session_id is not None:
        statement = statement.where(columns.session_id == stored(session_id))
    if group_id is not None:
        statement = statement.where(columns.group_id == stored(group_id))
    places = [columns.ts, columns.seq] if by_time else [columns.seq]
    statement = statement.order_by(*(place.desc() if newest else place for place in places)).limit(clamp(limit))
    found = [codec.decode_event(document, seq) for seq, document in connection.execute(statement)]
    return found[::-1] if newest else found


def load_group(connection: Connection, group_id: str) -> Group | None:
    """See ``Store.load_group``."""
    document = connection.execute(select(groups.c.document).where(groups.c.id == stored(group_id))).scalar_one_or_none()
    if document is None:
        return None
    return codec.decode_group(document, members(connection, [group_id]).get(group_id, {}))


def members(connection: Connection, group_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """See ``History.members``."""
    columns = sessions.c
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    statement = (
        select(columns.group_id, columns.status, func.count())
        .where(columns.group_id.in_([stored(name) for name in group_ids]), columns.gone_at.is_not(None))
        .group_by(columns.group_id, columns.status)
        .order_by(columns.group_id, columns.status)
    )
    for group_id, status, count in connection.execute(statement):
        found[group_id][status] = count
    return dict(found)


def keep(connection: Connection, session_id: str, version: int) -> None:
    """See ``History.keep``."""
    columns = sessions.c
    connection.execute(
        update(sessions).where(columns.id == session_id, columns.version == version).values(gone_at=None)
    )
