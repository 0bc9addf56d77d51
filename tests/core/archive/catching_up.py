"""Waiting for an archive that is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from nexus.stores.base import Health

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.02


async def archived(health: Callable[[], Awaitable[Health]]) -> None:
    """Return once nothing waits for the archive any more.

    Args:
        health: Asks a store, or a service. Of a store that doesn't answer within two seconds, as happens on a busy
            machine, it says no more than that.

    Raises:
        TimeoutError: It did not catch up within a minute.
    """
    async with asyncio.timeout(_PATIENCE):
        while (await health()).facts.get("archive_pending") != "0":
            await asyncio.sleep(_PAUSE)
