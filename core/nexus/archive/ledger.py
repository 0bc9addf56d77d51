"""What the archive knows of the shards that it archives: their marks, and how far it has come with each.

All of it changes in the transactions that ``Database.write`` makes, one after the other. A position is compared before
it is moved, so of two who read the same entries one applies them, and who read what is no longer true applies nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select, update

from nexus.archive import tables
from nexus.archive.applying import AMBIGUOUS, apply, get_meta, put_meta
from nexus.archive.gathering import Gathered
from nexus.errors import InvalidInput
from nexus.stores.archiving import Entry


def mark_of(connection: Connection, shard: str) -> str | None:
    """The mark under which a shard is archived here; ``None`` if it isn't."""
    return get_meta(connection, f"mark:{shard}")


def attachment(connection: Connection, shard: str, store: str) -> tuple[str | None, bool]:
    """The shard's mark, if there is one, and whether the shard ever had it.

    Raises:
        InvalidInput: Another store is archived here.
    """
    owner = get_meta(connection, "store")
    if owner is not None and owner != store:
        raise InvalidInput(
            f"this database archives the store with session_prefix {owner[:60]!r}, and this one has {store[:60]!r}:"
            " give each store a database of its own",
            field="database_url",
        )
    return mark_of(connection, shard), get_meta(connection, f"state:{shard}") == "attached"


def make_mark(connection: Connection, shard: str, store: str) -> str:
    """The shard's mark, made now if there is none.

    Raises:
        InvalidInput: Another store is archived here.
    """
    found, _ = attachment(connection, shard, store)
    if found is not None:
        return found
    made = f"archive-{secrets.token_hex(8)}"
    for key, value in (("store", store), (f"mark:{shard}", made), (f"state:{shard}", "new")):
        put_meta(connection, key, value)
    return made


def set_attached(connection: Connection, shard: str) -> None:
    """Note that the shard has its mark."""
    put_meta(connection, f"state:{shard}", "attached")


def begin_anew(connection: Connection, shard: str, now: float) -> None:
    """Archive a shard from its beginning again: what it doesn't copy by then, it has let go."""
    put_meta(connection, f"position:{shard}", "")
    shown = tables.sessions.c.gone_at.is_(None)
    connection.execute(update(tables.sessions).where(shown).values(gone_at=now))
    connection.execute(delete(tables.documents))


def position_of(connection: Connection, shard: str) -> str:
    """How far into the shard's outbox the archive has come; ``""`` for not at all."""
    return get_meta(connection, f"position:{shard}") or ""


def move(connection: Connection, shard: str, position: str) -> None:
    """Say that the archive has come to a position; who read from another one applies nothing."""
    put_meta(connection, f"position:{shard}", position)


def apply_behind(connection: Connection, shard: str, position: str, entries: Sequence[Entry], now: float) -> bool:
    """Apply what was read behind a position, and move on.

    Args:
        connection: In a transaction.
        shard: Whose outbox.
        position: Behind which it was read.
        entries: At least one, in order.
        now: Seconds since the epoch.

    Returns:
        ``False``, with nothing changed, if the archive has come to another position meanwhile.
    """
    if position_of(connection, shard) != position:
        return False
    gathered = Gathered()
    gathered.take(entries)
    apply(connection, gathered, shard, now)
    move(connection, shard, entries[-1].position)
    return True


def go_back(connection: Connection, shard: str) -> int:
    """Note that a shard has gone back, and may give numbers of events again that it has lost.

    Returns:
        The highest number that it may have given.
    """
    last = last_seq(connection)
    put_meta(connection, f"{AMBIGUOUS}:{shard}", str(last))
    return last


def last_seq(connection: Connection) -> int:
    """The highest number of an archived event."""
    return int(connection.execute(select(func.max(tables.events.c.seq))).scalar() or 0)
