"""Cursors of the event feed: the decimal ``seq`` of the last event that was read.

Numbers are given without gaps, so a gap between a cursor and what is read behind it means that
events were deleted unread. ``"0"`` asks for the oldest kept, and so misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from nexus.errors import InvalidInput
from nexus.model import Event, EventBatch

_MOST_DIGITS = 18


def read_position(cursor: str) -> int:
    """The number in a feed's cursor.

    Raises:
        InvalidInput: The text is no cursor of a feed.
    """
    if cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS:
        return int(cursor)
    raise InvalidInput(
        f"cursor {cursor[:40]!r} is not a place in the event feed: give back one that the feed gave, or an event's seq",
        field="cursor",
        value=cursor[:40],
    )


def batch_behind(after: int, events: Sequence[Event], last: int) -> EventBatch:
    """What was read behind a cursor.

    Args:
        after: The number in the cursor.
        events: The events found behind it, as many as were asked for, ascending.
        last: The highest number given so far, read together with ``events``.

    Returns:
        The batch. A cursor ahead of the store belongs to a history that this store no longer has
        (it was put back from a copy, say): it is told so as ``trimmed``, and goes on at the end.
    """
    if after > last:
        return EventBatch(events=(), cursor=str(last), trimmed=True)
    reached = events[-1].seq if events else last
    return EventBatch(events=tuple(events), cursor=str(reached), trimmed=after > 0 and reached - after != len(events))
