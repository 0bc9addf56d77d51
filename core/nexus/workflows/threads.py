"""From the thread of a synchronous body back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from nexus.workflows.stops import RunReleased


class LoopBridge:
    """Lets a thread wait for a coroutine on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, work: Coroutine[Any, Any, Any], /) -> Any:
        """What the coroutine gives.

        Raises:
            RunReleased: The loop is closed: the process is on its way out.
        """
        if self._loop.is_closed():
            work.close()
            raise RunReleased
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
