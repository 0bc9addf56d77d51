"""Keys of sessions by rank, for filters that SQL answers exactly.

In the orders that have an index, rows that are left out are passed in it. In any other order all rows would have to be
sorted; but some thousand rows, picked by nothing but their keys, tell nearly where in the order a rank lies. So the
rows before that part are only counted, and no others are sorted than those in it: a third of the time or less. What
is counted proves it; where the guess was wrong, everything is sorted.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from nexus.stores import ordering
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import Value
from nexus.stores.sqlite.ranks import skip_to
from nexus.stores.sqlite.select import INDEXED, SORTS, Source

_NEAR: Final = 10_000
"""Rows that are rather sorted than looked at twice."""

_PICKED: Final = 4096
"""So many keys are picked; a rank is met within a few hundredths of all rows then."""

_LEAST: Final = 256
"""So many of them have to pass the filter."""

_DEVIATIONS: Final = 4
"""How many standard deviations a rank may lie beside where the picked rows say."""

Place = tuple[Value, str]
"""What a row is sorted by, and its id."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a list between two places, both left out, and how many rows come before them."""

    behind: Place | None = None
    before: Place | None = None
    passed: int = 0


_WHOLE: Final = _Part()


def keys_at(connection: sqlite3.Connection, source: Source, order: Order, ranks: range, total: int) -> list[int]:
    """Keys at some ranks.

    Args:
        connection: In a read transaction.
        source: The rows.
        order: In which order.
        ranks: Which are wanted, none of them beyond the end.
        total: How many rows there are.
    """
    if not ranks:
        return []
    if ranks.start > total // 2:
        # Ranks near the end are counted from the end.
        turned = range(total)[::-1][ranks.start : ranks[-1] + 1 : ranks.step]
        mirrored = range(turned[-1], turned[0] + 1, ranks.step)
        return _from_here(connection, source, Order(order.field, not order.descending), mirrored, total)[::-1]
    return _from_here(connection, source, order, ranks, total)


def keys_of(connection: sqlite3.Connection, source: Source, order: Order, **place: Any) -> list[int]:
    """Keys from a place on; see ``Source.rows``."""
    statement, values = source.rows("s.key", order, **place)
    return [row[0] for row in connection.execute(statement, values)]


def _from_here(connection: sqlite3.Connection, source: Source, order: Order, ranks: range, total: int) -> list[int]:
    if order.field in INDEXED and not source.filter.narrow:
        return _passed(connection, source, order, ranks)
    part = _part(connection, source, order, ranks, total)
    keys = _sorted(connection, source, order, ranks, part)
    if len(keys) < len(ranks) and part is not _WHOLE:
        return _sorted(connection, source, order, ranks, _WHOLE)
    return keys


def _passed(connection: sqlite3.Connection, source: Source, order: Order, ranks: range) -> list[int]:
    """Keys in an order that has an index: from each, the rows up to the next are passed in it."""
    found: tuple[float, int] | None = None
    if order.field is SortField.ACTIVITY and source.counted:
        found = skip_to(connection, source.statuses, ranks.start, source.most, descending=order.descending)
    start, passed = found or (None, 0)
    if ranks.step == 1:
        return keys_of(connection, source, order, start=start, limit=len(ranks), offset=ranks.start - passed)
    statement, values = source.rows("s.key", order, start=start, limit=1, offset=ranks.start - passed)
    keys: list[int] = []
    while row := connection.execute(statement, values).fetchone():
        keys.append(row[0])
        if len(keys) == len(ranks):
            break
        statement, values = source.rows("s.key", order, behind=(row[1], row[2]), limit=1, offset=ranks.step - 1)
    return keys


def _sorted(connection: sqlite3.Connection, source: Source, order: Order, ranks: range, part: _Part) -> list[int]:
    """Keys in an order that has no index, out of a part of the list."""
    first = ranks.start - part.passed
    if ranks.step == 1 or ranks[-1] < _NEAR:
        # Near the start the rows between are read as well: to number any, all would have to be sorted.
        most = ranks[-1] - ranks.start + 1
        keys = keys_of(connection, source, order, behind=part.behind, before=part.before, limit=most, offset=first)
        return keys[:: ranks.step]
    statement, values = source.numbered("s.key", order, behind=part.behind, before=part.before)
    rows = connection.execute(
        f"SELECT key FROM ({statement}) WHERE number >= ? AND (number - ?) % ? = 0 ORDER BY number LIMIT ?",  # noqa: S608
        [*values, first, first, ranks.step, len(ranks)],
    )
    return [key for (key,) in rows]


def _part(connection: sqlite3.Connection, source: Source, order: Order, ranks: range, total: int) -> _Part:
    """A part of the list that has the ranks in it, by all that is likely; the whole where that is as good."""
    first, last = ranks[0], ranks[-1]
    if last < _NEAR or 2 * (last - first) > total:
        return _WHOLE
    places = _picked(connection, source, order)
    if len(places) < _LEAST:
        return _WHOLE
    share = len(places) / total
    margin = _DEVIATIONS * math.sqrt(len(places)) / 2 + 1
    start, end = int(first * share - margin), int(last * share + margin) + 1
    behind = places[start] if start >= 0 else None
    before = places[end] if end < len(places) else None
    passed = 0 if behind is None else total - _count_behind(connection, source, order, behind)
    return _WHOLE if passed > first else _Part(behind, before, passed)


def _picked(connection: sqlite3.Connection, source: Source, order: Order) -> list[Place]:
    """Places of some rows, in order: of those whose keys lie evenly in all that were given."""
    low, high = connection.execute("SELECT (SELECT min(key) FROM sessions), (SELECT max(key) FROM sessions)").fetchone()
    step = max(1, (high - low + 1) // _PICKED)
    where, values = source.where()
    rows = connection.execute(
        f"SELECT {SORTS[order.field]}, s.id FROM sessions AS s"  # noqa: S608
        f" WHERE s.key IN (SELECT value FROM json_each(?)) AND {where}",
        [msgspec.json.encode(list(range(low, high + 1, step))).decode(), *values],
    ).fetchall()
    return sorted(rows, key=lambda row: ordering.as_key(*row), reverse=order.descending)


def _count_behind(connection: sqlite3.Connection, source: Source, order: Order, place: Place) -> int:
    statement, values = source.count(order, place)
    count: int = connection.execute(statement, values).fetchone()[0]
    return count
