"""Filters that SQL can only sieve: the predicate looks at every row that is left, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from msgspec.structs import force_setattr
from sqlalchemy import Connection, Select, select

from nexus.archive.queries import Filter
from nexus.archive.queries_order import INDEXED, behind, ordering_of
from nexus.archive.tables import sessions
from nexus.model import Session
from nexus.query import Query, compile_predicate
from nexus.stores import codec, ordering
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import Key

_PIECE: Final = 500
_PIECE_OF_STATES: Final = 50
"""States may be a megabyte each."""

_CLOSE: Final = frozenset({SortField.CREATED, SortField.ID})
"""Orders in which all rows can be read without jumping to and fro, because they were written nearly in it."""


class Scan:
    """One filter over all sessions that were let go.

    Args:
        connection: In a transaction that sees one moment.
        filtered: What SQL can say.
        query: What decides.
        now: Seconds since the epoch, for ages.
        stop: Called between pieces; raises where the answer is no longer wanted.
    """

    def __init__(
        self,
        connection: Connection,
        filtered: Filter,
        query: Query,
        now: float,
        stop: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._filter = filtered
        self._passes = compile_predicate(query)
        self._now = now
        self._stop = stop
        self._seen = 0

    def count(self) -> int:
        """How many match."""
        return sum(1 for _ in self._matching(self._rows()))

    def page(self, order: Order, place: Key | None, limit: int) -> list[str]:
        """Ids of the first matches behind a place."""
        return [key[-1] for key in islice(self._keys(order, place, streamed=order.field in INDEXED), limit)]

    def window(self, order: Order, ranks: range) -> tuple[int, list[str]]:
        """How many match, and the ids of some by rank."""
        total, ids = 0, []
        for key in self._keys(order, None, streamed=order.field in _CLOSE):
            if total in ranks:
                ids.append(key[-1])
            total += 1
        return total, ids

    def split(self, order: Order, places: Sequence[Key], first: int, rank: int) -> int:
        """See ``History.split``."""
        found = 0
        for before, key in enumerate(self._keys(order, None, streamed=order.field in _CLOSE)):
            while found < len(places) and _precedes(places[found], key, order):
                if first + found + before >= rank:
                    return found
                found += 1
            if found == len(places) or first + found + before >= rank:
                return found
        # All other places come behind everything that matches.
        return max(found, min(len(places), rank - first - self._seen))

    def _keys(self, order: Order, place: Key | None, *, streamed: bool) -> Iterator[Key]:
        """Places of those that match, in order: as the database reads them in it, or sorted here.

        Sorting the places of those that match is less than sorting the documents of all.
        """
        self._seen = 0
        rows = self._rows()
        if streamed:
            rows = rows.order_by(*ordering_of(order))
        if place is not None:
            rows = rows.where(behind(order, place))
        keys: Iterator[Key] = (ordering.key_of(session, order.field) for session in self._matching(rows))
        for key in keys if streamed else sorted(keys, reverse=order.descending):
            self._seen += 1
            yield key

    def _rows(self) -> Select[Any]:
        columns = sessions.c
        wanted = (columns.document, columns.state) if self._filter.reads_state else (columns.document,)
        return select(*wanted).where(self._filter.clause)

    def _matching(self, rows: Select[Any]) -> Iterator[Session]:
        passes, now = self._passes, self._now
        size = _PIECE_OF_STATES if self._filter.reads_state else _PIECE
        with self._connection.execute(rows, execution_options={"yield_per": size}) as result:
            for piece in result.partitions():
                for document, *state in piece:
                    session = codec.decode_session(document, codec.EMPTY_STATE)
                    if state:
                        force_setattr(session, "state_json", state[0])
                    if passes(session, now):
                        yield session
                self._stop()


def _precedes(one: Key, other: Key, order: Order) -> bool:
    return one > other if order.descending else one < other
