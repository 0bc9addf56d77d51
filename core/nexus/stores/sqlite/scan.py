"""Filters that SQL can only sieve: the predicate looks at every row that is left.

Rows come in lumps: SQLite puts the documents of several hundred rows together, and they are decoded at
once. Row by row, the thread would have to win Python's global lock back a million times, from
an event loop that may be busy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from nexus.model import Session
from nexus.query import Query, compile_predicate
from nexus.stores import codec, ordering
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import Value
from nexus.stores.sqlite.compiler import STATE
from nexus.stores.sqlite.select import INDEXED, Source
from nexus.stores.strides import among

_LUMP: Final = 500
_LUMP_OF_STATES: Final = 50
"""States may be a megabyte each."""

_TOGETHER: Final = ", ".join(f"CAST(group_concat(CAST({column} AS TEXT)) AS BLOB)" for column in ("k", "d", "t"))

_PLACES: Final = {
    SortField.CREATED: attrgetter("created_at", "id"),
    SortField.ACTIVITY: attrgetter("last_activity", "id"),
    SortField.ID: attrgetter("id"),
}

_sessions = msgspec.json.Decoder(list[Session])
_keys = msgspec.json.Decoder(list[int])
_states = msgspec.json.Decoder(list[msgspec.Raw])


class Scan:
    """One filter over all sessions, inside a read transaction.

    Args:
        connection: In that transaction.
        source: The rows that may match.
        query: What decides.
        now: Seconds since the epoch, for ages.
        stop: Called between lumps; raises where the answer is no longer wanted.
    """

    def __init__(
        self, connection: sqlite3.Connection, source: Source, query: Query, now: float, stop: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._source = source
        self._passes = compile_predicate(query)
        self._now = now
        self._stop = stop
        self._size = _LUMP_OF_STATES if source.filter.reads_state else _LUMP

    def count(self) -> int:
        """How many match."""
        return sum(1 for _ in self._matching(Order(SortField.CREATED)))

    def page(self, order: Order, behind: tuple[Value, str] | None, limit: int) -> list[int]:
        """Keys of the first matches behind a place."""
        if order.field in INDEXED:
            return [key for key, _ in _first(self._matching(order, behind), limit)]
        found = self._sorted(order)
        if behind is not None:
            place = ordering.as_key(*behind)
            found = [match for match in found if (match[0] < place if order.descending else match[0] > place)]
        return [key for _, key in found[:limit]]

    def window(self, order: Order, ranks: range) -> tuple[int, list[int]]:
        """How many match, and the keys of some by rank."""
        if order.field not in INDEXED:
            found = self._sorted(order)
            return len(found), [key for _, key in among(found, 0, ranks)]
        total, keys = 0, []
        for key, _ in self._matching(order):
            if total in ranks:
                keys.append(key)
            total += 1
        return total, keys

    def _sorted(self, order: Order) -> list[tuple[ordering.Key, int]]:
        matches = self._matching(Order(SortField.CREATED))
        found = [(ordering.key_of(session, order.field), key) for key, session in matches]
        found.sort(reverse=order.descending)
        return found

    def _matching(self, order: Order, behind: tuple[Value, str] | None = None) -> Iterator[tuple[int, Session]]:
        passes, now = self._passes, self._now
        while True:
            lump = self._lump(order, behind)
            for key, session in lump:
                if passes(session, now):
                    yield key, session
            if len(lump) < self._size:
                return
            last = lump[-1][1]
            behind = ordering.value_of(last, order.field), last.id
            self._stop()

    def _lump(self, order: Order, behind: tuple[Value, str] | None) -> list[tuple[int, Session]]:
        state = STATE if self._source.filter.reads_state else "'{}'"
        statement, values = self._source.rows(
            f"s.key AS k, s.document AS d, {state} AS t", order, behind=behind, limit=self._size
        )
        row = self._connection.execute(
            f"SELECT {_TOGETHER} FROM ({statement})",  # noqa: S608
            values,
        ).fetchone()
        if row[0] is None:
            return []
        keys, sessions, states = (b"[" + part + b"]" for part in row)
        lump = list(zip(_keys.decode(keys), _decoded(sessions), strict=True))
        for (_, session), state_json in zip(lump, _states.decode(states), strict=True):
            force_setattr(session, "state_json", bytes(state_json))
        # SQLite doesn't promise that it puts rows together in their order.
        place = _PLACES[order.field]
        lump.sort(key=lambda pair: place(pair[1]), reverse=order.descending)
        return lump


def _decoded(documents: bytes) -> list[Session]:
    try:
        return _sessions.decode(documents)
    except msgspec.ValidationError:
        # A newer version has added something to some of them.
        return [codec.decode_session(bytes(each), codec.EMPTY_STATE) for each in _states.decode(documents)]


def _first(matches: Iterator[tuple[int, Session]], limit: int) -> list[tuple[int, Session]]:
    return [match for match, _ in zip(matches, range(limit), strict=False)]
