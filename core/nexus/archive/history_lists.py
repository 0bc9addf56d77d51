"""Lists, windows and counts of the sessions that were let go, on one connection. Plain synchronous code.

Keys are looked for first, in the indexes; only the rows that are shown are read whole. What SQL can only
sieve goes through ``history_scan``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from nexus.archive.history_scan import Scan
from nexus.archive.queries import Clause, Filter, compile_filter, stored
from nexus.archive.queries_order import INDEXED, behind, ordering_of, turned
from nexus.archive.tables import sessions
from nexus.model import Page, Session, Window
from nexus.query import Query
from nexus.stores import codec, ordering
from nexus.stores.base import Order
from nexus.stores.ordering import Key

Stop = Callable[[], None]
"""Raises when nobody waits for the answer any more."""

_CHILDREN: Final = "children"
_MOST: Final = 2**62
_CHUNK: Final = 500
_SWEPT: Final = 16
"""Places that are counted for at once, in orders that have no index."""


class Lists:
    """One filter on one connection.

    Args:
        connection: In a transaction that sees one moment.
        query: The filter.
        now: Seconds since the epoch, for ages.
        stop: Called between pieces of a long answer.
    """

    def __init__(self, connection: Connection, query: Query, now: float, stop: Stop) -> None:
        self._connection = connection
        self._everything = not query.terms
        self._filter: Filter = compile_filter(query, now)
        self._scan = Scan(connection, self._filter, query, now, stop)

    def page(self, order: Order, cursor: str | None, limit: int) -> Page[Session]:
        """A page by key."""
        place = None if cursor is None else ordering.as_key(*ordering.read_order_cursor(cursor, order))
        most = clamp(limit)
        find = self._ids if self._filter.exact else self._scan.page
        ids = find(order, place, most + 1)
        items = load(self._connection, ids[:most])
        more = items and len(ids) > most
        return Page(items=tuple(items), next_cursor=ordering.write_order_cursor(items[-1], order) if more else None)

    def window(self, order: Order, ranks: range) -> Window[Session]:
        """Rows by rank, with how many there are."""
        if self._filter.exact:
            total = self._count()
            ids = self._ranked(order, range(total)[ranks.start : ranks.stop : ranks.step], total)
        else:
            total, ids = self._scan.window(order, ranks)
        items = tuple(load(self._connection, ids))
        every = total if self._everything else whole(self._connection)
        return Window(items=items, offset=ranks.start, total=total, whole=every, stride=ranks.step)

    def count(self) -> int:
        """How many match."""
        return self._count() if self._filter.exact else self._scan.count()

    def split(self, order: Order, places: Sequence[Key], first: int, rank: int) -> int:
        """See ``History.split``."""
        if not self._filter.exact:
            return self._scan.split(order, places, first, rank)
        if order.field in INDEXED:
            return self._halved(order, places, first, rank)
        return self._swept(order, places, first, rank)

    def _halved(self, order: Order, places: Sequence[Key], first: int, rank: int) -> int:
        """Looks for the one place by halves: places rise with their ranks, and each count reads part of an index."""
        low, high = 0, len(places)
        known: tuple[Key, int] | None = None
        while low < high:
            middle = (low + high) // 2
            before = self._before(order, places[middle], known)
            known = places[middle], before
            low, high = (middle + 1, high) if first + middle + before < rank else (low, middle)
        return low

    def _before(self, order: Order, place: Key, known: tuple[Key, int] | None) -> int:
        """How many come before a place, counted from one nearby of which that is known."""
        if known is None:
            return self._part(order, behind(turned(order), place))
        other, before = known
        if (place > other) is order.descending:
            return before - self._part(order, behind(order, place), behind(turned(order), other))
        return before + self._part(order, behind(order, other), behind(turned(order), place))

    def _swept(self, order: Order, places: Sequence[Key], first: int, rank: int) -> int:
        """Looks for it in few steps, each of which reads all rows once and counts for many places."""
        low, high = 0, len(places)
        while low < high:
            some = range(low, high, max(1, (high - low) // _SWEPT))
            counts = [func.count().filter(behind(turned(order), places[index])) for index in some]
            row = self._connection.execute(select(*counts).select_from(sessions).where(self._filter.clause)).one()
            passed = sum(first + index + before < rank for index, before in zip(some, row, strict=True))
            low, high = (some[passed - 1] + 1 if passed else low), (some[passed] if passed < len(some) else high)
        return low

    def _count(self) -> int:
        return count_rows(self._connection, self._filter.counting())

    def _part(self, order: Order, *parts: Clause) -> int:
        return count_rows(self._connection, self._filter.sorting(order.field), *parts)

    def _ranked(self, order: Order, ranks: range, total: int) -> list[str]:
        if not ranks:
            return []
        if ranks.step > 1:
            return self._strided(order, ranks)
        if ranks.start > total // 2:
            # Ranks near the end are counted from the end.
            return self._ids(turned(order), None, len(ranks), total - ranks.stop)[::-1]
        return self._ids(order, None, len(ranks), ranks.start)

    def _strided(self, order: Order, ranks: range) -> list[str]:
        """Ids at some ranks, read in one pass that numbers the places of all."""
        number = (func.row_number().over(order_by=ordering_of(order)) - 1 - ranks.start).label("number")
        rows = select(sessions.c.id, number).where(self._filter.sorting(order.field)).subquery()
        wanted = rows.c.number.between(0, ranks.stop - 1 - ranks.start), rows.c.number % ranks.step == 0
        statement = select(rows.c.id).where(*wanted).order_by(rows.c.number)
        return list(self._connection.execute(statement).scalars())

    def _ids(self, order: Order, place: Key | None, limit: int, offset: int = 0) -> list[str]:
        statement = select(sessions.c.id).where(self._filter.sorting(order.field))
        if place is not None:
            statement = statement.where(behind(order, place))
        statement = statement.order_by(*ordering_of(order)).limit(limit).offset(offset)
        return list(self._connection.execute(statement).scalars())


def whole(connection: Connection) -> int:
    """How many sessions were let go."""
    return count_rows(connection, sessions.c.gone_at.is_not(None))


def count_rows(connection: Connection, *clauses: Clause) -> int:
    """How many sessions there are for which all of it holds."""
    statement = select(func.count()).select_from(sessions).where(*clauses)
    return int(connection.execute(statement).scalar_one())


def load(connection: Connection, ids: Sequence[str]) -> list[Session]:
    """Sessions by id, in the order of the ids."""
    found: dict[str, Session] = {}
    columns = sessions.c
    for start in range(0, len(ids), _CHUNK):
        names = list(ids[start : start + _CHUNK])
        rows = connection.execute(select(columns.id, columns.document, columns.state).where(columns.id.in_(names)))
        found.update((name, codec.decode_session(document, state)) for name, document, state in rows)
    return [found[name] for name in ids if name in found]


def children(connection: Connection, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
    """Direct children in order of creation."""
    order = Order(descending=False)
    most = clamp(limit)
    statement = select(sessions.c.id).where(sessions.c.parent_id == stored(session_id), sessions.c.gone_at.is_not(None))
    if cursor is not None:
        value, tie = ordering.read_cursor(cursor, _CHILDREN)
        statement = statement.where(behind(order, ordering.as_key(value or 0.0, tie)))
    statement = statement.order_by(*ordering_of(order)).limit(most + 1)
    ids = list(connection.execute(statement).scalars())
    items = load(connection, ids[:most])
    more = items and len(ids) > most
    following = ordering.write_cursor(_CHILDREN, items[-1].created_at, items[-1].id) if more else None
    return Page(items=tuple(items), next_cursor=following)


def clamp(number: int) -> int:
    """A number of rows that every database takes."""
    return min(max(number, 0), _MOST)
