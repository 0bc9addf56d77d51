"""What a number of commits, one after the other, make of the archive: gathered, so that each row is written once.

It reads and writes nothing; ``applying`` turns it into SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from nexus.stores.archiving import ArchivedChange, Entry, EventName

_PLACES: Final = 1_000_000
"""Journal entries of one version that keep their order."""


class Record(msgspec.Struct, frozen=True):
    """A session's newest record, in bytes."""

    version: int
    document: bytes
    state: bytes
    run: bytes | None


class SavedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint to be written. ``state`` is ``None`` where what is archived stays."""

    pinned: bool
    document: bytes
    state: bytes | None


class Belongings(msgspec.Struct):
    """What belongs to one session; ``None`` means that the row goes."""

    checkpoints: dict[int, SavedCheckpoint | None] = {}
    journal: dict[tuple[str, str], tuple[int, bytes] | None] = {}
    inbox: dict[str, bytes | None] = {}
    places: int = 0
    """How many journal entries were gathered."""
    emptied: bool = False
    """Whatever else is archived of it goes."""


class Gathered:
    """The sum of what was taken in."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.created: set[str] = set()
        """Sessions that were new: what is archived under their id may be of another one."""
        self.gone: dict[str, bool] = {}
        """Whether the last word on a session was that it was deleted."""
        self.belongings: dict[str, Belongings] = {}
        self.claims: dict[str, tuple[str, str | None] | None] = {}
        self.groups: dict[str, tuple[int, bytes] | None] = {}
        self.events: dict[EventName, tuple[int, bytes]] = {}
        self.counters: dict[str, float] = {}
        """Values that counters were known to have; ``added`` comes on top."""
        self.added: Counter[str] = Counter()
        self.resets: set[str] = set()
        """``counters`` and ``documents``, where nothing that is archived of them stays."""
        self.documents: dict[tuple[str, str], bytes | None] = {}
        self._claimed: dict[str, set[str]] = {}

    def take(self, entries: Iterable[Entry]) -> None:
        """Take in entries of the outbox, in their order."""
        for entry in entries:
            for change in entry.changes:
                self._take(change)

    def _take(self, change: ArchivedChange) -> None:
        session_id = change.session_id
        if session_id is not None:
            self._take_session(session_id, change)
        for owner, number, pinned, document, state in change.checkpoints:
            saved = self._of(owner).checkpoints
            before = saved.get(number)
            kept = before.state if state is None and before is not None else state
            saved[number] = SavedCheckpoint(pinned, document, kept)
        self._take_claims(change)
        if change.group_id is not None:
            self.groups[change.group_id] = None if change.group is None else (change.version, change.group)
        if change.resets:
            self._reset(change.resets)
        for kind, title, body in change.documents:
            self.documents[kind, title] = body
        for event, seq, document in zip(change.names, change.seqs, change.events, strict=True):
            self.events[event] = seq, document
        for name, value in change.counters:
            self._count(name, value, absolute=change.absolute)
        if change.deleted and session_id is not None:
            self._delete(session_id)

    def _take_session(self, session_id: str, change: ArchivedChange) -> None:
        if change.created or change.whole:
            self.belongings[session_id] = Belongings(emptied=change.whole)
        if change.created:
            self.created.add(session_id)
        if change.record is not None:
            self.records[session_id] = Record(change.version, *change.record)
            self.gone[session_id] = False
        if not (change.drop_checkpoints or change.drop_journal or change.journal or change.take or change.put):
            return
        own = self._of(session_id)
        for number in change.drop_checkpoints:
            saved = own.checkpoints.get(number)
            if saved is None or not saved.pinned:
                own.checkpoints[number] = None
        for run_id, key in change.drop_journal:
            own.journal[run_id, key] = None
        for run_id, key, document in change.journal:
            own.journal[run_id, key] = change.version * _PLACES + own.places, document
            own.places += 1
        own.inbox.update(dict.fromkeys(change.take))
        own.inbox.update(change.put)

    def _take_claims(self, change: ArchivedChange) -> None:
        owners = change.owners or (change.session_id,) * len(change.claims)
        for (key, value), holder in zip(change.claims, owners, strict=True):
            self.claims[key] = None if value is None else (value, holder)
            if value is not None and holder is not None:
                self._claimed.setdefault(holder, set()).add(key)

    def _count(self, name: str, value: float, *, absolute: bool) -> None:
        if absolute:
            self.counters[name] = value
            self.added.pop(name, None)
        else:
            self.added[name] += value  # type: ignore[assignment]

    def _reset(self, what: str) -> None:
        self.resets.add(what)
        if what == "documents":
            self.documents.clear()
        else:
            self.counters.clear()
            self.added.clear()

    def _delete(self, session_id: str) -> None:
        self.gone[session_id] = True
        if session_id in self.belongings:
            self.belongings[session_id].inbox.clear()
        for key in self._claimed.pop(session_id, ()):
            held = self.claims.get(key)
            if held is not None and held[1] == session_id:
                self.claims[key] = None

    def _of(self, session_id: str) -> Belongings:
        found = self.belongings.get(session_id)
        if found is None:
            found = self.belongings[session_id] = Belongings()
        return found
