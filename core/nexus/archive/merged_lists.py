"""Answers of the live store and of history, put together.

Where one session is in both for an instant, the live store's record counts, and it is listed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from nexus.model import Event, Group, Page, Session
from nexus.stores import ordering
from nexus.stores.base import Order

CHILDREN = "children"
"""The name of a list of children in its cursors, as in every store."""


def in_order(live: Iterable[Session], past: Iterable[Session], order: Order) -> list[Session]:
    """The sessions of both, each once, in order."""
    merged = {session.id: session for side in (past, live) for session in side}
    return sorted(merged.values(), key=lambda session: ordering.key_of(session, order.field), reverse=order.descending)


def sessions_page(live: Page[Session], past: Page[Session], order: Order, limit: int) -> Page[Session]:
    """One page of two, which start behind the same cursor and were asked for ``limit`` sessions each."""
    merged = in_order(live.items, past.items, order)
    return _cut(merged, live, past, limit, lambda last: ordering.write_order_cursor(last, order))


def children_page(live: Page[Session], past: Page[Session], limit: int) -> Page[Session]:
    """As ``sessions_page``, for children in order of creation."""
    merged = {session.id: session for side in (past, live) for session in side.items}
    ordered = sorted(merged.values(), key=lambda session: (session.created_at, session.id))
    return _cut(ordered, live, past, limit, lambda last: ordering.write_cursor(CHILDREN, last.created_at, last.id))


def _cut(
    merged: list[Session], live: Page[Session], past: Page[Session], limit: int, cursor: Callable[[Session], str]
) -> Page[Session]:
    kept = merged[: max(limit, 0)]
    more = len(merged) > len(kept) or live.next_cursor is not None or past.next_cursor is not None
    return Page(items=tuple(kept), next_cursor=cursor(kept[-1]) if kept and more else None)


def events_of_both(
    live: Iterable[Event], past: Iterable[Event], limit: int, *, newest: bool, by_time: bool
) -> list[Event]:
    """The first (or the last) events of both, ascending by number, or by time. Each is listed once."""

    def place(event: Event) -> tuple[float, int]:
        return event.ts if by_time else 0.0, event.seq

    merged = {place(event): event for side in (past, live) for event in side}
    ordered = [merged[key] for key in sorted(merged)]
    most = max(limit, 0)
    return ordered[max(0, len(ordered) - most) :] if newest else ordered[:most]


def with_members(group: Group, gone: Mapping[str, int]) -> Group:
    """The group with members that were let go counted too."""
    if not gone:
        return group
    statuses = sorted({*group.counts, *gone})
    return replace(group, counts={status: group.counts.get(status, 0) + gone.get(status, 0) for status in statuses})
