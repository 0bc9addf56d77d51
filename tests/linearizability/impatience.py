"""Stores that give up soon, so that a test sees many operations whose outcome nobody knows."""

from __future__ import annotations

from typing import Any, Final

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.stores.base import Store
from nexus.stores.opening import open_store
from nexus.stores.redis import RedisStore

TIMEOUT: Final = 0.15
PATIENCE: Final = 0.4


def open_impatiently(url: str, *, prefix: str = "nexus:sessions:", **others: Any) -> Store:
    """As ``open_store``; a Redis store waits for a fraction of a second where it would for several."""
    if url.startswith("redis://"):
        return RedisStore(url, prefix=prefix, timeout=TIMEOUT, patience=PATIENCE)
    return open_store(url, prefix=prefix, **others)


async def open_at_last(app: AsyncNexus) -> None:
    """Open an app that gives up too soon for a machine that is busy."""
    while True:
        try:
            return await app.open()
        except StoreUnavailable:
            continue
