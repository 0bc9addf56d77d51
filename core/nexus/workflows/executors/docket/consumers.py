"""Who takes part in docket's queue: the consumers of its stream's group."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docket import Docket

_GONE = 3600 * 1000
"""Milliseconds after which a consumer that holds nothing and was not heard of is forgotten."""


async def join(docket: Docket) -> None:
    """Make sure that the queue is there and may be used, and forget consumers that are gone.

    Raises:
        RedisError: It can't be reached, or the user that the URL names has not enough rights.
    """
    from redis.exceptions import ResponseError

    async with docket.redis() as redis:
        stream, group = docket.stream_key, docket.worker_group_name
        try:
            await redis.xgroup_create(stream, group, id="0-0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        await redis.publish(docket.cancel_channel("nobody"), "nobody")
        for consumer in await redis.xinfo_consumers(stream, group):
            if consumer["pending"] == 0 and consumer["idle"] > _GONE:
                await _forget(redis, docket, consumer["name"])


async def leave(docket: Docket, consumer_name: str) -> None:
    """Forget a consumer, unless it holds messages that others must find."""
    from redis.exceptions import RedisError

    with contextlib.suppress(RedisError):
        async with docket.redis() as redis:
            for consumer in await redis.xinfo_consumers(docket.stream_key, docket.worker_group_name):
                if consumer["name"] == consumer_name.encode() and consumer["pending"] == 0:
                    await _forget(redis, docket, consumer["name"])


async def _forget(redis: Any, docket: Docket, name: bytes) -> None:
    await redis.xgroup_delconsumer(docket.stream_key, docket.worker_group_name, name)
