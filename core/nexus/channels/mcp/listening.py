"""``subscriptions/listen`` of the 2026-07-28 revision: the client is told when sessions that it may see change.

Each stream follows the caller's own feed, so it tells of changes by any process of the store and of nothing that the
caller may not see. What is told are triggers to read again, never data: ``resources/updated`` for the sessions
asked for, ``resources/list_changed`` when one comes or goes. Tools change only when the program that serves registers
a workflow; that is noticed with the next event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, SubscriptionsListenRequestParams, SubscriptionsListenResult

from nexus.auth import Standings
from nexus.channels.mcp.resources import uri_of
from nexus.errors import LimitExceeded
from nexus.limits import Seats
from nexus.model import Event
from nexus.service import Service

_LISTED = frozenset({"session.created", "session.forked", "session.deleted"})

Names = Callable[[], tuple[str, ...]]
"""The names of the workflows that are served as tools now."""


class Listeners:
    """All listen streams of one server."""

    def __init__(self, names: Names, seats: Callable[[], Seats], standings: Callable[[], Standings]) -> None:
        self._names = names
        self._seats = seats
        self._standings = standings
        self._open: set[ListenHandler] = set()

    async def listen(
        self, service: Service, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until the client drops it, the server closes or what the client has shown is good no more.

        Raises:
            MCPError: There are too many streams.
        """
        try:
            leave = self._seats().take(service.caller.account)
        except LimitExceeded as error:
            raise MCPError(INTERNAL_ERROR, error.message, {"code": error.code, **error.details}) from None
        bus = InMemorySubscriptionBus()
        handler = ListenHandler(bus)
        self._open.add(handler)
        following = asyncio.Event()
        telling = asyncio.create_task(self._tell(service, bus, handler, following))
        try:
            # The client is told that it listens only once nothing that happens from then on is missed.
            await following.wait()
            if handler not in self._open:
                # It was to end while it waited: once it has begun, which is before anything else runs.
                asyncio.get_running_loop().call_soon(handler.close)
            with self._standings().watching(service.caller.proof, handler.close):
                return await handler(ctx, params)
        finally:
            leave()
            self._open.discard(handler)
            telling.cancel()

    def close(self) -> None:
        """End every stream in the protocol's way: its result is the last frame."""
        ending, self._open = self._open, set()
        for handler in ending:
            handler.close()

    async def _tell(
        self, service: Service, bus: InMemorySubscriptionBus, handler: ListenHandler, following: asyncio.Event
    ) -> None:
        known = self._names()
        try:
            async with aclosing(cast(Any, service.feed())) as feed:
                async for item in feed:
                    if item.live:
                        following.set()
                    if item.event is not None:
                        await _publish(bus, item.event)
                    if (now := self._names()) != known:
                        known = now
                        await bus.publish(ToolsListChanged())
        finally:
            self._open.discard(handler)
            following.set()
            with suppress(RuntimeError):
                handler.close()


async def _publish(bus: InMemorySubscriptionBus, event: Event) -> None:
    if event.session_id is None:
        return
    await bus.publish(ResourceUpdated(uri_of(event.session_id)))
    if event.type in _LISTED:
        await bus.publish(ResourcesListChanged())
