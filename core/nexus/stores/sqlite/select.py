"""SELECT statements over sessions: which rows, in which order, from which place on.

Two orders are kept as indexes. Creation has one of its own. Activity is kept within each status,
because every update moves it and one index entry to move is what an update can afford; all statuses together
are read by merging. Any other order sorts what the filter lets through.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from nexus.stores.base import Order, SortField
from nexus.stores.due import FEW
from nexus.stores.ordering import NULLABLE, Value
from nexus.stores.sqlite.compiler import Filter

SORTS: Final[Mapping[SortField, str]] = {
    SortField.CREATED: "s.created_at",
    SortField.ACTIVITY: "s.last_activity",
    SortField.ID: "s.id",
    SortField.STATUS: "s.status",
    SortField.WORKFLOW: "s.workflow",
    SortField.CHANNEL: "s.channel",
    SortField.STEP: "s.step",
    SortField.EXPIRES: "s.expires_at",
    SortField.DURATION: "max(0.0, s.ended_at - s.created_at)",
    SortField.USER: "s.user_id",
    SortField.GROUP: "s.group_id",
    SortField.VERSION: "s.version",
}
INDEXED: Final = frozenset({SortField.CREATED, SortField.ACTIVITY, SortField.ID})
"""Orders in which rows can be read without sorting them."""

_FEW: Final = 10
"""Statuses with under a tenth of all sessions are looked up in their index; more are faster read in a row."""


def narrowed(connection: sqlite3.Connection, found: Filter, whole: int) -> Filter:
    """The same filter by way of the index on what is due, where that leads to few rows.

    Args:
        connection: In a read transaction.
        found: What is asked for.
        whole: How many sessions there are.
    """
    if found.due_by is None or found.narrow:
        return found
    few = whole // FEW
    due = "SELECT key FROM sessions WHERE due_bound <= ?"
    (number,) = connection.execute(f"SELECT count(*) FROM ({due} LIMIT ?)", (found.due_by, few + 1)).fetchone()  # noqa: S608
    if number > few:
        return found
    return replace(found, rest=f"s.key IN ({due}) AND {found.rest}", values=(found.due_by, *found.values), narrow=True)


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that pass a filter, as far as SQL can tell.

    Args:
        filter: What is asked for.
        tally: How many sessions stand where now.
    """

    filter: Filter
    tally: Mapping[str, int]

    @property
    def statuses(self) -> list[str]:
        """Those of the filter's statuses that any session has."""
        return [status.value for status in self.filter.statuses if self.tally.get(status.value)]

    @property
    def whole(self) -> int:
        """How many sessions there are."""
        return sum(self.tally.values())

    @property
    def most(self) -> int:
        """How many pass at most; exactly, for a filter on nothing but status."""
        return sum(self.tally[status] for status in self.statuses)

    @property
    def counted(self) -> bool:
        """Whether ``most`` is how many pass."""
        return not self.filter.rest

    def where(self) -> tuple[str, list[Any]]:
        """The condition with its values."""
        parts, values = [], []
        if len(self.statuses) < sum(map(bool, self.tally.values())):
            # The plus sign keeps SQLite from using the index on status.
            column = "s.status" if self.most * _FEW <= self.whole and not self.filter.narrow else "+s.status"
            parts.append(f"{column} IN ({', '.join('?' * len(self.statuses))})")
            values.extend(self.statuses)
        if self.filter.rest:
            parts.append(self.filter.rest)
            values.extend(self.filter.values)
        return " AND ".join(parts) or "1", values

    def count(self, order: Order | None = None, behind: tuple[Value, str] | None = None) -> tuple[str, list[Any]]:
        """The statement that counts the rows; those behind a place in an order, if it is given."""
        where, values = self.where()
        if order is not None and behind is not None:
            after, after_values = keyset(order, behind)
            where, values = f"{where} AND {after}", [*values, *after_values]
        return f"SELECT count(*) FROM sessions AS s WHERE {where}", values  # noqa: S608

    def numbered(
        self, column: str, order: Order, *, behind: tuple[Value, str] | None, before: tuple[Value, str] | None
    ) -> tuple[str, list[Any]]:
        """The statement that numbers rows in order, from 0 on.

        Args:
            column: What to read of each, besides ``number``.
            order: In which order.
            behind: The value and id of the row behind which they begin.
            before: Those of the row before which they end.
        """
        where, values = self.where()
        between, bounds = _between(order, behind, before)
        direction = "DESC" if order.descending else "ASC"
        number = f"row_number() OVER (ORDER BY {SORTS[order.field]} {direction}, s.id {direction}) - 1 AS number"
        statement = f"SELECT {column}, {number} FROM sessions AS s WHERE {where} AND {between}"  # noqa: S608
        return statement, [*values, *bounds]

    def rows(
        self,
        columns: str,
        order: Order,
        *,
        behind: tuple[Value, str] | None = None,
        before: tuple[Value, str] | None = None,
        start: float | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[str, list[Any]]:
        """The statement that reads rows in order.

        Args:
            columns: What to read of each.
            order: In which order.
            behind: The value and id of the row to go on behind.
            before: Those of the row to end before.
            start: The value to start from, itself included.
            limit: How many at most.
            offset: How many to leave out first.
        """
        after, after_values = _between(order, behind, before)
        if start is not None:
            after, after_values = f"{SORTS[order.field]} {'<=' if order.descending else '>='} ?", [start]
        if order.field is SortField.ACTIVITY and not self.filter.narrow and len(self.statuses) > 0:
            statement, values = self._merged(columns, after, after_values)
        else:
            where, values = self.where()
            values = [*values, *after_values]
            statement = (
                f"SELECT {columns}, {SORTS[order.field]} AS sort_value, s.id AS sort_id"  # noqa: S608
                f" FROM sessions AS s WHERE {where} AND {after}"
            )
        direction = "DESC" if order.descending else "ASC"
        return (
            f"{statement} ORDER BY sort_value {direction}, sort_id {direction} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )

    def _merged(self, columns: str, after: str, after_values: Iterable[Any]) -> tuple[str, list[Any]]:
        parts, values = [], []
        for status in self.statuses:
            parts.append(
                f"SELECT {columns}, s.last_activity AS sort_value, s.id AS sort_id"  # noqa: S608
                " FROM sessions AS s INDEXED BY sessions_by_activity"
                f" WHERE s.status = ? AND {self.filter.rest or '1'} AND {after}"
            )
            values.extend([status, *self.filter.values, *after_values])
        return " UNION ALL ".join(parts), values


def _between(order: Order, behind: tuple[Value, str] | None, before: tuple[Value, str] | None) -> tuple[str, list[Any]]:
    """The condition that a row comes behind one and before another, where they are given."""
    turned = Order(order.field, not order.descending)
    found = [keyset(way, place) for way, place in ((order, behind), (turned, before)) if place is not None]
    return " AND ".join(condition for condition, _ in found) or "1", [value for _, some in found for value in some]


def keyset(order: Order, behind: tuple[Value, str]) -> tuple[str, list[Any]]:
    """The condition that a row comes behind another in an order."""
    column, (value, tie) = SORTS[order.field], behind
    sign = "<" if order.descending else ">"
    if order.field is SortField.ID:
        return f"s.id {sign} ?", [tie]
    if order.field not in NULLABLE:
        return f"({column}, s.id) {sign} (?, ?)", [value, tie]
    if value is None:
        same = f"({column} IS NULL AND s.id {sign} ?)"
        return (same if order.descending else f"({same} OR {column} IS NOT NULL)"), [tie]
    later = f"{column} {sign} ? OR ({column} = ? AND s.id {sign} ?)"
    return f"({later} OR {column} IS NULL)" if order.descending else f"({later})", [value, value, tie]
