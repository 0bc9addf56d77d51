"""A sorted list as it was: the present one without the sessions that were touched since, with what these were then.

What is read of the present one is the rows that are shown, and some landmarks to find where they begin.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence

from nexus.model import Session, Window
from nexus.stores.base import Order
from nexus.stores.ordering import key_of

Ask = Callable[[int, int, int], Awaitable[Window[Session]]]
"""Rows of the present list: from which rank, how many, and how far apart; those may be fewer, and farther apart."""
_NEAR = 400
_MOST = 1000
_LANDMARKS = 64


class Ranking:
    """Keys of some sessions in a list's order, to tell how many come before another."""

    def __init__(self, sessions: Sequence[Session], order: Order) -> None:
        self._order = order
        self.sessions = sorted(sessions, key=self._key, reverse=order.descending)
        self._keys = sorted(map(self._key, sessions))

    def before(self, session: Session) -> int:
        """How many come before a session."""
        if not self._order.descending:
            return bisect_left(self._keys, self._key(session))
        # Equal keys are the same session.
        at = bisect_left(self._keys, self._key(session))
        same = at < len(self._keys) and self._keys[at] == self._key(session)
        return len(self._keys) - at - same

    def comes_first(self, one: Session, other: Session) -> bool:
        """Whether one comes before another."""
        return (self._key(one) > self._key(other)) is self._order.descending

    def _key(self, session: Session) -> tuple[bool, str | float, str]:
        return key_of(session, self._order.field)


async def overlaid(
    ask: Ask, order: Order, now: Sequence[Session], then: Sequence[Session], offset: int, limit: int
) -> tuple[list[Session], int]:
    """Rows of the list as it was.

    Args:
        ask: Reads the present list.
        order: Its order.
        now: The touched sessions that are in the present list, as they are.
        then: The touched sessions that were in the list, as they were.
        offset: Rank of the first.
        limit: How many.

    Returns:
        The rows, and how many there were in all.
    """
    gone, back = Ranking(now, order), Ranking(then, order)
    low, high = await _around(ask, gone, back, offset)
    touched = {each.id for each in now} | {each.id for each in then}
    rows: list[Session] = []
    first: int | None = None
    at, place, total, most = low, 0, 0, max(limit + high - low, 50)
    while True:
        found = await ask(at, min(most, _MOST), 1)
        # Where all rows are touched ones, many have to be passed.
        total, most = found.total, most * 2
        for row in found.items:
            if first is None:
                place = back.before(row) if at or low else 0
                first = low - gone.before(row) + place
            if row.id in touched:
                continue
            while place < len(back.sessions) and back.comes_first(back.sessions[place], row):
                rows.append(back.sessions[place])
                place += 1
            rows.append(row)
        at += len(found.items)
        if not found.items or at >= total:
            rows += back.sessions[place:] if first is not None else back.sessions
            break
        if first is not None and first + len(rows) >= offset + limit:
            break
    begin = max(offset - (first or 0), 0)
    return rows[begin : begin + limit], total - len(now) + len(then)


async def _around(ask: Ask, gone: Ranking, back: Ranking, offset: int) -> tuple[int, int]:
    """Two ranks in the present list, not far apart: the row at the first, if there is one before the other, came up to
    ``offset`` then."""
    low, high = max(offset - len(back.sessions), 0), offset + len(gone.sessions)
    while high - low > _NEAR:
        step = -(-(high - low) // (_LANDMARKS + 1))
        found = await ask(low + step, _LANDMARKS, step)
        ranks = range(low + step, high, found.stride)
        places = [rank - gone.before(row) + back.before(row) for rank, row in zip(ranks, found.items, strict=False)]
        passed = bisect_right(places, offset)
        high = min(ranks[passed] if passed < len(places) else high, found.total)
        low = ranks[passed - 1] if passed else low
    return low, max(high, low)
