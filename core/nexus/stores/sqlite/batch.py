"""One write transaction's worth of commits: checked one after the other, written together.

Nothing is written before all commits are checked, so one that is refused needs no undoing and harms
no other. What several of them change is written once: the last version of a session, the sum
of a counter. Rows of what belongs to sessions are written in the order in which they were asked for.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from nexus.model import Event
from nexus.stores.base import Conflict
from nexus.stores.expectations import Expectations, Mismatch
from nexus.stores.prepared import PreparedChange, PreparedRecord
from nexus.stores.sqlite import belongings
from nexus.stores.sqlite.audit import Chain
from nexus.stores.sqlite.heads import Heads
from nexus.stores.sqlite.records import load
from nexus.stores.sqlite.rows import INSERT, RUN, STATE, Head, NewRow

_EVENT: Final = "INSERT INTO events (seq, ts, session_id, group_id, document) VALUES (?, ?, ?, ?, ?)"
_COUNTER: Final = (
    "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)
_TALLY: Final = (
    "INSERT INTO tally (group_id, status, sessions) VALUES (?, ?, ?)"
    " ON CONFLICT (group_id, status) DO UPDATE SET sessions = sessions + excluded.sessions"
)
_LARGE: Final = (
    "INSERT INTO large (session, kind, body) VALUES (?, ?, ?)"
    " ON CONFLICT (session, kind) DO UPDATE SET body = excluded.body WHERE body IS NOT excluded.body"
)

Statement = tuple[str, tuple[Any, ...]]


class Batch:
    """Collects commits inside an open write transaction.

    Args:
        connection: In that transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heads = Heads(connection)
        self._expectations = Expectations(self._heads)
        self._records: dict[str, PreparedRecord] = {}
        self._keys: dict[str, int] = {}
        self._statements: list[Statement] = []
        self._events: list[tuple[int, float, str | None, str | None, bytes]] = []
        self._counters: Counter[str] = Counter()
        self._strangers: dict[str, float] = {}
        self._next_key: int | None = None
        self.audit = Chain(connection)
        self._first_seq = self.audit.last_seq
        self.last_seq = self._first_seq

    def expect(self, commits: Sequence[Sequence[PreparedChange]]) -> None:
        """Read ahead what these commits will be checked against."""
        self._heads.fetch(
            name
            for commit in commits
            for prepared in commit
            for name in (prepared.change.session_id, *(saved.session_id for saved in prepared.checkpoints))
            if name is not None
        )

    def add(self, commit: Sequence[PreparedChange]) -> int:
        """Check one commit, and take it in.

        Returns:
            The number of its first event.

        Raises:
            Conflict: It may not go through, and has left no trace.
        """
        try:
            self._expectations.accept([prepared.change for prepared in commit])
        except Mismatch as mismatch:
            raise self._conflict(mismatch) from None
        first: int = self.last_seq + 1
        for prepared in commit:
            self._take(prepared)
        return first

    def flush(self) -> None:
        """Write all that was taken in."""
        self._flush_sessions()
        for statement, group in groupby(self._statements, itemgetter(0)):
            self._connection.executemany(statement, [values for _, values in group])
        self._statements.clear()
        if self._events:
            self._connection.executemany(_EVENT, self._events)
            self._events.clear()
        if self._counters:
            self._connection.executemany(_COUNTER, self._counters.items())
            self._counters.clear()
        self._adopt_strangers()
        if self.audit.flush(self.last_seq):
            self._first_seq = self.last_seq
        elif self.last_seq != self._first_seq:
            self._connection.execute("UPDATE feed SET last_seq = ?", (self.last_seq,))
            self._first_seq = self.last_seq

    def _conflict(self, mismatch: Mismatch) -> Conflict:
        # The caller wants what is there now, and that may be what this batch is about to write.
        self.flush()
        current = None if mismatch.is_group else load(self._connection, mismatch.subject)
        return Conflict(mismatch.subject, current, mismatch.claim)

    def _take(self, prepared: PreparedChange) -> None:
        change, session_id = prepared.change, prepared.change.session_id
        key = None
        if session_id is not None:
            key = self._key(session_id, creates=prepared.record is not None)
            if prepared.record is not None:
                self._records[session_id] = prepared.record
        if key is not None:
            self._statements.extend(belongings.statements(key, prepared))
        for saved in prepared.checkpoints:
            if (owner := self._key(saved.session_id)) is not None:
                self._statements.append(belongings.save_checkpoint(owner, saved))
        self._statements.extend(belongings.claim(claim, key) for claim in change.claims)
        if change.group_id is not None:
            self._statements.extend(belongings.group(change.group_id, prepared))
        self._take_events(prepared.change.events, prepared.events, session_id)
        for name, delta in change.counters.items():
            self._counters[name] += delta  # type: ignore[assignment]
        if prepared.audit is not None:
            self.audit.append(prepared.audit)
        if session_id is not None and change.after is None:
            self._delete(session_id)

    def _take_events(self, events: Sequence[Event], documents: Sequence[bytes], own: str | None) -> None:
        for event, document in zip(events, documents, strict=True):
            self.last_seq += 1
            self._events.append((self.last_seq, event.ts, event.session_id, event.group_id, document))
            if event.session_id is not None and event.session_id != own:
                self._strangers[event.session_id] = min(event.ts, self._strangers.get(event.session_id, event.ts))

    def _key(self, session_id: str, *, creates: bool = False) -> int | None:
        head = self._heads.session(session_id)
        if head is not None:
            return head.key
        if creates and session_id not in self._keys:
            if self._next_key is None:
                row = self._connection.execute("SELECT coalesce(max(key), 0) FROM sessions").fetchone()
                self._next_key = int(row[0])
            self._next_key += 1
            self._keys[session_id] = self._next_key
        return self._keys.get(session_id)

    def _flush_sessions(self) -> None:
        inserts: list[tuple[Any, ...]] = []
        updates: dict[str, list[tuple[Any, ...]]] = {}
        tally: Counter[tuple[str, str]] = Counter()
        for session_id, record in self._records.items():
            head = self._heads.session(session_id)
            row = NewRow.of(record, head)
            key = self._keys[session_id] if head is None else head.key
            if head is None:
                inserts.append(row.insert(key))
            else:
                statement, values = row.update(head)
                updates.setdefault(statement, []).append(values)
                _count(tally, head, -1)
            self._put_large(key, row, 0 if head is None else head.large)
            new = row.head(key)
            _count(tally, new, 1)
            self._heads.put(session_id, new)
        if inserts:
            self._connection.executemany(INSERT, inserts)
        for statement, rows in updates.items():
            self._connection.executemany(statement, rows)
        self._write_tally(tally)
        self._records.clear()
        self._keys.clear()

    def _put_large(self, key: int, row: NewRow, before: int) -> None:
        if not (row.large or before):
            return
        for kind, body in ((STATE, row.record.state), (RUN, row.record.run)):
            if row.large & kind:
                self._statements.append((_LARGE, (key, kind, body)))
            elif before & kind:
                self._statements.append(("DELETE FROM large WHERE session = ? AND kind = ?", (key, kind)))

    def _write_tally(self, tally: Counter[tuple[str, str]]) -> None:
        rows = [(group_id, status, change) for (group_id, status), change in tally.items() if change]
        if rows:
            self._connection.executemany(_TALLY, rows)

    def _delete(self, session_id: str) -> None:
        self.flush()
        head = self._heads.session(session_id)
        if head is None:
            return
        belongings.delete_session(self._connection, session_id, head.key)
        tally: Counter[tuple[str, str]] = Counter()
        _count(tally, head, -1)
        self._write_tally(tally)
        self._heads.put(session_id, None)
        # Its claims and messages are gone, and what was remembered of them with it.
        self._expectations = Expectations(self._heads)

    def _adopt_strangers(self) -> None:
        # Events that speak of a session that isn't stored have to be found when they may be trimmed.
        orphans = [row for row in self._strangers.items() if self._heads.session(row[0]) is None]
        if orphans:
            self._connection.executemany(belongings.ORPHAN, orphans)
        self._strangers.clear()


def _count(tally: Counter[tuple[str, str]], head: Head, by: int) -> None:
    tally["", head.status] += by
    if head.group_id is not None:
        tally[head.group_id, head.status] += by
