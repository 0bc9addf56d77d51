"""All keys under a prefix at once, for who made every one of them: given a time to live, or removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from nexus.stores.redis.client import Client
from nexus.stores.redis.sharded import ShardedRedisStore
from nexus.stores.redis.store import RedisStore
from nexus.stores.redis.wire import Word

_SCANNED: Final = 1000
_SPECIAL: Final = "\\*?[]^"


async def expire_all(store: RedisStore | ShardedRedisStore, prefix: str, seconds: int) -> int:
    """Let the keys under a prefix go by themselves; how many there were.

    Args:
        store: Open, on the server or cluster.
        prefix: What their names begin with.
        seconds: From now.
    """
    return await _each(store, prefix, "EXPIRE", str(seconds))


async def remove_all(store: RedisStore | ShardedRedisStore, prefix: str, doomed: Callable[[bytes], bool]) -> int:
    """Remove the keys under a prefix of which ``doomed`` says so; how many there were."""
    return await _each(store, prefix, "UNLINK", doomed=doomed)


async def _each(
    store: RedisStore | ShardedRedisStore, prefix: str, command: str, *more: str,
    doomed: Callable[[bytes], bool] = lambda _: True,
) -> int:  # fmt: skip
    touched = 0
    for shard in store.shards:
        client = shard.link.client
        # In a cluster docket's keys begin with a hash tag that has the prefix in it.
        for head in ("", "{"):
            async for names in _named(client, head + prefix):
                commands: list[tuple[Word, ...]] = [
                    (command, name, *more) for name in names if doomed(name.removeprefix(b"{"))
                ]
                if commands:
                    touched += sum(await client.calls(commands))
    return touched


async def _named(client: Client, prefix: str) -> AsyncIterator[list[bytes]]:
    """The keys under a prefix on one node, in pieces."""
    pattern = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in prefix) + "*"
    cursor = b"0"
    while True:
        cursor, names = await client.call("SCAN", cursor, "MATCH", pattern, "COUNT", _SCANNED)
        if names:
            yield names
        if cursor == b"0":
            return
