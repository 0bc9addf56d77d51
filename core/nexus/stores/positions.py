"""Cursors of the event feed.

In a store with one order of events a cursor is the decimal ``seq`` of the last event that was read. In one that is
spread over shards it is the place in each of them, ``v:`` and then numbers to the base 36 with dots between; there a
single ``seq`` says too little. ``"0"`` asks any store for the oldest events kept, and so misses nothing.

Numbers are given without gaps, by the store or by each shard, so a gap between a cursor and what is read behind it
means that events were deleted unread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nexus.errors import InvalidInput
from nexus.model import Event, EventBatch

START: Final = "0"
"""Before the oldest event that is kept."""

_MOST_DIGITS: Final = 18
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_VECTOR: Final = re.compile(r"v:([0-9a-z]{1,12}(?:\.[0-9a-z]{1,12})*)", re.ASCII)


def read_position(cursor: str) -> int:
    """The number in a cursor of a store with one order.

    Raises:
        InvalidInput: The text is no cursor of such a store.
    """
    if _is_number(cursor):
        return int(cursor)
    raise InvalidInput(
        f"cursor {cursor[:40]!r} is not a place in the event feed: give back one that the feed gave, or an event's seq",
        field="cursor",
        value=cursor[:40],
    )


def read_positions(cursor: str, count: int) -> tuple[int, ...]:
    """The number of the last event read, in each shard.

    Args:
        cursor: What the feed gave; of one shard, also an event's ``seq``.
        count: How many shards there are.

    Raises:
        InvalidInput: The text is no cursor of a store with so many shards.
    """
    if count == 1:
        return (read_position(cursor),)
    if cursor == START:
        return (0,) * count
    match = _VECTOR.fullmatch(cursor)
    if match is not None:
        positions = tuple([int(digits, 36) for digits in match[1].split(".")])
        if len(positions) == count:
            return positions
    why = "is a number, and this store has no one order of events" if _is_number(cursor) else "is no place in the feed"
    raise InvalidInput(
        f"cursor {cursor[:40]!r} {why}: give back the id that the feed gave with an event, or 0 for the oldest kept",
        field="cursor",
        value=cursor[:40],
    )


def write_positions(positions: Sequence[int]) -> str:
    """The cursor of a place in each shard."""
    return str(positions[0]) if len(positions) == 1 else _joined([short(position) for position in positions])


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


class Trail:
    """Cursors along a merged feed, one event after another.

    Args:
        positions: Where the feed starts, in each shard.
    """

    def __init__(self, positions: Sequence[int]) -> None:
        self._digits = [short(position) for position in positions]

    def move(self, shard: int, position: int) -> str:
        """The cursor behind the next event, which is the n-th of its shard."""
        self._digits[shard] = short(position)
        return _joined(self._digits)


def short(number: int) -> str:
    """A number to the base 36."""
    if number < 36:
        return _DIGITS[number]
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _joined(digits: Sequence[str]) -> str:
    return f"v:{'.'.join(digits)}"


def _is_number(cursor: str) -> bool:
    return cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS
