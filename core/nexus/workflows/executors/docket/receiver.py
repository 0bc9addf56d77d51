"""The receiver: docket's worker in this process, for as long as one connection lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nexus.workflows.executors.docket.consumers import leave
from nexus.workflows.executors.docket.noise import reason

if TYPE_CHECKING:
    from docket import Docket

_POLL = timedelta(milliseconds=50)
_NEVER = timedelta(hours=1)
_RECONNECT = timedelta(seconds=1)
_SHORTEST = 1.0
_LOOK_EVERY = 5.0
_MISSING = 3
"""Looks in a row that must have found docket's worker missing, for the connection to be given up."""
_BOUND = 5.0
_log = logging.getLogger("nexus.executor")


class Stalled(Exception):
    """docket does not get back to work by itself."""


class Receiver:
    """Takes messages from docket, and lets go of them when their runs are no longer this process's.

    Args:
        worker_id: Who receives.
        places: How many messages are worked on at once.
        lease: Seconds after which a message that its receiver doesn't tend is given to another.
        deliver: Works on what a message brings.
    """

    def __init__(self, worker_id: str, places: int, lease: float, deliver: Callable[[str], Awaitable[None]]) -> None:
        self._worker_id = worker_id
        self._places = places
        self._redelivery = timedelta(seconds=max(_SHORTEST, lease))
        self._look_every = max(_SHORTEST, min(_LOOK_EVERY, lease))
        self._deliver = deliver
        self._closing = asyncio.Event()
        self._dropping = asyncio.Event()
        self._working: set[asyncio.Future[None]] = set()

    def close(self) -> None:
        """Receive no more."""
        self._closing.set()

    async def attend(self, docket: Docket, library: Any) -> None:
        """Receive until the door is closed, and return when what was received has come to an end."""
        worker = library.Worker(
            docket, name=self._worker_id, concurrency=self._places, redelivery_timeout=self._redelivery,
            reconnection_delay=_RECONNECT, minimum_check_interval=_POLL,
            scheduling_resolution=_NEVER, schedule_automatic_tasks=False,
        )  # fmt: skip
        closing = asyncio.ensure_future(self._closing.wait())
        running: asyncio.Task[None] | None = None
        self._dropping.clear()
        try:
            async with worker:
                running = asyncio.create_task(worker.run_forever(), name="nexus-docket-worker")
                try:
                    await asyncio.wait({running, closing}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not self._closing.is_set():
                        self._dropping.set()
            await running
        finally:
            closing.cancel()
            if running is not None:
                await end(running)
        await leave(docket, self._worker_id)

    async def receive(self, session_id: str) -> None:
        """Work on a message; a connection that is given up lets go of it, and the run goes on."""
        work = asyncio.ensure_future(self._deliver(session_id))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        dropping = asyncio.ensure_future(self._dropping.wait())
        await asyncio.wait({work, dropping}, return_when=asyncio.FIRST_COMPLETED)
        dropping.cancel()

    async def watch_over(self, docket: Docket) -> None:
        """Look whether docket's worker is at work: it may wait for a node that is never coming back.

        Raises:
            Stalled: It has not been for a while.
        """
        missing = 0
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    await self._closing.wait()
            try:
                async with asyncio.timeout(_BOUND):
                    there = any(worker.name == self._worker_id for worker in await docket.workers())
            except Exception as error:  # noqa: BLE001 - as above: Redis is in trouble, and docket waits for it
                _log.debug("docket's workers can't be listed: %s", reason(error))
                continue
            missing = 0 if there else missing + 1
            if missing >= _MISSING:
                raise Stalled("its worker takes no messages")


async def end(task: asyncio.Task[None]) -> None:
    """Cancel it, again if it hangs on a Redis that does, and wait for it no longer than that."""
    for _ in range(2):
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)
