"""The audit in the archive: what a live store has written down, kept beside its changes and in their transactions.

While the live store holds its chain, it answers alone. When it has lost its data, its chain goes on behind the last
record that the archive has (``Outbox.go_on_audit``); what is before that is read from here from then on, so that the
chain is one, without gap or repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, and_, delete, func, insert, select

from nexus.archive import tables
from nexus.model.audit import TRIMMED, AuditHead, StoredAudit, trim_of
from nexus.stores import codec

_ANCHOR: Final = f'"{TRIMMED}"'.encode()
_columns: Final = tables.audit.c


def last_of(connection: Connection, chain: str) -> AuditHead:
    """The last record of a chain that is kept here; number 0 for none."""
    newest = select(_columns.seq, _columns.hash).where(_columns.chain == chain).order_by(_columns.seq.desc()).limit(1)
    row = connection.execute(newest).first()
    return AuditHead(chain=chain, count=0 if row is None else row[0], hash="" if row is None else row[1])


def first_of(connection: Connection, chain: str) -> int:
    """The number of the first record that is kept here; 0 for none."""
    return int(connection.execute(select(func.min(_columns.seq)).where(_columns.chain == chain)).scalar() or 0)


def keep(connection: Connection, chain: str, rows: Sequence[StoredAudit]) -> None:
    """Keep what isn't kept yet, and let go of what anchors among it say to have been trimmed."""
    last = last_of(connection, chain).count
    fresh = [row for row in rows if row.seq > last]
    if not fresh:
        return
    connection.execute(
        insert(tables.audit),
        [{"chain": chain, "seq": row.seq, "hash": row.hash, "document": row.document} for row in fresh],
    )
    for row in fresh:
        told = trim_of(chain, codec.decode_audit(row.document)) if _ANCHOR in row.document else None
        if told is not None:
            connection.execute(delete(tables.audit).where(_columns.chain == chain, _columns.seq <= told.count))


def forget_behind(connection: Connection, chain: str, number: int) -> None:
    """Let go of records over a number: the live store has gone back, and has written others since."""
    connection.execute(delete(tables.audit).where(_columns.chain == chain, _columns.seq > number))


def read(connection: Connection, chain: str, after: int, before: int, limit: int, *, newest: bool) -> list[StoredAudit]:
    """See ``Store.read_audit``."""
    wanted = and_(_columns.chain == chain, _columns.seq > after, _columns.seq < before)
    order = _columns.seq.desc() if newest else _columns.seq
    found = select(_columns.seq, _columns.document, _columns.hash).where(wanted).order_by(order).limit(max(limit, 0))
    return [StoredAudit(seq, bytes(document), hashed) for seq, document, hashed in connection.execute(found)]
