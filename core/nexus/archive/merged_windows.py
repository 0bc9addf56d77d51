"""Windows by rank over the live store and history together.

Both can say what stands at a rank of their own, and the question is how a rank among all divides into one of each.
That is searched for: some rows of the live store are read, and history says how many of them come before the
rank, since it can count what it has before a key. The number of steps grows with the logarithm of what the live
store has, and there are none where one side has nothing, or at the start of the list.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from nexus.archive.history import History
from nexus.archive.merged_lists import in_order
from nexus.model import Session, Window
from nexus.query import Query
from nexus.stores import ordering
from nexus.stores.base import Order, Store
from nexus.stores.strides import looked_for

AT_ONCE: Final = 256
"""Rows of the live store that one step reads."""


class Windows:
    """One filter in one order, over both.

    Args:
        live: The live store; it is always asked first.
        history: What it has let go.
        query: The filter.
        order: The order.
        now: Seconds since the epoch, for ages.
    """

    def __init__(self, live: Store, history: History, query: Query, order: Order, now: float) -> None:
        self._live = live
        self._history = history
        self._query = query
        self._order = order
        self._now = now

    async def strided(self, ranks: range) -> Window[Session]:
        """The rows at some ranks; where both sides have some of them, few, since each is searched for."""
        live, past = await self._of_live(0, 0), await self._of_past(0, 0)
        total, whole = live.total + past.total, live.whole + past.whole
        there = range(total)[ranks.start : ranks.stop : ranks.step]
        found = await self._of_one_side(there, live.total, past.total)
        if found is None:
            return await looked_for(self.window, ranks.start, len(there), ranks.step)
        return replace(found, offset=ranks.start, total=total, whole=whole)

    async def _of_one_side(self, ranks: range, live: int, past: int) -> Window[Session] | None:
        """The rows at some ranks, if all that is between them is on one side."""
        span = ranks[-1] + 1 - ranks[0] if ranks else 0
        before = await self._live_before(ranks.start, live, past)
        passed = await self._live_before(ranks.start + span, live, past) - before
        if passed == span:
            return await self._of_live(before, len(ranks), ranks.step)
        if passed == 0:
            return await self._of_past(ranks.start - before, len(ranks), ranks.step)
        return None

    async def window(self, offset: int, limit: int) -> Window[Session]:
        """See ``Store.window``. A session that is being let go at this moment may count twice in the totals."""
        first, most = max(offset, 0), max(limit, 0)
        live = await self._of_live(first, most)
        # The right place where all that is live comes first, as it mostly does.
        guess = max(0, first - live.total)
        past = await self._of_past(guess, most)
        total, whole = live.total + past.total, live.whole + past.whole
        items: tuple[Session, ...] = ()
        if not past.total:
            items = live.items
        elif first < total and most:
            before = await self._live_before(first, live.total, past.total)
            live_rows = live.items if before == first else (await self._of_live(before, most)).items
            past_rows = past.items if first - before == guess else (await self._of_past(first - before, most)).items
            items = tuple(in_order(live_rows, past_rows, self._order)[:most])
        return Window(items=items, offset=offset, total=total, whole=whole)

    async def _live_before(self, rank: int, live: int, past: int) -> int:
        """How many live rows come before a rank among all."""
        low, high = max(0, rank - past), min(rank, live)
        turn = 0
        while low < high:
            width = min(AT_ONCE, high - low)
            # Mostly one side comes before the other as a whole, or nearly; then it is one of the ends.
            start = (high - width, low, (low + high - width) // 2)[min(turn, 2)]
            found = await self._split(start, width, rank)
            if found is None:
                return low
            if 0 < found < width:
                return start + found
            low, high = (low, start) if found == 0 else (start + width, high)
            turn += 1
        return low

    async def _split(self, start: int, width: int, rank: int) -> int | None:
        rows = (await self._of_live(start, width)).items
        if len(rows) < width:
            return None  # it has fewer than a moment ago; any answer is as good
        places = [ordering.key_of(session, self._order.field) for session in rows]
        return await self._history.split(self._query, self._order, places, first=start, rank=rank, now=self._now)

    async def _of_live(self, offset: int, limit: int, stride: int = 1) -> Window[Session]:
        return await self._live.window(
            self._query, self._order, offset=offset, limit=limit, now=self._now, stride=stride
        )

    async def _of_past(self, offset: int, limit: int, stride: int = 1) -> Window[Session]:
        return await self._history.window(
            self._query, self._order, offset=offset, limit=limit, now=self._now, stride=stride
        )
