"""Changes that put archived sessions and groups back into a live store that has lost them.

A restored record goes on at the next version that is a multiple of ``GENERATION``, and so does its epoch. Versions and
epochs below may have been used by commits that were lost because they were not archived yet; so nothing that a process
remembers of them fits a restored record, and a run that goes on executing from before the loss is fenced. A run that
was in progress waits for any process to take it (``UNOWNED``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, and_, func, not_, or_, select, update

from nexus.archive import tables
from nexus.archive.applying import counter_name, in_chunks, recount, unescaped
from nexus.lifecycle.counting import counts_of
from nexus.model import RUNNING, Checkpoint, Event, Group, JournalEntry, Run, Session, Status
from nexus.model.change import UNOWNED, Change, Claim, Message, Snapshot
from nexus.stores import codec

GENERATION: Final = 1_000_000


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """All that the archive has of one session."""

    session: Session
    run: Run | None
    checkpoints: tuple[Checkpoint, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    inbox: tuple[Message, ...] = ()
    claims: tuple[Claim, ...] = ()

    def change(self, now: float, actor: str) -> Change:
        """What puts it back, if there is no session of its id."""
        before, run = self.session, self.run
        epoch = next_generation(before.epoch)
        session = replace(before, version=next_generation(before.version), epoch=epoch)
        events = [_event("session.restored", session, now, actor, from_version=before.version)]
        if run is not None:
            run = replace(run, epoch=epoch)
        if run is not None and run.worker and session.status in RUNNING:
            run = replace(run, worker=UNOWNED)
            events.append(_event("run.released", session, now, actor, run_id=run.id, reason="restored"))
        return Change(
            session_id=session.id, after=Snapshot(session, run), events=tuple(events), checkpoints=self.checkpoints,
            journal=self.journal, put=self.inbox, claims=self.claims,
        )  # fmt: skip


def next_generation(number: int) -> int:
    """The first multiple of ``GENERATION`` above a version, or above an event's number."""
    return (number // GENERATION + 1) * GENERATION


def group_change(group: Group) -> Change:
    """What puts a group back, if there is none of its id."""
    return Change(group_id=group.id, group_after=replace(group, version=next_generation(group.version)))


def _event(kind: str, session: Session, now: float, actor: str, **data: Any) -> Event:
    return Event(
        type=kind, ts=now, session_id=session.id, group_id=session.group_id, actor=actor, version=session.version,
        data=data,
    )  # fmt: skip


# -- reading


def wanted(open_groups: Sequence[str]) -> Any:
    """The condition on ``archived_sessions`` of what has to be in the live store.

    What was completed is over, and history shows it; but in a group that is still open it counts.
    """
    columns = tables.sessions.c
    usable = columns.status != Status.COMPLETED.value
    # Of a session without a group nothing is unknown, so that this can be negated.
    counts = and_(columns.group_id.is_not(None), columns.group_id.in_(open_groups))
    return and_(columns.gone_at.is_(None), or_(usable, counts) if open_groups else usable)


def let_go_of_the_rest(
    connection: Connection, shard: str, open_groups: Sequence[str], now: float, holds: Callable[[str], bool]
) -> None:
    """Show as history what is not put back, and count anew what is: counters are of what the live store has.

    What was let go and not yet deleted when the live store lost its data is counted still by then, and what is let go
    here is too.

    Args:
        connection: In a transaction.
        shard: Whose counters they are in.
        open_groups: As for ``wanted``.
        now: Seconds since the epoch.
        holds: Whether a session is of that shard.
    """
    columns = tables.sessions.c
    rest = and_(columns.gone_at.is_(None), not_(wanted(open_groups)))
    names = filter(holds, connection.execute(select(columns.id).where(rest)).scalars().all())
    for some in in_chunks(names):
        connection.execute(update(tables.sessions).where(columns.id.in_(some)).values(gone_at=now))
    counted = (columns.status, columns.channel, columns.workflow, columns.group_id, columns.duration)
    found = defaultdict[str, float](float)
    for name, status, *more in connection.execute(select(columns.id, *counted).where(columns.gone_at.is_(None))):
        if holds(name):
            for counter, value in counts_of(Status(status), *more):
                found[counter] += value
    recount(connection, shard, found)


def names_wanted(connection: Connection, open_groups: Sequence[str], after: str, limit: int) -> list[str]:
    """Ids of sessions that have to be in the live store, in order, behind one."""
    columns = tables.sessions.c
    statement = select(columns.id).where(wanted(open_groups), columns.id > after).order_by(columns.id).limit(limit)
    return list(connection.execute(statement).scalars())


def is_missed(connection: Connection, name: str) -> bool:
    """Whether a live store should hold a session."""
    columns = tables.sessions.c
    return (
        connection.execute(select(columns.id).where(columns.id == name, columns.gone_at.is_(None))).first() is not None
    )


def in_portions(connection: Connection, names: Sequence[str], most: int) -> list[list[str]]:
    """The same sessions in lists whose checkpoints take up to about ``most`` bytes together, or that have but one."""
    columns = tables.checkpoints.c
    size = func.sum(func.length(columns.state) + func.length(columns.document))
    sizes: dict[str, int] = {}
    for some in in_chunks(names):
        statement = select(columns.session_id, size).where(columns.session_id.in_(some)).group_by(columns.session_id)
        sizes.update((name, int(total or 0)) for name, total in connection.execute(statement).all())
    portions: list[list[str]] = []
    room = 0
    for name in names:
        if not portions or room < sizes.get(name, 0):
            portions.append([])
            room = most
        portions[-1].append(name)
        room -= sizes.get(name, 0)
    return portions


def load(connection: Connection, names: Sequence[str]) -> list[Kept]:
    """Those of the sessions that a live store should hold, with all that belongs to them."""
    found = []
    for some in in_chunks(names):
        own = {name: _Parts() for name in some}
        for parts, table in ((_take_checkpoint, tables.checkpoints), (_take_message, tables.inbox)):
            for row in connection.execute(select(table).where(table.c.session_id.in_(some))):
                parts(own[row.session_id], row)
        journal = select(tables.journal).where(tables.journal.c.session_id.in_(some))
        for row in connection.execute(journal.order_by(tables.journal.c.position)):
            own[row.session_id].journal.append(codec.decode_journal(row.document))
        for row in connection.execute(select(tables.claims).where(tables.claims.c.session_id.in_(some))):
            own[row.session_id].claims.append(Claim(key=unescaped(row.key), value=unescaped(row.value)))
        columns = tables.sessions.c
        statement = select(columns.id, columns.document, columns.state, columns.run)
        for row in connection.execute(statement.where(columns.id.in_(some), columns.gone_at.is_(None))):
            session, run = codec.decode_session(row.document, row.state), codec.decode_run(row.run)
            found.append(own[row.id].kept(session, run))
    return found


class _Parts:
    """What belongs to a session, as it is read."""

    def __init__(self) -> None:
        self.checkpoints: list[Checkpoint] = []
        self.journal: list[JournalEntry] = []
        self.inbox: list[Message] = []
        self.claims: list[Claim] = []

    def kept(self, session: Session, run: Run | None) -> Kept:
        return Kept(
            session=session, run=run, checkpoints=tuple(self.checkpoints), journal=tuple(self.journal),
            inbox=tuple(self.inbox), claims=tuple(self.claims),
        )  # fmt: skip


def _take_checkpoint(parts: _Parts, row: Any) -> None:
    parts.checkpoints.append(codec.decode_checkpoint(row.document, row.state))


def _take_message(parts: _Parts, row: Any) -> None:
    parts.inbox.append(codec.decode_message(row.document))


def load_groups(connection: Connection) -> list[Group]:
    """All groups, without their counts."""
    documents = connection.execute(select(tables.groups.c.document).order_by(tables.groups.c.id)).scalars()
    return [codec.decode_group(document, {}) for document in documents]


def load_documents(connection: Connection) -> list[tuple[str, str, bytes]]:
    """All documents of the system: kind, name, body."""
    rows = connection.execute(select(tables.documents)).all()
    return [(unescaped(row.kind), unescaped(row.name), row.body) for row in rows]


def load_counters(connection: Connection, shard: str) -> dict[str, float]:
    """All counters of a shard."""
    columns, head = tables.counters.c, counter_name(shard, "")
    rows = connection.execute(select(columns.name, columns.value).where(columns.name.startswith(head, autoescape=True)))
    return {unescaped(row.name.removeprefix(head)): row.value for row in rows}
