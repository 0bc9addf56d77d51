"""Sort orders and cursors, the same for every store.

A list is ordered by (value, id), and a descending one is the exact reverse. ``None`` comes before
every value. Text compares by code point. A cursor is the key of the last row that was given,
with the name of its list, so that a cursor of another order is refused and not misread.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Final

import msgspec

from nexus.errors import InvalidInput
from nexus.model import Session
from nexus.stores.base import Order, SortField

Value = str | float | None
Key = tuple[bool, str | float, str]
"""Comparable: whether there is a value, the value, the id."""

_MOST = 2**63 - 1

_VALUES: Final[dict[SortField, Callable[[Session], Value]]] = {
    SortField.CREATED: lambda session: session.created_at,
    SortField.ACTIVITY: lambda session: session.last_activity,
    SortField.ID: lambda session: session.id,
    SortField.STATUS: lambda session: session.status.value,
    SortField.WORKFLOW: lambda session: session.workflow,
    SortField.CHANNEL: lambda session: session.channel,
    SortField.STEP: lambda session: session.step,
    SortField.EXPIRES: lambda session: session.expires_at,
    SortField.DURATION: lambda session: session.duration,
    SortField.USER: lambda session: session.user_id,
    SortField.GROUP: lambda session: session.group_id,
    SortField.VERSION: lambda session: session.version,
}
_TEXT: Final = frozenset(
    {SortField.ID, SortField.STATUS, SortField.WORKFLOW, SortField.CHANNEL, SortField.USER, SortField.GROUP}
)
NULLABLE: Final = frozenset(
    {SortField.WORKFLOW, SortField.EXPIRES, SortField.DURATION, SortField.USER, SortField.GROUP}
)
"""Sort fields whose value may be ``None``."""


def value_of(session: Session, field: SortField) -> Value:
    """What the session is sorted by."""
    return _VALUES[field](session)


def key_of(session: Session, field: SortField) -> Key:
    """The session's place in an ascending list."""
    return as_key(value_of(session, field), session.id)


def as_key(value: Value, tie: str) -> Key:
    """A place in an ascending list, from its parts."""
    return (False, 0.0, tie) if value is None else (True, value, tie)


def write_cursor(listing: str, value: Value, tie: str) -> str:
    """The cursor that reads on behind a row.

    Args:
        listing: The name of the list, such as ``str(order)``.
        value: What the row was sorted by.
        tie: Its id.
    """
    text = msgspec.json.encode((listing, value, tie))
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def read_cursor(cursor: str, listing: str, kind: type[str | float] = float) -> tuple[Value, str]:
    """The value and the id in a cursor.

    Args:
        cursor: What a page gave as ``next_cursor``.
        listing: The name of the list that is being read.
        kind: The type of its values.

    Raises:
        InvalidInput: It is no cursor, or one of another list.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        made_for, value, tie = msgspec.json.decode(raw, type=tuple[str, str | float | int | None, str])
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, UnicodeDecodeError):
        raise _refused(cursor, "is not a cursor that a list gave") from None
    if made_for != listing:
        raise _refused(cursor, f"belongs to a list sorted by {made_for[:40]!r}, not {listing!r}")
    if not _fits(value, kind):
        raise _refused(cursor, "is not a cursor that a list gave")
    return value, tie


def write_order_cursor(session: Session, order: Order) -> str:
    """The cursor that reads on behind a session in a list of sessions."""
    return write_cursor(str(order), value_of(session, order.field), session.id)


def read_order_cursor(cursor: str, order: Order) -> tuple[Value, str]:
    """The value and the id in a cursor of a list of sessions; ``InvalidInput`` where it is none of ``order``."""
    value, tie = read_cursor(cursor, str(order), str if order.field in _TEXT else float)
    if value is None and order.field not in NULLABLE:
        raise _refused(cursor, "is not a cursor that a list gave")
    return value, tie


def _fits(value: Value, kind: type[str | float]) -> bool:
    if value is None:
        return True
    if kind is str:
        return isinstance(value, str)
    return not isinstance(value, str) and math.isfinite(value) and abs(value) <= _MOST


def _refused(cursor: str, why: str) -> InvalidInput:
    return InvalidInput(f"cursor {cursor[:60]!r} {why}: start again without one", field="cursor", value=cursor[:60])
