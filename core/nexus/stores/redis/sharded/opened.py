"""Everything that lives as long as a sharded store is open."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from nexus.stores.redis import placing
from nexus.stores.redis.client import Client
from nexus.stores.redis.listening import Listening
from nexus.stores.redis.listing import Listing
from nexus.stores.redis.nodes import Nodes
from nexus.stores.redis.sharded import events
from nexus.stores.redis.sharded.sharing import SharedReads
from nexus.stores.redis.store import RedisStore


class Opened:
    """What is open, from the block's begin to its end; ``close`` ends all of it.

    Args:
        shards: The parts of the store, in their order.
        stack: What closes them.
        home: Talks to the server that keeps the layout.
        nodes: The cluster's, where there is one.
    """

    def __init__(
        self, shards: tuple[RedisStore, ...], stack: AsyncExitStack, home: Client, nodes: Nodes | None
    ) -> None:
        self.shards = shards
        self.home = home
        self.nodes = nodes
        self.links = tuple([shard.link for shard in shards])
        self.listing = Listing(self.links)
        self.listening = Listening(self.links)
        self.reads = SharedReads(partial(events.read_events, self.links))
        self._stack = stack

    def of(self, name: str) -> RedisStore:
        """The shard of a session or group."""
        return self.shards[placing.shard_of(name, len(self.shards))]

    async def close(self) -> None:
        """Close all, those that listen first."""
        await self.listening.close()
        await self._stack.aclose()
        await self.home.close()
        if self.nodes is not None:
            await self.nodes.close()
