"""What expires in time is due by then: so an index on what is due leads to what a filter on expiry lets through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeGuard

from nexus.model import FINAL, Status
from nexus.query import DurationTerm, Query

FEW: Final = 50
"""What is due is looked up where it is under a fiftieth of all: more is faster read in a row."""

_ROUNDING: Final = 1.0
"""Seconds, far more than sums of times are rounded by."""


def due_by(query: Query, statuses: Collection[Status], now: float) -> float | None:
    """A time (seconds since the epoch) by which all that passes is due, as ``Snapshot.due_at`` has it; never too early.

    Args:
        query: The filter.
        statuses: Those that its terms on status leave; what is final is never due.
        now: Seconds since the epoch.

    Returns:
        ``None`` where the filter says none.
    """
    if FINAL.intersection(statuses):
        return None
    return min((now + term.seconds + _ROUNDING for term in query.terms if _is_bound(term)), default=None)


def _is_bound(term: object) -> TypeGuard[DurationTerm]:
    return isinstance(term, DurationTerm) and term.field == "expires" and term.op in ("<", "<=") and not term.negated
