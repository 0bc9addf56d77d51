"""Entries of the indexes: text that sorts as the index shall, with the session's id at its end.

All entries of a sorted set have the score 0, so Redis keeps them in the order of their bytes. A time is
written as 16 hexadecimal digits that sort as the number does, so an entry is the exact place
(value, id) of ``ordering.py``, and ties need no further thought.
"""

from __future__ import annotations

import struct
from typing import Final

from nexus.model import FINAL, Group, Session
from nexus.stores.base import SortField
from nexus.stores.prepared import PreparedRecord

DIGITS: Final = 16
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1

SORTED: Final = {SortField.CREATED: "created", SortField.ACTIVITY: "activity"}
"""Sort orders that have an index."""


def sortable(number: float) -> bytes:
    """A number as hexadecimal digits that sort as the number."""
    # Adding nought makes -0.0 the same as 0.0.
    bits: int = struct.unpack(">Q", struct.pack(">d", number + 0.0))[0]
    return b"%016x" % (~bits & _ALL if bits & _SIGN else bits | _SIGN)


def number_of(digits: bytes) -> float:
    """The number that ``sortable`` wrote."""
    bits = int(digits, 16)
    number: float = struct.unpack(">d", struct.pack(">Q", bits & ~_SIGN if bits & _SIGN else ~bits & _ALL))[0]
    return number


def timed(at: float, name: str) -> bytes:
    """An entry of an index by time."""
    return sortable(at) + name.encode()


def id_of(entry: bytes) -> str:
    """The session or group in an entry that ends with a time and an id, behind ``\\0`` where there is one."""
    return entry[entry.rfind(b"\0") + 1 + DIGITS :].decode()


def under(head: str) -> tuple[bytes, bytes]:
    """The range of all entries that start with ``head`` and ``\\0``."""
    start = head.encode()
    return b"[" + start + b"\0", b"(" + start + b"\1"


def of_session(record: PreparedRecord) -> list[bytes]:
    """A session's entry in each of ``keys.INDEXES``, empty where it has none.

    Behind them its field among the members of groups, and whether it has a run.
    """
    session = record.session
    created = timed(session.created_at, session.id)
    ended = session.ended_at if session.status in FINAL else None
    return [
        created,
        timed(session.last_activity, session.id),
        session.status.value.encode() + b"\0" + created,
        _below(session.group_id, created),
        _below(session.parent_id, created),
        b"" if record.worker is None else record.worker.encode() + b"\0" + session.id.encode(),
        b"" if record.due_at is None else timed(record.due_at, session.id),
        b"" if ended is None else timed(ended, session.id),
        _member(session),
        b"" if record.run is None else b"1",
    ]


def of_group(group: Group) -> bytes:
    """A group's entry in the list of groups."""
    return timed(group.created_at, group.id)


def _below(head: str | None, created: bytes) -> bytes:
    return b"" if head is None else head.encode() + b"\0" + created


def _member(session: Session) -> bytes:
    return b"" if session.group_id is None else f"{session.group_id}\0{session.status.value}".encode()
