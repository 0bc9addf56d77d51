"""Sort orders in SQL: the same order as every store has (``nexus.stores.ordering``), on every database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Double, and_, literal, or_, tuple_

from nexus.archive.queries import Clause, stored
from nexus.archive.tables import sessions
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import NULLABLE, Key

COLUMNS: Final[dict[SortField, ColumnElement[Any]]] = {field: sessions.c[field.value] for field in SortField}
INDEXED: Final = frozenset({SortField.CREATED, SortField.ACTIVITY, SortField.ID})
"""Orders in which rows can be read without sorting them."""


def turned(order: Order) -> Order:
    """The reverse of an order."""
    return Order(order.field, not order.descending)


def ordering_of(order: Order) -> list[ColumnElement[Any]]:
    """What to sort by."""
    if order.field is SortField.ID:
        return [sessions.c.id.desc() if order.descending else sessions.c.id]
    column, tie = COLUMNS[order.field], sessions.c.id
    if order.field not in NULLABLE:
        return [column.desc(), tie.desc()] if order.descending else [column, tie]
    # ``None`` comes first, which PostgreSQL does the other way round by itself.
    return [column.desc().nulls_last(), tie.desc()] if order.descending else [column.nulls_first(), tie]


def behind(order: Order, place: Key) -> Clause:
    """The condition that a session comes behind a place in an order."""
    column, id_column = COLUMNS[order.field], sessions.c.id
    has_value, value, tie = place[0], place[1], stored(place[2])
    if order.field is SortField.ID:
        return id_column < tie if order.descending else id_column > tie
    bound = _bound(order.field, value)
    if order.field not in NULLABLE:
        here, there = tuple_(column, id_column), tuple_(bound, literal(tie))
        return here < there if order.descending else here > there
    later_tie = id_column < tie if order.descending else id_column > tie
    if not has_value:
        same = and_(column.is_(None), later_tie)
        return same if order.descending else or_(same, column.is_not(None))
    later = column < bound if order.descending else column > bound
    found = or_(later, and_(column == bound, later_tie))
    return or_(found, column.is_(None)) if order.descending else found


def _bound(field: SortField, value: str | float) -> ColumnElement[Any]:
    if isinstance(value, str):
        return literal(stored(value), COLUMNS[field].type)
    # As a double also beside whole numbers: a cursor may hold any number, and need not fit.
    return literal(value, COLUMNS[field].type if isinstance(value, int) else Double())
