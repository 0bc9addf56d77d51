"""Threads for synchronous bodies: daemons, so that one that never returns can't keep the process from ending."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nexus.workflows.stops import RunReleased

T = TypeVar("T")


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Run ``work``, which must not raise, in a new thread.

    A pool would keep its threads until the process ends, and wait for them then; starting one costs less than the
    commit that every run begins with.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def body() -> None:
        result = context.run(work)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=body, name=name, daemon=True).start()
    return future


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
