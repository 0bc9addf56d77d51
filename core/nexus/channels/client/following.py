"""The feed over HTTP: one stream after another, each resumed behind the last event of the one before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

from nexus.channels.client import decode
from nexus.channels.client.sse import Message, messages
from nexus.channels.client.transport import Transport
from nexus.channels.wire.answers import EventAnswer
from nexus.errors import LimitExceeded, StoreUnavailable
from nexus.service import FeedItem

_SILENCE = 45.0
"""Three of the server's heartbeats."""
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0


async def follow(transport: Transport, q: str, cursor: str | None) -> AsyncIterator[FeedItem]:
    """Events behind ``cursor`` (``None``: from now on), then each as it is committed, through reconnections.

    Raises:
        StoreUnavailable: The server couldn't be reached at the first attempt; later ones are repeated for ever.
        NexusError: The server refuses the filter, the cursor or the caller.
    """
    wait, begun = _FIRST_WAIT, False
    while True:
        try:
            headers = {"Accept": "text/event-stream", **({} if cursor is None else {"Last-Event-ID": cursor})}
            async with transport.stream("/events", {"q": q or None}, headers, _SILENCE) as chunks:
                begun = True
                async for message in messages(chunks):
                    wait = _FIRST_WAIT
                    item = _item(message, cursor)
                    if item is not None:
                        cursor = item.cursor
                        yield item
        except (StoreUnavailable, LimitExceeded):
            if not begun:
                raise
        transport.reached(connected=False)
        await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311 - spreads clients, hides nothing
        wait = min(wait * 2, _LONGEST_WAIT)


def _item(message: Message, cursor: str | None) -> FeedItem | None:
    place = message.id if message.id is not None else cursor
    if place is None:
        return None
    if message.event == "trimmed":
        return FeedItem(cursor=place, trimmed=True)
    if message.data is not None:
        return FeedItem(cursor=place, event=decode.event(decode.read(message.data, EventAnswer)))
    return FeedItem(cursor=place, live=message.comment == "live") if message.id is not None else None
