"""How a task in the background is ended, by whoever began it."""

from __future__ import annotations

import asyncio
from typing import Any


async def end(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and return when it has ended; ``None`` and one that had ended are ended already.

    Whoever waits can be cancelled meanwhile, and is then told so: that is not taken for the end of the task.

    Raises:
        Exception: What the task ended with, if that was no cancellation.
    """
    if task is None:
        return
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
