"""Events of several contexts: the last ones, by time, and the feeds of all as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence

from nexus.errors import InvalidInput, NexusError
from nexus.model import Event
from nexus.service import FeedItem
from nexus.sessions.feed import split_types, with_types
from nexus_tui.merged.filters import filter_for
from nexus_tui.merged.lists import some_live
from nexus_tui.merged.members import ContextAway, Member
from nexus_tui.merged.names import event_of

_WAITING = 1000
"""Items that wait at most: beyond these the contexts' own feeds wait."""
_AGAIN = 1.0

Items = asyncio.Queue[tuple[str, FeedItem | NexusError]]
"""What comes of which context; of none, where it is about all."""


def _filters(members: Mapping[str, Member], q: str) -> dict[str, str]:
    # A term with type is one of events, which the language of sessions doesn't know.
    types, rest = split_types(q)
    found = {name: filter_for(rest, name, members) for name in members}
    return {name: with_types(types, text) for name, text in found.items() if text is not None}


async def recent_over(members: Mapping[str, Member], q: str, limit: int) -> Sequence[Event]:
    """The last events of all that answer, by time.

    Args:
        members: The contexts.
        q: A filter of events.
        limit: The most to give.

    Raises:
        StoreUnavailable: None answers.
    """
    some_live(members)
    filters, found = _filters(members, q), []

    async def ask(place: int, member: Member, text: str) -> list[Event]:
        try:
            events = await member.read(lambda service: service.recent_events(text, limit))
        except ContextAway:
            return []
        return [event_of(member.name, place, each) for each in events]

    parts = (
        ask(place, member, filters[name]) for place, (name, member) in enumerate(members.items()) if name in filters
    )
    for events in await asyncio.gather(*parts):
        found += events
    return sorted(found, key=lambda event: (event.ts, event.seq))[-limit:]


async def merged_feed(
    members: Mapping[str, Member], moved: asyncio.Condition, q: str, cursor: str | None
) -> AsyncIterator[FeedItem]:
    """The feeds of all contexts, each in its own order, as they come.

    Args:
        members: The contexts.
        moved: Is notified when one comes or goes.
        q: A filter of events.
        cursor: Where each is read on from.
    """
    cursors, filters = _read_cursors(cursor), _filters(members, q)
    queue: Items = asyncio.Queue(_WAITING)
    tasks = [
        asyncio.create_task(_follow(queue, place, member, filters[name], cursors))
        for place, (name, member) in enumerate(members.items())
        if name in filters
    ]
    tasks.append(asyncio.create_task(_watch(queue, moved)))
    try:
        while True:
            name, item = await queue.get()
            if isinstance(item, NexusError):
                raise item
            if name:
                cursors[name] = item.cursor
            yield FeedItem(cursor=json.dumps(cursors), event=item.event, live=item.live, trimmed=item.trimmed)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(queue: Items, place: int, member: Member, q: str, cursors: Mapping[str, str]) -> None:
    """One context's feed, as often as it comes back; a mistake in the filter ends all."""
    at = cursors.get(member.name)
    while True:
        await member.answered.wait()
        try:
            async for item in member.service.feed(q, cursor=at):
                at = item.cursor
                event = None if item.event is None else event_of(member.name, place, item.event)
                told = FeedItem(cursor=item.cursor, event=event, live=item.live, trimmed=item.trimmed)
                await queue.put((member.name, told))
        except ContextAway:
            pass  # It went between the wait and the question.
        except InvalidInput as error:
            await queue.put((member.name, error))
            return
        except NexusError as error:
            member.lose(error)
        await asyncio.sleep(_AGAIN)


async def _watch(queue: Items, moved: asyncio.Condition) -> None:
    """Tell whenever a context comes or goes."""
    while True:
        async with moved:
            await moved.wait()
        await queue.put(("", FeedItem(cursor="", trimmed=True)))


def _read_cursors(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    try:
        return {str(name): str(each) for name, each in json.loads(cursor).items()}
    except (ValueError, AttributeError):
        raise InvalidInput(f"cursor {cursor[:60]!r} is not one that a feed gave", field="cursor") from None
