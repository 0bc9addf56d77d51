"""The tables of ``MemoryStore``: bytes, and the indexes over them. Plain synchronous code."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from nexus.model import FINAL, Group, Session
from nexus.model.audit import StoredAudit
from nexus.stores import chain, codec, ordering
from nexus.stores.base import Claim, Snapshot, SortField
from nexus.stores.prepared import PreparedChange, PreparedCheckpoint, PreparedRecord
from nexus.stores.sortedkeys import SortedKeys


@dataclass(slots=True)
class Record:
    """One session with all that goes when it is deleted.

    ``session`` is a private copy to filter and sort by; callers get copies decoded from the bytes.
    """

    session: Session
    stored: PreparedRecord
    checkpoints: dict[int, PreparedCheckpoint] = field(default_factory=dict)
    journal: dict[tuple[str, str], bytes] = field(default_factory=dict)
    inbox: dict[str, bytes] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)

    def copy(self) -> Session:
        """The session, decoded anew."""
        return codec.decode_session(self.stored.document, self.stored.state)

    def snapshot(self) -> Snapshot:
        """The session and its run, decoded anew."""
        return Snapshot(self.copy(), codec.decode_run(self.stored.run))


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event in bytes, with what it is looked up by."""

    seq: int
    ts: float
    session_id: str | None
    group_id: str | None
    document: bytes


class Tables:
    """Everything stored. ``apply`` is the only way to change a session or a group."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.children: defaultdict[str, set[str]] = defaultdict(set)
        self.held: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.due: SortedKeys[tuple[float, str]] = SortedKeys()
        self.ended: SortedKeys[tuple[float, str]] = SortedKeys()
        self.group_order: SortedKeys[tuple[float, str]] = SortedKeys()
        self.counters: dict[str, float] = {}
        self.last_seq = 0
        self.audit: list[StoredAudit] = []
        self._groups: dict[str, tuple[Group, bytes]] = {}
        self._members: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._claims: dict[str, tuple[str, str | None]] = {}
        self._events: list[StoredEvent] = []
        self._indexes: dict[SortField, SortedKeys[ordering.Key]] = {}

    # -- the ledger that expectations are checked against

    def session_version(self, session_id: str) -> int | None:
        """The version of a session."""
        record = self.records.get(session_id)
        return None if record is None else record.session.version

    def group_version(self, group_id: str) -> int | None:
        """The version of a group."""
        found = self._groups.get(group_id)
        return None if found is None else found[0].version

    def claimed(self, key: str) -> str | None:
        """The value of a claim."""
        found = self._claims.get(key)
        return None if found is None else found[0]

    def has_message(self, session_id: str, message_id: str) -> bool:
        """Whether the inbox holds the message."""
        record = self.records.get(session_id)
        return record is not None and message_id in record.inbox

    # -- reading

    def index(self, by: SortField) -> SortedKeys[ordering.Key]:
        """Sessions sorted by a field; made when first asked for, and kept up to date from then on."""
        found = self._indexes.get(by)
        if found is None:
            found = SortedKeys(ordering.key_of(record.session, by) for record in self.records.values())
            self._indexes[by] = found
        return found

    def group(self, group_id: str) -> Group | None:
        """A group with its counts."""
        found = self._groups.get(group_id)
        if found is None:
            return None
        counts = self._members.get(group_id, Counter())
        return codec.decode_group(found[1], {status: count for status, count in sorted(counts.items()) if count})

    def events_of(self, session_id: str | None, group_id: str | None, after: int) -> Sequence[StoredEvent]:
        """Events behind a number, ascending."""
        start = bisect_right(self._events, after, key=lambda event: event.seq)
        if session_id is None and group_id is None:
            return self._events[start:]
        return [
            event
            for event in self._events[start:]
            if (session_id is None or event.session_id == session_id)
            and (group_id is None or event.group_id == group_id)
        ]

    # -- changing

    def apply(self, prepared: PreparedChange) -> int:
        """Do what a change says. Its expectations have been checked.

        Returns:
            The number of its first event, if it has any.
        """
        change = prepared.change
        if change.session_id is not None:
            self._apply_session(change.session_id, prepared)
        self._apply_checkpoints(prepared)
        for claim in change.claims:
            self._apply_claim(claim, change.session_id)
        if change.session_id is not None and change.after is None:
            self._delete(change.session_id)
        if change.group_id is not None:
            self._apply_group(change.group_id, prepared)
        for name, delta in change.counters.items():
            self.counters[name] = self.counters.get(name, 0.0) + delta
        if prepared.audit is not None:
            self.append_audit(prepared.audit)
        return self._append_events(prepared)

    def append_audit(self, document: bytes) -> None:
        """Add a record to the end of the chain."""
        seq, previous = (self.audit[-1].seq + 1, self.audit[-1].hash) if self.audit else (1, "")
        self.audit.append(StoredAudit(seq, document, chain.link(previous, seq, document)))

    def trim_audit(self, number: int, found: str, anchor: bytes) -> int:
        """Drop the records up to a number from the front, if that one is there; how many."""
        count = number + 1 - self.audit[0].seq if self.audit else 0
        if not 0 < count <= len(self.audit) or self.audit[count - 1].hash != found:
            return 0
        self.append_audit(anchor)
        del self.audit[:count]
        return count

    def trim(self, before: float, limit: int) -> int:
        """Delete old events of no stored session; how many."""
        doomed: set[int] = set()
        for event in self._events:
            if len(doomed) >= limit:
                break
            if event.ts < before and (event.session_id is None or event.session_id not in self.records):
                doomed.add(event.seq)
        self._events = [event for event in self._events if event.seq not in doomed]
        return len(doomed)

    def _apply_session(self, session_id: str, prepared: PreparedChange) -> None:
        record, change = self.records.get(session_id), prepared.change
        if prepared.record is not None:
            record = self._put(session_id, record, prepared.record)
        if record is None:
            return
        for pair in change.drop_journal:
            record.journal.pop(pair, None)
        for entry, document in zip(change.journal, prepared.journal, strict=True):
            record.journal.pop((entry.run_id, entry.key), None)
            record.journal[entry.run_id, entry.key] = document
        for taken in change.take:
            del record.inbox[taken]
        for message, document in zip(change.put, prepared.put, strict=True):
            record.inbox[message.id] = document

    def _put(self, session_id: str, record: Record | None, new: PreparedRecord) -> Record:
        session = codec.decode_session(new.document, new.state)
        if record is None:
            record = Record(session, new)
            self.records[session_id] = record
        else:
            self._unlist(record)
            record.session, record.stored = session, new
        self._list(record)
        return record

    def _delete(self, session_id: str) -> None:
        record = self.records.pop(session_id)
        self._unlist(record)
        for key in record.claims:
            self._claims.pop(key, None)

    def _list(self, record: Record) -> None:
        session, stored = record.session, record.stored
        for by, index in self._indexes.items():
            index.add(ordering.key_of(session, by))
        if stored.due_at is not None:
            self.due.add((stored.due_at, session.id))
        if session.status in FINAL and session.ended_at is not None:
            self.ended.add((session.ended_at, session.id))
        if stored.worker is not None:
            self.held[stored.worker][session.id] = None
        if session.parent_id is not None:
            self.children[session.parent_id].add(session.id)
        if session.group_id is not None:
            self._members[session.group_id][session.status.value] += 1

    def _unlist(self, record: Record) -> None:
        session, stored = record.session, record.stored
        for by, index in self._indexes.items():
            index.remove(ordering.key_of(session, by))
        if stored.due_at is not None:
            self.due.remove((stored.due_at, session.id))
        if session.status in FINAL and session.ended_at is not None:
            self.ended.remove((session.ended_at, session.id))
        if stored.worker is not None:
            del self.held[stored.worker][session.id]
        if session.parent_id is not None:
            self.children[session.parent_id].discard(session.id)
        if session.group_id is not None:
            self._members[session.group_id][session.status.value] -= 1

    def _apply_checkpoints(self, prepared: PreparedChange) -> None:
        change = prepared.change
        own = self.records.get(change.session_id or "")
        if own is not None:
            for number in change.drop_checkpoints:
                if (kept := own.checkpoints.get(number)) is not None and not kept.pinned:
                    del own.checkpoints[number]
        for new in prepared.checkpoints:
            record = self.records.get(new.session_id)
            if record is None:
                continue
            old = record.checkpoints.get(new.number)
            state = old.state if new.state is None and old is not None else new.state
            record.checkpoints[new.number] = PreparedCheckpoint(
                new.session_id, new.number, new.pinned, new.document, state
            )

    def _apply_claim(self, claim: Claim, session_id: str | None) -> None:
        _, owner = self._claims.pop(claim.key, (None, None))
        if owner is not None and owner in self.records:
            self.records[owner].claims.discard(claim.key)
        if claim.value is not None:
            self._claims[claim.key] = claim.value, session_id
            if session_id in self.records:
                self.records[session_id].claims.add(claim.key)

    def _apply_group(self, group_id: str, prepared: PreparedChange) -> None:
        if (old := self._groups.pop(group_id, None)) is not None:
            self.group_order.remove((old[0].created_at, group_id))
        group = prepared.change.group_after
        if group is not None and prepared.group is not None:
            self._groups[group_id] = codec.decode_group(prepared.group, {}), prepared.group
            self.group_order.add((group.created_at, group_id))

    def _append_events(self, prepared: PreparedChange) -> int:
        first = self.last_seq + 1
        for event, document in zip(prepared.change.events, prepared.events, strict=True):
            self.last_seq += 1
            self._events.append(StoredEvent(self.last_seq, event.ts, event.session_id, event.group_id, document))
        return first
