"""What a live store hands to the archive beside it: the outbox, and what stands in it.

Whether a store is archived is a fact of the store: it holds a *mark*, the name of the archive. Each commit says which
mark its process knows, and is refused if the store has another one, so no process writes past the archive, and a
store that lost its data, and its mark with them, takes no commit from those who knew it (``StoreLost``).

While there is a mark, each commit also appends one entry to the outbox, atomically. Entries are read in order and
dropped once the archive has them. ``RedisStore`` implements this side, ``nexus.archive`` the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import msgspec

from nexus.errors import StoreUnavailable
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.model.change import Change
from nexus.stores.prepared import PreparedChange

__all__ = [
    "COPIED",
    "Archivable",
    "ArchivedChange",
    "AuditReach",
    "Entry",
    "EventName",
    "Lag",
    "Marks",
    "Outbox",
    "Read",
    "StoreLost",
    "archived",
    "copied_event_name",
    "decode_changes",
    "encode_changes",
    "event_names",
]

EventName = tuple[str, int, int]
"""Which event of which change: subject, version, place."""

COPIED: Final = "e:"
"""How the subjects begin of events that are known by their number alone."""


class StoreLost(StoreUnavailable):
    """The live store has lost its data; they are being put back from the archive."""


class ArchivedChange(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A committed change in the bytes of ``codec``, with all that the archive keeps of it."""

    session_id: str | None = None
    version: int = 0
    """The version that it made, or with which it deleted."""
    created: bool = False
    deleted: bool = False
    record: tuple[bytes, bytes, bytes | None] | None = None
    """Document, state and run; ``None`` if it stays as it is, or was deleted."""
    group_id: str | None = None
    group: bytes | None = None
    """``None`` with a ``group_id``: it was deleted."""
    events: tuple[bytes, ...] = ()
    counters: tuple[tuple[str, float], ...] = ()
    claims: tuple[tuple[str, str | None], ...] = ()
    checkpoints: tuple[tuple[str, int, bool, bytes, bytes | None], ...] = ()
    """Session, number, pinned, document, state (``None``: as it is stored)."""
    drop_checkpoints: tuple[int, ...] = ()
    journal: tuple[tuple[str, str, bytes], ...] = ()
    drop_journal: tuple[tuple[str, str], ...] = ()
    put: tuple[tuple[str, bytes], ...] = ()
    take: tuple[str, ...] = ()
    whole: bool = False
    """It says all that there is of the session, but for checkpoints; whatever else is archived of it is wrong."""
    absolute: bool = False
    """Its counters are the values, not what is to be added."""
    documents: tuple[tuple[str, str, bytes | None], ...] = ()
    """Documents of the system: kind, name, and body or ``None`` if it was removed."""
    resets: str = ""
    """``counters`` or ``documents``, where whatever is archived of them is wrong."""
    owners: tuple[str | None, ...] = ()
    """The sessions that its claims belong to, where that isn't ``session_id``."""
    names: tuple[EventName, ...] = ()
    seqs: tuple[int, ...] = ()
    """Names and numbers of its events; filled in when it is read from the outbox."""


class Entry(msgspec.Struct, frozen=True):
    """One commit, as it stands in the outbox."""

    position: str
    """Where; no other entry ever has the same."""
    changes: tuple[ArchivedChange, ...]


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What an outbox says of itself."""

    mark: str | None
    """The archive's name; ``""`` once archiving was switched off, ``None`` if the store holds none."""
    reached: str
    """The position up to which it was last dropped; ``""`` for never."""
    copied: str | None
    """How far the copy of what was there before has come; ``None`` if it has not begun."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What lies behind a position."""

    entries: tuple[Entry, ...]
    known: bool
    """Whether the position is one that this outbox has, or had when it was last dropped up to it."""


class AuditReach(msgspec.Struct, frozen=True, kw_only=True):
    """Which records of a chain the archive alone has: those over ``trimmed``, up to ``kept``."""

    trimmed: int
    kept: int
    """0 where the shard has all that there is."""


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far the archive is behind."""

    entries: int
    seconds: float


class Outbox(Protocol):
    """The outbox of one shard. Every method may raise ``StoreUnavailable``."""

    name: str
    """Of the shard."""
    store: str
    """What the store is called on its server: its prefix."""
    number: int
    shards: int
    """Which shard of how many; numbers of its events are congruent to ``number`` modulo ``shards``."""

    def holds(self, name: str) -> bool:
        """Whether the session or group of that id belongs to this shard."""
        ...

    async def marks(self) -> Marks:
        """What it says of itself now."""
        ...

    async def set_mark(self, mark: str, *, expected: str | None) -> bool:
        """Archive under ``mark`` from now on, if it is ``expected`` now; the copy begins anew. Whether it was."""
        ...

    async def read(self, mark: str, position: str, limit: int) -> Read:
        """Up to ``limit`` entries behind a position, in order.

        Raises:
            StoreLost: The store has another mark, or none.
        """
        ...

    async def drop(self, position: str) -> None:
        """Forget all entries up to a position, and note it; nothing happens if it has no such entry."""
        ...

    async def lag(self) -> Lag:
        """What waits in it."""
        ...

    # -- the audit

    @property
    def chain(self) -> str:
        """The name of the shard's audit chain."""
        ...

    async def audit_reach(self) -> AuditReach:
        """Which records of its chain the shard leaves to the archive."""
        ...

    async def read_audit(self, after: int, limit: int) -> list[StoredAudit]:
        """Records of the chain that the shard has, numbered over ``after``, ascending."""
        ...

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``, of records that the archive has."""
        ...

    async def go_on_audit(self, last: AuditHead, trimmed: int) -> None:
        """Let the chain of a shard that has lost its data go on behind the last record that the archive has.

        What was written down since the loss comes behind it. Nothing happens where that is done already.

        Args:
            last: The archive's last record of the chain.
            trimmed: The number of the last that was trimmed.
        """
        ...

    async def copy(self, cursor: str | None, limit: int) -> str | None:
        """Append up to about ``limit`` of the things that are stored, as they are now, behind a cursor.

        Returns:
            The cursor behind them, kept in ``Marks.copied`` too; ``None`` when all is copied.
        """
        ...

    async def copy_again(self, mark: str, position: str, seq: int) -> bool:
        """Begin the copy anew, say that it was dropped up to ``position``, and number events above ``seq``.

        Returns:
            ``False``, with nothing changed, if the store has another mark, or none.
        """
        ...

    async def lead(self, who: str, seconds: float) -> bool:
        """Take or keep the lease of the one who empties it; whether ``who`` has it now."""
        ...

    async def yield_lead(self, who: str) -> None:
        """Give the lease back."""
        ...

    async def begin_restore(self, who: str, seq: int, seconds: float) -> bool:
        """Take the lease of the one who puts back what was lost, numbering events above ``seq``.

        Returns:
            ``False`` while another has it, or if the store has a mark.
        """
        ...

    async def keep_restore(self, who: str, seconds: float) -> bool:
        """Keep that lease; ``False`` if another has it by now, or what was put back so far is lost again."""
        ...

    async def put_back(self, change: Change, *, lost: bool) -> bool:
        """Commit a record, with what belongs to it, if there is none of its id; whether it was.

        Args:
            change: What to commit; a claim that is set by now is left out.
            lost: Whether the store holds no mark, because all of it was lost.

        Raises:
            StoreLost: The store has lost its mark, or, with ``lost``, somebody has put everything back already.
        """
        ...

    async def put_document_back(self, kind: str, name: str, body: bytes) -> None:
        """Keep a document of the system, if there is none of its name."""
        ...

    async def finish_restore(self, who: str, mark: str, position: str, counters: Mapping[str, float]) -> bool:
        """Set the mark, and add the counters, all at once, if nothing was lost since ``begin_restore``; whether."""
        ...


@runtime_checkable
class Archivable(Protocol):
    """A store that can be archived."""

    @property
    def outboxes(self) -> Sequence[Outbox]:
        """One for each shard; the store is open."""
        ...


def archived(prepared: PreparedChange) -> ArchivedChange:
    """What the archive keeps of a change."""
    change, record = prepared.change, prepared.record
    after = change.after.session.version if change.after is not None else None
    if change.group_after is not None:
        after = change.group_after.version
    return ArchivedChange(
        session_id=change.session_id,
        version=(change.expected or 0) + 1 if after is None else after,
        created=change.expected is None,
        deleted=change.session_id is not None and record is None,
        record=None if record is None else (record.document, record.state, record.run),
        group_id=change.group_id,
        group=prepared.group,
        events=prepared.events,
        counters=tuple(change.counters.items()),
        claims=tuple([(claim.key, claim.value) for claim in change.claims]),
        checkpoints=tuple(
            [(one.session_id, one.number, one.pinned, one.document, one.state) for one in prepared.checkpoints]
        ),
        drop_checkpoints=change.drop_checkpoints,
        journal=tuple(
            [(one.run_id, one.key, body) for one, body in zip(change.journal, prepared.journal, strict=True)]
        ),
        drop_journal=change.drop_journal,
        put=tuple([(one.id, body) for one, body in zip(change.put, prepared.put, strict=True)]),
        take=change.take,
    )


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[ArchivedChange, ...])


def encode_changes(changes: Sequence[ArchivedChange]) -> bytes:
    """The changes of one commit, for the outbox."""
    return _encode(changes)


def decode_changes(document: bytes) -> tuple[ArchivedChange, ...]:
    """What ``encode_changes`` was given."""
    return _decoder.decode(document)


def event_names(change: ArchivedChange, token: str, place: int) -> tuple[EventName, ...]:
    """What the events of the change at ``place`` of a commit are known by.

    Args:
        change: The change.
        token: The commit's own.
        place: Of the change, in the commit.
    """
    if change.session_id is not None:
        subject = f"s:{change.session_id}"
    else:
        subject = f"c:{token}:{place}" if change.group_id is None else f"g:{change.group_id}"
    return tuple([(subject, change.version, number) for number in range(len(change.events))])


def copied_event_name(seq: int) -> EventName:
    """What an event is known by that was committed before its store was archived."""
    return f"{COPIED}{seq}", 0, 0
