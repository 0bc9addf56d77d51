"""AuditBook: the audit as rows of a table, newest first, read page by page as far as somebody looks.

What is held is bounded: the records of the newest pages and of those looked at last; of all others only the cursor that
brings them again, and how many they had. What is committed while it is looked at comes in at the top. It is a
``RowSource`` and a ``LocatingSource``. All work is on the app's own loop.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from nexus.model import Page
from nexus.model.audit import AuditRecord
from nexus_widgets import Row, RowWindow

PAGE: Final = 200
"""Records asked for at once."""
HELD: Final = 16
"""Pages behind the newest whose records are held."""
MOST_ON_TOP: Final = 2000
"""Records held of the newest page with what came in since; above it, the book begins anew."""

Read = Callable[[str | None, int], Awaitable[Page[AuditRecord]]]
"""Reads a page behind a cursor, newest first."""


@dataclass(slots=True)
class _Part:
    """Consecutive records: their number, and what brings them again."""

    cursor: str | None
    count: int
    records: tuple[AuditRecord, ...] = field(default=(), repr=False)


def key_of(record: AuditRecord) -> str:
    """What names a record: its number in its chain."""
    return f"{record.chain}:{record.seq}"


class AuditBook:
    """See the module's docstring."""

    def __init__(self, read: Read, row: Callable[[AuditRecord], Row], wish: Callable[[], None]) -> None:
        """Begin with nothing.

        Args:
            read: Reads a page.
            row: Writes a record's row.
            wish: Is called when somebody looks where nothing is read yet, and there is more.
        """
        self._read = read
        self._row = row
        self._wish = wish
        self._parts: list[_Part] = []
        self._starts: list[int] = []
        self._held: OrderedDict[int, None] = OrderedDict()
        self._next: str | None = None
        self.newer = 0
        """Records that came since and aren't shown: at least so many where it is a whole page."""
        self.is_begun = False
        """Whether anything was asked yet."""

    @property
    def total(self) -> int:
        """Records read so far."""
        return self._starts[-1] + self._parts[-1].count if self._parts else 0

    @property
    def has_more(self) -> bool:
        """Whether older ones may be behind those read."""
        return self._next is not None

    def record(self, key: str | None) -> AuditRecord | None:
        """A record that is held, by its key."""
        held = (record for part in self._parts for record in part.records)
        return next((record for record in held if key_of(record) == key), None)

    def newest(self) -> Sequence[AuditRecord]:
        """The records on top, to complete a filter from."""
        return self._parts[0].records if self._parts else ()

    # Reading

    async def read_on(self) -> int:
        """Read the next page; how many records it brought. A page without any may have others behind it.

        Raises:
            NexusError: The service's answer; nothing has changed then.
        """
        cursor = self._next
        page = await self._read(cursor, PAGE)
        if self.is_begun and cursor != self._next:
            # It began anew meanwhile.
            return 0
        self.is_begun, self._next = True, page.next_cursor
        if page.items:
            self._parts.append(_Part(cursor, len(page.items), tuple(page.items)))
            self._count()
            self._hold(len(self._parts) - 1)
        return len(page.items)

    async def look(self, *, show: bool) -> bool:
        """Look for records that were written since; whether what is shown changed.

        Args:
            show: Put them on top; otherwise they are only counted.

        Raises:
            NexusError: The service's answer; nothing has changed then.
        """
        page = await self._read(None, PAGE)
        known = {key_of(record): at for at, record in enumerate(self.newest())}
        if not page.items:
            return False
        met = [at for at, record in enumerate(page.items) if key_of(record) in known]
        fresh = sum(key_of(record) not in known for record in page.items[: met[-1]]) if met else len(page.items)
        if not show:
            self.newer = fresh
            return False
        self.newer = 0
        if not fresh and self._parts:
            return False
        if not met or len(self.newest()) + fresh > MOST_ON_TOP:
            self._begin_with(page)
            return True
        # Not only what stands above: records of different chains are put in order by their times.
        last = known[key_of(page.items[met[-1]])]
        self._parts[0].records = (*page.items[: met[-1] + 1], *self.newest()[last + 1 :])
        self._parts[0].count = len(self._parts[0].records)
        self._count()
        return True

    def _begin_with(self, page: Page[AuditRecord]) -> None:
        self._parts = [_Part(None, len(page.items), tuple(page.items))]
        self._held.clear()
        self._next, self.is_begun = page.next_cursor, True
        self._count()

    def _count(self) -> None:
        starts, at = [], 0
        for part in self._parts:
            starts.append(at)
            at += part.count
        self._starts = starts

    def _hold(self, number: int) -> None:
        """Keep the records of a page, and let go of the one that was looked at longest ago; the top stays."""
        if number == 0:
            return
        self._held[number] = None
        self._held.move_to_end(number)
        while len(self._held) > HELD:
            gone, _ = self._held.popitem(last=False)
            self._parts[gone].records = ()

    # What a table asks

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Some rows, read again where they were let go."""
        rows: list[Row] = []
        number = max(bisect_right(self._starts, offset) - 1, 0)
        while number < len(self._parts) and self._starts[number] < offset + limit:
            records = await self._records(number)
            start = self._starts[number] if number < len(self._starts) else 0
            rows += map(self._row, records[max(offset - start, 0) : max(offset + limit - start, 0)])
            number += 1
        if self.has_more and offset + limit >= self.total:
            self._wish()
        return RowWindow(offset, tuple(rows), self.total)

    async def _records(self, number: int) -> tuple[AuditRecord, ...]:
        part = self._parts[number]
        if not part.records:
            page = await self._read(part.cursor, PAGE)
            # An audit only grows; what a filter by age matches may have become less meanwhile.
            part.records = tuple(page.items[: part.count])
            if len(part.records) != part.count:
                part.count = len(part.records)
                self._count()
        if number < len(self._parts) and self._parts[number] is part:
            self._hold(number)
        return part.records

    async def locate(self, key: str) -> int | None:
        """Where a record is now, if it is held."""
        for start, part in zip(self._starts, self._parts, strict=True):
            for at, record in enumerate(part.records):
                if key_of(record) == key:
                    return start + at
        return None
