"""Writes what was gathered into the archive's tables, inside one transaction.

Every statement says what shall be, so writing the same again changes nothing but counters. Those, and only those,
rely on it that each entry of the outbox is applied once (``position``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Table, and_, bindparam, delete, func, not_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nexus.archive import tables
from nexus.archive.gathering import Belongings, Gathered, Record
from nexus.lifecycle.counting import MINUTES
from nexus.model import Session
from nexus.stores import codec
from nexus.stores.archiving import COPIED

Row = dict[str, Any]
T = TypeVar("T")

AMBIGUOUS: Final = "ambiguous"
"""What a shard's highest number is called that it may have given twice."""

_CHUNK: Final = 500
_LARGEST: Final = 2**63 - 1
_NUL: Final = str.maketrans({"\0": "\ufffd"})


def apply(connection: Connection, gathered: Gathered, shard: str, now: float) -> None:
    """Write all of it.

    Args:
        connection: In a transaction.
        gathered: What.
        shard: Where it comes from; each shard's counters are its own.
        now: Seconds since the epoch, for when sessions were let go.
    """
    decoded = {name: codec.decode_session(one.document, one.state) for name, one in gathered.records.items()}
    _make_way(connection, gathered, decoded)
    rows = [_row(decoded[name], record) for name, record in gathered.records.items()]
    _put(connection, tables.sessions, rows)
    _put_belongings(connection, gathered.belongings)
    _let_go(connection, [name for name, gone in gathered.gone.items() if gone], now)
    _put_claims(connection, gathered)
    _put_groups(connection, gathered)
    _put_events(connection, gathered, int(get_meta(connection, f"{AMBIGUOUS}:{shard}") or 0))
    _put_counters(connection, gathered, shard)
    _put_documents(connection, gathered)


def put_meta(connection: Connection, key: str, value: str) -> None:
    """Set one of the archive's facts about itself."""
    _put(connection, tables.meta, [{"key": key, "value": value}])


def get_meta(connection: Connection, key: str) -> str | None:
    """One of the archive's facts about itself."""
    found: str | None = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == key)).scalar()
    return found


def plain(text: str | None) -> str | None:
    """Text as a column of any database holds it."""
    return text if text is None or "\0" not in text else text.translate(_NUL)


# -- sessions


def _row(session: Session, record: Record) -> Row:
    return {
        "id": session.id, "version": record.version, "status": session.status.value, "channel": plain(session.channel),
        "channels": msgspec.json.encode(session.channels).decode(),
        "workflow": plain(session.workflow), "user_id": plain(session.user_id), "group_id": session.group_id,
        "parent_id": session.parent_id, "owner": plain(session.owner), "created_at": session.created_at,
        "last_activity": session.last_activity, "expires_at": session.expires_at, "ended_at": session.ended_at,
        "step": max(-_LARGEST, min(session.step, _LARGEST)), "duration": session.duration,
        "document": record.document, "state": record.state, "run": record.run, "gone_at": None,
    }  # fmt: skip


def _make_way(connection: Connection, gathered: Gathered, decoded: Mapping[str, Session]) -> None:
    """Where a session has the id of one that is gone, nothing of the old one may show through but its events."""
    columns = (tables.sessions.c.id, tables.sessions.c.created_at)
    for names in in_chunks(gathered.created):
        for name, created_at in connection.execute(select(*columns).where(columns[0].in_(names))).all():
            if name in decoded and decoded[name].created_at != created_at:
                gathered.belongings.setdefault(name, Belongings()).emptied = True
                old = tables.events.c.subject == f"s:{name}"
                connection.execute(update(tables.events).where(old).values(subject=f"s:{name}@{created_at!r}"))
    emptied = [{"of": name} for name, own in gathered.belongings.items() if own.emptied]
    if emptied:
        for table in (tables.checkpoints, tables.journal, tables.inbox):
            connection.execute(delete(table).where(table.c.session_id == bindparam("of")), emptied)


def _let_go(connection: Connection, names: Sequence[str], now: float) -> None:
    if not names:
        return
    rows = [{"of": name, "at": now} for name in names]
    shown = tables.sessions.c.gone_at.is_(None)
    going = update(tables.sessions).where(tables.sessions.c.id == bindparam("of"), shown)
    connection.execute(going.values(gone_at=bindparam("at")), rows)
    for table in (tables.inbox, tables.claims):
        connection.execute(delete(table).where(table.c.session_id == bindparam("of")), [{"of": name} for name in names])


# -- what belongs to them


def _put_belongings(connection: Connection, belongings: Mapping[str, Belongings]) -> None:
    saved: list[Row] = []
    dropped: list[Row] = []
    journal: dict[bool, list[Row]] = {True: [], False: []}
    inbox: dict[bool, list[Row]] = {True: [], False: []}
    for name, own in belongings.items():
        for number, one in own.checkpoints.items():
            if one is None:
                dropped.append({"of": name, "which": number})
            else:
                saved.append({"session_id": name, "number": number, "pinned": one.pinned, "document": one.document,
                              "state": one.state})  # fmt: skip
        for (run_id, key), entry in own.journal.items():
            row: Row = {"session_id": name, "run_id": run_id, "key": plain(key)}
            journal[entry is None].append(row if entry is None else row | {"position": entry[0], "document": entry[1]})
        for message, body in own.inbox.items():
            row = {"session_id": name, "id": message}
            inbox[body is None].append(row if body is None else row | {"document": body})
    _drop_checkpoints(connection, dropped)
    _put(connection, tables.checkpoints, saved, kept=("state",))
    _delete(connection, tables.journal, journal[True])
    _put(connection, tables.journal, journal[False])
    _delete(connection, tables.inbox, inbox[True])
    _put(connection, tables.inbox, inbox[False])


def _drop_checkpoints(connection: Connection, rows: Sequence[Row]) -> None:
    if rows:
        columns = tables.checkpoints.c
        which = and_(columns.session_id == bindparam("of"), columns.number == bindparam("which"))
        connection.execute(delete(tables.checkpoints).where(which, columns.pinned.is_(False)), rows)


# -- all else


def _put_claims(connection: Connection, gathered: Gathered) -> None:
    held = [(key, claim) for key, claim in gathered.claims.items() if claim is not None]
    _delete(connection, tables.claims, [{"key": escaped(key)} for key, one in gathered.claims.items() if one is None])
    rows = [{"key": escaped(key), "value": escaped(value), "session_id": owner} for key, (value, owner) in held]
    _put(connection, tables.claims, rows)


def _put_groups(connection: Connection, gathered: Gathered) -> None:
    _delete(connection, tables.groups, [{"id": name} for name, group in gathered.groups.items() if group is None])
    rows = []
    for name, group in gathered.groups.items():
        if group is not None:
            version, document = group
            created_at = codec.decode_group(document, {}).created_at
            rows.append({"id": name, "version": version, "created_at": created_at, "document": document})
    _put(connection, tables.groups, rows)


def _put_events(connection: Connection, gathered: Gathered, ambiguous: int) -> None:
    """Write events.

    Args:
        connection: In a transaction.
        gathered: With the events.
        ambiguous: The highest number that the store may have given twice, to one event that it lost and to another.
    """
    twice = [seq for seq, _ in gathered.events.values() if seq <= ambiguous]
    for some in in_chunks(twice):
        connection.execute(delete(tables.events).where(tables.events.c.seq.in_(some)))
    copied = {seq for (subject, _, _), (seq, _) in gathered.events.items() if subject.startswith(COPIED)}
    known = _known(connection, copied) if copied else set()
    rows = []
    for (subject, version, place), (seq, document) in gathered.events.items():
        if seq in known and seq in copied:
            continue
        event = codec.decode_event(document, seq)
        row: Row = {"subject": subject, "version": version, "place": place, "seq": seq, "document": document}
        row |= {"session_id": event.session_id, "group_id": event.group_id, "ts": event.ts, "type": plain(event.type)}
        rows.append(row)
    _put(connection, tables.events, rows)


def _known(connection: Connection, seqs: Iterable[int]) -> set[int]:
    """Which of some numbers an archived event has: copies know no other name."""
    column = tables.events.c.seq
    found: set[int] = set()
    for some in in_chunks(seqs):
        found.update(connection.execute(select(column).where(column.in_(some))).scalars())
    return found


def counter_name(shard: str, name: str) -> str:
    """What a shard's counter is called in the table."""
    return f"{shard}:{escaped(name)}"


def _put_counters(connection: Connection, gathered: Gathered, shard: str) -> None:
    if "counters" in gathered.resets:
        mine = tables.counters.c.name.startswith(counter_name(shard, ""), autoescape=True)
        connection.execute(delete(tables.counters).where(mine))
    added = dict(gathered.added)
    known = {name: value + added.pop(name, 0.0) for name, value in gathered.counters.items()}
    _put(connection, tables.counters, [{"name": counter_name(shard, one), "value": known[one]} for one in known])
    rows = [{"name": counter_name(shard, name), "value": value} for name, value in added.items()]
    if rows:
        insert = _insert(connection, tables.counters)
        total = tables.counters.c.value + insert.excluded.value
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": total}), rows)


def recount(connection: Connection, shard: str, found: Mapping[str, float]) -> None:
    """Replace all counters of a shard but those of minutes, which are of no session that is kept.

    Args:
        connection: In a transaction.
        shard: Whose.
        found: What a recount gives.
    """
    name = tables.counters.c.name
    mine = name.startswith(counter_name(shard, ""), autoescape=True)
    minutes = name.startswith(counter_name(shard, MINUTES), autoescape=True)
    connection.execute(delete(tables.counters).where(mine, not_(minutes)))
    rows = [{"name": counter_name(shard, counter), "value": value} for counter, value in found.items()]
    _put(connection, tables.counters, rows)


def _put_documents(connection: Connection, gathered: Gathered) -> None:
    if "documents" in gathered.resets:
        connection.execute(delete(tables.documents))
    rows = [({"kind": escaped(kind), "name": escaped(name)}, body) for (kind, name), body in gathered.documents.items()]
    _delete(connection, tables.documents, [row for row, body in rows if body is None])
    _put(connection, tables.documents, [row | {"body": body} for row, body in rows if body is not None])


# -- statements


def escaped(text: str) -> str:
    """A name as a column of any database holds it, so that ``unescaped`` gives it back."""
    return text if "\0" not in text and "\\" not in text else text.replace("\\", "\\\\").replace("\0", "\\0")


def unescaped(text: str) -> str:
    """What ``escaped`` was given."""
    if "\\" not in text:
        return text
    return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\"))


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _put(connection: Connection, table: Table, rows: Sequence[Row], kept: Sequence[str] = ()) -> None:
    """Insert rows, or replace those of their keys; a column in ``kept`` stays where the new one has ``NULL``."""
    if not rows:
        return
    insert = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    new: Row = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    new |= {name: func.coalesce(insert.excluded[name], table.c[name]) for name in kept}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=new), rows)


def _delete(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Delete the rows that have the values of ``rows``."""
    if rows:
        where = and_(*(table.c[name] == bindparam(f"of_{name}") for name in rows[0]))
        values = [{f"of_{name}": value for name, value in row.items()} for row in rows]
        connection.execute(delete(table).where(where), values)


def in_chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Lists of as many values as databases take at once."""
    listed = list(values)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
