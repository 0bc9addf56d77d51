"""Events as Server-Sent Events: each serialised once, every stream bounded.

A stream is pulled: while its reader takes nothing, at most ``_MOST_WAITING`` bytes wait for it and the feed is not read
on; a reader that takes nothing for ``SEND_TIMEOUT`` seconds is dropped and may come back with ``Last-Event-ID``.
What a stream says besides events has no ``data`` (the start, having caught up), so that clients see events only,
or is named ``trimmed``.

sse-starlette isn't used: it patches uvicorn for the whole process, polls for its end twice a second, and sends event
by event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING, cast

import msgspec
from starlette.types import Receive, Scope, Send

from nexus.channels.wire import shown
from nexus.errors import NexusError
from nexus.model import Event, Proof
from nexus.service import FeedItem

if TYPE_CHECKING:
    from nexus.channels.http.context import HttpContext

logger = logging.getLogger("nexus.http")

HEARTBEAT = 15.0
SEND_TIMEOUT = 30.0
_LAST_PATIENCE = 0.5
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_MOST_WAITING = 256 * 1024
_MOST_REMEMBERED = 2048
_encode = msgspec.json.Encoder().encode


class Frames:
    """The bytes of the newest events, shared by all streams."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[int, str], tuple[Event, bytes]] = OrderedDict()

    def of(self, item: FeedItem) -> bytes:
        """An item of a feed as it goes out."""
        event = item.event
        if event is None:
            return _without_event(item)
        key = (event.seq, item.cursor)
        made = self._made.get(key)
        # Two callers may see one event differently, and two stores number theirs alike: it has to be the same.
        frame = made[1] if made is not None and made[0] == event else None
        if frame is None:
            data = _encode(shown.event(event))
            frame = b"id: %s\nevent: %s\ndata: %s\n\n" % (item.cursor.encode(), event.type.encode(), data)
            self._made[key] = event, frame
            if len(self._made) > _MOST_REMEMBERED:
                self._made.popitem(last=False)
        return frame


def _without_event(item: FeedItem) -> bytes:
    cursor = item.cursor.encode()
    if item.trimmed:
        return b"id: %s\nevent: trimmed\ndata: %s\n\n" % (cursor, _encode({"cursor": item.cursor}))
    return b": live\nid: %s\n\n" % cursor if item.live else b": at\nid: %s\n\n" % cursor


class EventStream:
    """One client's stream, as an ASGI application.

    Args:
        context: Counts it, and ends it when the server stops.
        first: What the feed gave first; awaited before, so that a bad filter or cursor is a problem and no stream.
        feed: The rest of the feed.
        leave: Called when the stream is over: gives its seat back.
        proof: What its reader has shown; the stream ends within two seconds of that.
    """

    def __init__(
        self,
        context: HttpContext,
        first: FeedItem,
        feed: AsyncIterator[FeedItem],
        leave: Callable[[], None] | None = None,
        proof: Proof | None = None,
    ) -> None:
        self._context = context
        self._first = first
        self._feed = feed
        self._leave_seat = leave
        self._proof = proof
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._is_cut = False
        self._patience = asyncio.timeout(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send events until the client leaves, takes nothing for too long, or the server stops."""
        self._context.meter.streams += 1
        helpers = [asyncio.create_task(each) for each in (self._pump(), self._stop(), self._leave(receive))]
        try:
            with self._context.app.parts.standings.watching(self._proof, self._cut):
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                while chunk := await self._next():
                    await self._send(send, chunk)
            await self._send(send, b"", last=True)
        except TimeoutError:
            self._context.meter.streams_dropped += 1
        finally:
            self._context.meter.streams -= 1
            if self._leave_seat is not None:
                self._leave_seat()
            for each in helpers:
                each.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await cast(AsyncGenerator[FeedItem, None], self._feed).aclose()

    async def _send(self, send: Send, body: bytes, *, last: bool = False) -> None:
        patience = _LAST_PATIENCE if self._is_cut else SEND_TIMEOUT
        async with asyncio.timeout(patience) as self._patience:
            await send({"type": "http.response.body", "body": body, "more_body": not last})

    async def _next(self) -> bytes:
        """What goes out next; nothing when the stream is over."""
        while not self._waiting:
            if self._ended:
                return b""
            self._wake.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            except TimeoutError:
                return b": ping\n\n"
        chunk = bytes(self._waiting)
        self._waiting.clear()
        self._room.set()
        return chunk

    async def _pump(self) -> None:
        try:
            self._put(self._first)
            async for item in self._feed:
                self._put(item)
                if len(self._waiting) > _MOST_WAITING:
                    self._room.clear()
                    await self._room.wait()
        except NexusError as error:
            # The client reconnects behind the last event it got, and is told as a problem if it still fails.
            self._waiting += b": the stream ends: %s\n\n" % error.code.encode()
        except Exception:
            logger.exception("an event stream broke off")
        finally:
            self._end()

    def _put(self, item: FeedItem) -> None:
        if self._is_cut:
            return
        self._waiting += self._context.frames.of(item)
        self._context.meter.events_sent += item.event is not None
        self._wake.set()

    def _end(self) -> None:
        self._ended = True
        self._wake.set()

    async def _stop(self) -> None:
        await self._context.stopping.wait()
        self._cut()

    def _cut(self) -> None:
        """End it now, with nothing more of what waits."""
        self._is_cut = True
        self._waiting.clear()
        self._end()
        # A reader that takes nothing right now must not hold up the end.
        with contextlib.suppress(RuntimeError):  # nothing is being sent
            self._patience.reschedule(asyncio.get_running_loop().time() + _LAST_PATIENCE)

    async def _leave(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._waiting.clear()
        self._end()
