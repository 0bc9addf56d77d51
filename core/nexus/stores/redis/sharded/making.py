"""Finding out how many shards a store has, and opening all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys, Shard
from nexus.stores.redis.layout import claim_layout, read_layout, refuse_layout, shards_in
from nexus.stores.redis.store import RedisStore


async def count_shards(client: Client, keys: Keys, shown: str, *, asked: int | None, usual: int) -> int:
    """How many shards the store has; one that is new gets as many as are asked for.

    Args:
        client: Reaches the store's own ``meta``.
        keys: The keys of the store as one shard.
        shown: Its URL without the password.
        asked: How many it must have; ``None`` for any.
        usual: How many a new one gets if none are asked for.

    Raises:
        StoreUnavailable: It has another number, or a layout that this version doesn't know.
    """
    wanted = Shard(0, asked or usual).layout
    found = await read_layout(client, keys) or await claim_layout(client, keys, wanted)
    count = shards_in(found)
    if count is None or (asked is not None and count != asked):
        raise refuse_layout(found, wanted, shown)
    return count


async def open_all(shards: Sequence[RedisStore]) -> AsyncExitStack:
    """Open all shards at once.

    Returns:
        What closes them.

    Raises:
        StoreUnavailable: One can't be opened; the others are closed again.
    """
    async with AsyncExitStack() as stack:
        opened = await asyncio.gather(*(stack.enter_async_context(shard) for shard in shards), return_exceptions=True)
        for result in opened:
            if isinstance(result, BaseException):
                raise result
        return stack.pop_all()
