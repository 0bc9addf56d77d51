"""Making a plan: who they are, which version each has, and what would come of it; nothing is changed.

A filter goes to the service, and so does the question what would be done; what comes back is kept slim, so that a
hundred thousand sessions are some megabytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from nexus.errors import InvalidInput
from nexus.model.bulk import BulkItem
from nexus_tui.acting.plan import Item, Plan, item_of, sorted_out
from nexus_tui.acting.targets import Targets
from nexus_tui.merged.filters import filter_for
from nexus_tui.steering import Change

if TYPE_CHECKING:
    from nexus_tui.feed import Feed

MOST_AT_ONCE: Final = 200_000
"""Sessions in one plan: what a person can mean by one key, and what fits in memory."""
_PART: Final = 500
"""Sessions in one request: a page of them with their states stays small enough to be sent."""

Told = Callable[[int, int], None]
"""Is told how many of how many have been looked at."""


async def make_plan(feed: Feed, change: Change, targets: Targets, told: Told) -> Plan:
    """Ask what a change would do.

    Args:
        feed: The gateway.
        change: What is to be done.
        targets: To whom.
        told: Is told how far it is.

    Raises:
        InvalidInput: There are too many.
        NexusError: The service's answer.
    """
    items: list[Item] = []
    away = dict.fromkeys(_away(feed, targets))
    async for found, total in _found(feed, change, targets):
        items.extend(each for each in found if each.session_id not in targets.without)
        told(len(items), total)
    # One that went meanwhile was not asked either, or not for all.
    return sorted_out(change, targets, items, [*away, *(each for each in _away(feed, targets) if each not in away)])


def _away(feed: Feed, targets: Targets) -> list[str]:
    """Contexts that don't answer, and that a filter asks too."""
    if feed.contexts is None or targets.q is None:
        return []
    names = [each.name for each in feed.contexts.states()]
    away = [each.name for each in feed.contexts.states() if each.state != "live"]
    return [name for name in away if filter_for(targets.q, name, names) is not None]


def _found(feed: Feed, change: Change, targets: Targets) -> AsyncIterator[tuple[list[Item], int]]:
    return _by_name(feed, change, targets) if targets.q is None else _by_filter(feed, change, targets.q)


async def _by_name(feed: Feed, change: Change, targets: Targets) -> AsyncIterator[tuple[list[Item], int]]:
    for start in range(0, len(targets.ids), _PART):
        part = targets.ids[start : start + _PART]
        seen = {each: targets.versions[each] for each in part if each in targets.versions}
        report = await feed.bulk(replace(change.bulk(), ids=part, versions=seen, dry_run=True))
        yield [item_of(each, seen.get(each.session_id)) for each in report.items], len(targets.ids)


async def _by_filter(feed: Feed, change: Change, q: str) -> AsyncIterator[tuple[list[Item], int]]:
    items = await _in_one_request(feed, change, q)
    if items is not None:
        yield [item_of(each) for each in items], len(items)
        return
    cursor: str | None = None
    while True:
        page = await feed.page(q, cursor, _PART)
        total = page.total or 0
        if total > MOST_AT_ONCE:
            raise InvalidInput(
                f"{total:,} sessions match, over the {MOST_AT_ONCE:,} of one action: narrow the filter,"
                " as by workflow:NAME or age>1d; nothing was done", field="q"
            )  # fmt: skip
        seen = {session.id: session.version for session in page.items}
        if seen:
            report = await feed.bulk(replace(change.bulk(), ids=tuple(seen), versions=seen, dry_run=True))
            yield [item_of(each, seen.get(each.session_id)) for each in report.items], total
        cursor = page.next_cursor
        if cursor is None:
            return


async def _in_one_request(feed: Feed, change: Change, q: str) -> tuple[BulkItem, ...] | None:
    """What the service finds by itself; nothing where it has to be asked page by page."""
    if not q.strip():
        return None
    try:
        return (await feed.bulk(replace(change.bulk(), q=q, dry_run=True))).items
    except InvalidInput as error:
        if "matched" not in error.details:
            raise
        return None
