"""Ending in good order: SIGTERM and SIGINT ask, and the command finishes what it must."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def told_to_stop() -> AsyncIterator[asyncio.Event]:
    """An event that is set by the first SIGTERM or SIGINT; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def asked() -> None:
        stop.set()
        for one in signals:
            loop.remove_signal_handler(one)

    for one in signals:
        loop.add_signal_handler(one, asked)
    try:
        yield stop
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
