"""Rows of the ``sessions`` table: their statements, and the way to records and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec

from nexus.model import Session
from nexus.stores import codec
from nexus.stores.base import Snapshot
from nexus.stores.prepared import PreparedRecord

INLINE: Final = 1000
"""Documents up to this many bytes stand in the session's row; longer ones in ``large``."""

STATE: Final = 1
RUN: Final = 2
"""Bits of ``sessions.large``, and values of ``large.kind``."""

_SLACK: Final = 0.05
"""How far behind the truth, as a part of the time-out, ``due_bound`` may stay."""

# What an update sets: the first always, each of the others only where its index has to move.
_ALWAYS: Final = (
    "version", "due_at", "expires_at", "step", "channel", "channels", "workflow", "user_id", "large", "document",
    "state", "run",
)  # fmt: skip
_MOVABLE: Final = (("status", "last_activity"), ("due_bound",), ("worker",), ("ended_at",),
                   ("parent_id", "owner", "created_at", "group_id"))  # fmt: skip
_PLACES: Final = (slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5), slice(5, 9))
_BOUND: Final = 2
_ALL: Final = ("id", *_ALWAYS, *(column for columns in _MOVABLE for column in columns))

INSERT: Final = f"INSERT INTO sessions (key, {', '.join(_ALL)}) VALUES (?{', ?' * len(_ALL)})"  # noqa: S608

_HEAD: Final = ("id", "key", "version", "large", *(column for columns in _MOVABLE for column in columns))
HEAD_COLUMNS: Final = ", ".join(_HEAD)


class Head(msgspec.Struct):
    """What a commit has to know of a stored session: where it is, its version, and what indexes say of it."""

    key: int
    version: int
    large: int
    indexed: tuple[Any, ...]
    """The values of ``_MOVABLE``, one after the other."""

    @property
    def status(self) -> str:
        """Where the session stands."""
        status: str = self.indexed[0]
        return status

    @property
    def group_id(self) -> str | None:
        """The group it is counted in."""
        group_id: str | None = self.indexed[-1]
        return group_id


class NewRow(msgspec.Struct):
    """A session's row as it is to be."""

    record: PreparedRecord
    large: int
    indexed: tuple[Any, ...]

    @classmethod
    def of(cls, record: PreparedRecord, head: Head | None) -> NewRow:
        """From a record, and from what is stored of it now."""
        session = record.session
        large = (STATE if len(record.state) > INLINE else 0) | (RUN if len(record.run or b"") > INLINE else 0)
        bound = None if head is None else head.indexed[_BOUND]
        indexed = (
            session.status.value, session.last_activity, lower_bound(bound, record.due_at, session.timeout),
            record.worker, session.ended_at, session.parent_id, session.owner, session.created_at, session.group_id,
        )  # fmt: skip
        return cls(record, large, indexed)

    def update(self, head: Head) -> tuple[str, tuple[Any, ...]]:
        """The statement that makes the stored row this one, and its values."""
        new, old = self.indexed, head.indexed
        moved = tuple([new[place] != old[place] for place in _PLACES])
        values = [*self._always()]
        for place, moves in zip(_PLACES, moved, strict=True):
            if moves:
                values.extend(new[place])
        values.append(head.key)
        return _update(moved), tuple(values)

    def insert(self, key: int) -> tuple[Any, ...]:
        """The values of ``INSERT``."""
        return (key, self.record.session.id, *self._always(), *self.indexed)

    def head(self, key: int) -> Head:
        """What will be stored, once it is."""
        return Head(key, self.record.session.version, self.large, self.indexed)

    def _always(self) -> tuple[Any, ...]:
        record, session = self.record, self.record.session
        return (
            session.version, record.due_at, session.expires_at, session.step, session.channel,
            channels_text(session.channels), session.workflow, session.user_id, self.large, record.document,
            None if self.large & STATE else record.state, None if self.large & RUN else record.run,
        )  # fmt: skip


@cache
def _update(moved: tuple[bool, ...]) -> str:
    columns = [*_ALWAYS]
    for group, moves in zip(_MOVABLE, moved, strict=True):
        if moves:
            columns.extend(group)
    return f"UPDATE sessions SET {', '.join(f'{column} = ?' for column in columns)} WHERE key = ?"  # noqa: S608


@cache
def channels_text(channels: tuple[str, ...]) -> str:
    """The channels as JSON, in which ``"api"`` can only be a whole element."""
    return msgspec.json.encode(channels).decode()


def lower_bound(bound: float | None, due_at: float | None, timeout: float | None) -> float | None:
    """What to index for ``due_at``: the stored bound for as long as it is close below, else the truth."""
    if due_at is None or bound is None:
        return due_at
    return bound if 0 <= due_at - bound <= _SLACK * (timeout or 0.0) else due_at


SESSION_COLUMNS: Final = "s.key, s.large, s.document, s.state"
SNAPSHOT_COLUMNS: Final = f"{SESSION_COLUMNS}, s.run"


def to_session(connection: sqlite3.Connection, row: Sequence[Any]) -> Session:
    """The record of a row of ``SESSION_COLUMNS``."""
    key, large, document, state = row[:4]
    if large & STATE:
        state = _body(connection, key, STATE)
    return codec.decode_session(document, state)


def to_snapshot(connection: sqlite3.Connection, row: Sequence[Any]) -> Snapshot:
    """The record and run of a row of ``SNAPSHOT_COLUMNS``."""
    key, large, run = row[0], row[1], row[4]
    if large & RUN:
        run = _body(connection, key, RUN)
    return Snapshot(to_session(connection, row), codec.decode_run(run))


def _body(connection: sqlite3.Connection, key: int, kind: int) -> bytes:
    row = connection.execute("SELECT body FROM large WHERE session = ? AND kind = ?", (key, kind)).fetchone()
    body: bytes = row[0]
    return body
