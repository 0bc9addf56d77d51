"""Lists, windows and counts of sessions.

Sorted by creation or activity, without a filter or by status alone, the indexes answer; a filter's other
terms are tried on the documents, in pieces, and other orders sort the keys of all that pass. An answer is put
together from several reads: a session that is deleted in between is left out.

All shards of a store are read as one: ranges of the same index in all of them are merged as they are walked.
"""

from __future__ import annotations

import bisect
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from nexus.model import Page, Session, Window
from nexus.query import Query, compile_predicate
from nexus.stores import codec, ordering
from nexus.stores.base import Order, SortField
from nexus.stores.due import FEW, due_by
from nexus.stores.redis import entries
from nexus.stores.redis.links import Link, ask
from nexus.stores.redis.ranks import strided
from nexus.stores.redis.records import documents_of
from nexus.stores.redis.source import Range, Source, ranges_of, source_of, statuses_of
from nexus.stores.redis.walk import sizes_of, walk
from nexus.stores.strides import among

_PIECE: Final = 500
_CHILDREN: Final = "children"
_RARE: Final = 4


class Row(msgspec.Struct, frozen=True):
    """A session's place in a list."""

    value: ordering.Value
    id: str


class Listing:
    """Sessions in bulk.

    Args:
        links: All shards, in their order.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links

    async def page(self, query: Query, order: Order, cursor: str | None, limit: int, now: float) -> Page[Session]:
        """See ``Store.list_sessions``."""
        behind = None if cursor is None else ordering.read_order_cursor(cursor, order)
        most, source = max(limit, 0), await self._source(query, now)
        rows: list[Row] = []
        async for piece in self._rows(query, source, order, behind, now, most + 1):
            rows.extend(piece)
            if len(rows) > most:
                break
        items = await self._load(rows[:most])
        more = items and len(rows) > most
        following = ordering.write_cursor(str(order), rows[most - 1].value, rows[most - 1].id) if more else None
        return Page(items=tuple(items), next_cursor=following)

    async def window(self, query: Query, order: Order, ranks: range, now: float) -> Window[Session]:
        """See ``Store.window``."""
        source = await self._source(query, now)
        index = await self._index(source, order)
        if source.exact and index is not None and (source.whole or index == source.by_created):
            sizes = await sizes_of(self._links, index)
            found, ranks = await strided(self._links, index, sizes, ranks, descending=order.descending)
            total, rows = sum(sizes), [_row(entry) for entry in found]
        else:
            total, rows = await self._counted(query, source, order, ranks, now)
        whole = total if source.exact and source.whole else await self._size(ranges_of(self._links, "created"))
        items = tuple(await self._load(rows))
        return Window(items=items, offset=ranks.start, total=total, whole=whole, stride=ranks.step)

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        source = await self._source(query, now)
        if source.exact:
            return await self._size(source.by_created)
        return sum([len(piece) async for piece in self._passing(query, source, source.by_created, now)])

    async def children(self, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        behind = None
        if cursor is not None:
            value, tie = ordering.read_cursor(cursor, _CHILDREN)
            behind = entries.timed(float(value or 0.0), tie)
        most, ranges = max(limit, 0), ranges_of(self._links, "parent", session_id.encode() + b"\0")
        found: list[bytes] = []
        async for piece in walk(self._links, ranges, descending=False, behind=behind, first=most + 1, most=most + 1):
            found.extend(piece)
            if len(found) > most:
                break
        rows = [_row(entry) for entry in found]
        items = await self._load(rows[:most])
        more = items and len(rows) > most
        following = ordering.write_cursor(_CHILDREN, rows[most - 1].value, rows[most - 1].id) if more else None
        return Page(items=tuple(items), next_cursor=following)

    async def due(self, now: float, limit: int) -> list[str]:
        """See ``Store.due``."""
        most = max(limit, 0)
        replies = await ask(
            self._links,
            [
                (one.link, ("ZRANGEBYSCORE", one.key, "-inf", repr(now), "WITHSCORES", "LIMIT", 0, most))
                for one in ranges_of(self._links, "due")
            ],
        )
        pairs = [pair for reply in replies for pair in zip(reply[1::2], reply[::2], strict=True)]
        found = sorted((float(score), name) for score, name in pairs)
        return [name.decode() for _, name in found[:most]]

    async def _due_by(self, by: float) -> AsyncIterator[list[bytes]]:
        """Entries of what is due by a time, in no order."""
        dues = ranges_of(self._links, "due")
        replies = await ask(self._links, [(one.link, ("ZRANGEBYSCORE", one.key, "-inf", repr(by))) for one in dues])
        names = [name for reply in replies for name in reply]
        for first in range(0, len(names), _PIECE):
            yield [entries.timed(0.0, name.decode()) for name in names[first : first + _PIECE]]

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """See ``Store.ended_before``."""
        return await self._until("ended", b"(" + entries.sortable(before), limit)

    async def _until(self, index: str, end: bytes, limit: int) -> list[str]:
        most = max(limit, 0)
        replies = await ask(
            self._links,
            [(one.link, ("ZRANGEBYLEX", one.key, "-", end, "LIMIT", 0, most)) for one in ranges_of(self._links, index)],
        )
        found = sorted(entry for reply in replies for entry in reply)
        return [entries.id_of(entry) for entry in found[:most]]

    async def _load(self, rows: Sequence[Row]) -> list[Session]:
        replies = await documents_of(self._links, [row.id for row in rows], ("d", "s"))
        return [session for reply in replies if (session := _decoded(reply)) is not None]

    async def _source(self, query: Query, now: float) -> Source:
        """Where to look; by way of what is due, where that is little of what else would be read."""
        source = source_of(query, self._links)
        by = None if source.narrow else due_by(query, statuses_of(query), now)
        if by is None:
            return source
        dues = ranges_of(self._links, "due")
        counts = await ask(self._links, [(one.link, ("ZCOUNT", one.key, "-inf", repr(by))) for one in dues])
        if sum(counts) * FEW > await self._size(source.by_created):
            return source
        return msgspec.structs.replace(source, narrow=True, due_by=by)

    async def _size(self, ranges: Sequence[Range]) -> int:
        return sum(await sizes_of(self._links, ranges))

    async def _index(self, source: Source, order: Order) -> tuple[Range, ...] | None:
        """The ranges that are in this order, and hold what can pass and not very much else."""
        if source.due_by is not None:
            return None
        if order.field is SortField.CREATED:
            return source.by_created
        if order.field is not SortField.ACTIVITY or source.narrow:
            return None
        by_activity = ranges_of(self._links, "activity")
        if not source.whole and await self._size(source.by_created) * _RARE < await self._size(by_activity):
            return None
        return by_activity

    async def _rows(
        self,
        query: Query,
        source: Source,
        order: Order,
        behind: tuple[ordering.Value, str] | None,
        now: float,
        first: int,
    ) -> AsyncIterator[list[Row]]:
        """All that pass, in order."""
        index = await self._index(source, order)
        if index is None:
            keys = await self._sorted(query, source, order, now)
            start = 0 if behind is None else bisect.bisect_right(keys, _Turned.of(behind, order))
            yield [Row(key.key[1] if key.key[0] else None, key.key[2]) for key in keys[start : start + first]]
            return
        place = None if behind is None else entries.timed(float(behind[0] or 0.0), behind[1])
        exact = source.exact and index == source.by_created
        if exact or (source.exact and source.whole):
            async for piece in walk(
                self._links, index, descending=order.descending, behind=place, first=first, most=_PIECE
            ):
                yield [_row(entry) for entry in piece]
            return
        async for found in self._passing(query, source, index, now, descending=order.descending, behind=place):
            yield [_row(entry) for entry, _ in found]

    async def _counted(
        self, query: Query, source: Source, order: Order, ranks: range, now: float
    ) -> tuple[int, list[Row]]:
        """How many pass, and the rows at some ranks; of those that are only passed, nothing is kept."""
        rows: list[Row] = []
        total = 0
        known = source.exact and await self._index(source, order) is not None
        async for piece in self._rows(query, source, order, None, now, _PIECE if known else 1 << 62):
            rows.extend(among(piece, total, ranks))
            total += len(piece)
            if known and total >= ranks.stop:
                break
        return await self._size(source.by_created) if known else total, rows

    async def _sorted(self, query: Query, source: Source, order: Order, now: float) -> list[_Turned]:
        keys = [
            _Turned(ordering.key_of(session, order.field), order.descending)
            async for piece in self._passing(query, source, source.by_created, now)
            for _, session in piece
        ]
        keys.sort()
        return keys

    async def _passing(
        self,
        query: Query,
        source: Source,
        ranges: Sequence[Range],
        now: float,
        *,
        descending: bool = True,
        behind: bytes | None = None,
    ) -> AsyncIterator[list[tuple[bytes, Session]]]:
        """Entries and sessions that pass, read in pieces; without their state where the filter needs none."""
        passes = compile_predicate(query)
        fields = ("d", "s") if source.needs_state else ("d",)
        if source.due_by is not None:
            pieces = self._due_by(source.due_by)
        else:
            pieces = walk(self._links, ranges, descending=descending, behind=behind, first=64, most=_PIECE)
        async for piece in pieces:
            replies = await documents_of(self._links, [entries.id_of(entry) for entry in piece], fields)
            found = []
            for entry, reply in zip(piece, replies, strict=True):
                session = _decoded(reply)
                if session is not None and passes(session, now):
                    found.append((entry, session))
            yield found


class _Turned(msgspec.Struct, frozen=True):
    """A key that sorts in the direction of its list."""

    key: ordering.Key
    descending: bool

    def __lt__(self, other: _Turned) -> bool:
        return other.key < self.key if self.descending else self.key < other.key

    @classmethod
    def of(cls, place: tuple[ordering.Value, str], order: Order) -> _Turned:
        return cls(ordering.as_key(*place), order.descending)


def _row(entry: bytes) -> Row:
    return Row(entries.number_of(entry[: entries.DIGITS]), entry[entries.DIGITS :].decode())


def _decoded(reply: Any) -> Session | None:
    if reply[0] is None:
        return None
    return codec.decode_session(reply[0], reply[1] if len(reply) > 1 else codec.EMPTY_STATE)
