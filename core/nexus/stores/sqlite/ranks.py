"""Finds rows by rank among the statuses that are merged, without merging all that comes before.

Merging a row costs some four times as much as counting it in a range of the index. So a value is looked for
before which almost as many rows come as are to be left out, by guessing and counting, and only the rest is merged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

_NEAR: Final = 1000
"""Rows that may be left to merge."""

_ROUNDS: Final = 12


def skip_to(
    connection: sqlite3.Connection, statuses: Sequence[str], offset: int, total: int, *, descending: bool
) -> tuple[float, int] | None:
    """A value of ``last_activity`` to start from.

    Args:
        connection: In a read transaction.
        statuses: Whose sessions are merged.
        offset: How many rows are to be left out.
        total: How many there are.
        descending: Whether the highest value comes first.

    Returns:
        The value, and how many rows come before the first that has it; never more than ``offset``.
        ``None`` where it isn't worth it.
    """
    if offset <= _NEAR:
        return None
    ends = _ends(connection, statuses)
    # All values are turned round for a descending order, so that what follows thinks in one direction.
    sign = -1.0 if descending else 1.0
    low, high = sorted(sign * end for end in ends)
    passed, most = 0, total
    best = low
    for turn in range(_ROUNDS):
        if offset - passed <= _NEAR or best >= high:
            break
        share = (offset - passed) / (most - passed) if turn % 2 == 0 and most > passed else 0.5
        guess = best + (high - best) * share
        if not best < guess < high:
            break
        between = _count(connection, statuses, best, guess, sign)
        if passed + between <= offset:
            best, passed = guess, passed + between
        else:
            high, most = guess, passed + between
    return sign * best, passed


def _ends(connection: sqlite3.Connection, statuses: Sequence[str]) -> tuple[float, float]:
    found = [
        connection.execute(
            "SELECT (SELECT min(last_activity) FROM sessions WHERE status = ?1),"
            " (SELECT max(last_activity) FROM sessions WHERE status = ?1)",
            (status,),
        ).fetchone()
        for status in statuses
    ]
    return min(low for low, _ in found), max(high for _, high in found)


def _count(connection: sqlite3.Connection, statuses: Sequence[str], first: float, end: float, sign: float) -> int:
    """Rows from ``first`` on and before ``end``, both times ``sign``."""
    if sign > 0:
        where, values = "last_activity >= ? AND last_activity < ?", (first, end)
    else:
        where, values = "last_activity <= ? AND last_activity > ?", (-first, -end)
    statement = f"SELECT count(*) FROM sessions INDEXED BY sessions_by_activity WHERE status = ? AND {where}"  # noqa: S608
    return sum(connection.execute(statement, (status, *values)).fetchone()[0] for status in statuses)
