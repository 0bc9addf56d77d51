"""Entries of the indexes: text that sorts as the index shall, with the session's id at its end.

All entries of a sorted set have the score 0, so Redis keeps them in the order of their bytes. (But in ``due``, which is
only read up to now: there the time is the score, and moves at the price of one command.) A time is
written as 16 hexadecimal digits that sort as the number does, so an entry is the exact place
(value, id) of ``ordering.py``, and ties need no further thought.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from nexus.model import FINAL, Group
from nexus.stores.prepared import PreparedRecord

DIGITS: Final = 16
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
_double: Final = struct.Struct(">d").pack
_bits: Final = struct.Struct(">Q").unpack
_pack: Final = msgspec.msgpack.Encoder().encode


def sortable(number: float) -> bytes:
    """A number as hexadecimal digits that sort as the number."""
    return _sortable(number).encode()


def _sortable(number: float) -> str:
    # Adding nought makes -0.0 the same as 0.0.
    bits: int = _bits(_double(number + 0.0))[0]
    return f"{~bits & _ALL if bits & _SIGN else bits | _SIGN:016x}"


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


def of_session(record: PreparedRecord) -> tuple[bytes, bytes]:
    """A session's entry in each of ``keys.INDEXES``, empty where it has none, packed; and that by activity by itself.

    Among those packed, that by activity is empty, and that of what is due says only whether it is; so they stay the
    same while a session is but used. Behind them come its field among the members of groups, and whether it has a run.
    """
    session = record.session
    name = session.id
    created = _sortable(session.created_at) + name
    activity = created if session.last_activity == session.created_at else _sortable(session.last_activity) + name
    ended = session.ended_at if session.status in FINAL else None
    group, parent, worker = session.group_id, session.parent_id, record.worker
    packed = _pack(
        (
            created,
            "",
            f"{session.status.value}\0{created}",
            "" if group is None else f"{group}\0{created}",
            "" if parent is None else f"{parent}\0{created}",
            "" if worker is None else f"{worker}\0{name}",
            "" if record.due_at is None else "1",
            "" if ended is None else _sortable(ended) + name,
            "" if group is None else f"{group}\0{session.status.value}",
            "" if record.run is None else "1",
        )
    )
    return packed, activity.encode()


def of_group(group: Group) -> bytes:
    """A group's entry in the list of groups."""
    return timed(group.created_at, group.id)
