"""The heart: says in the store that this process lives, for as long as it executes runs.

It beats on the event loop, three times a lease. Synchronous workflows run in threads and don't disturb it; an async
one that blocks the loop for longer than ``recovery_interval`` loses its runs, as a process that hangs must.
"""

from __future__ import annotations

import asyncio
import logging

from nexus.errors import NexusError
from nexus.model import Worker, new_id
from nexus.sessions.engine import Engine
from nexus.tasks import end
from nexus.workflows.executors.liveness import this_process
from nexus.workflows.registry import Registry

_RETRY = 1.0
_log = logging.getLogger("nexus.executor")


class Heart:
    """Beats from ``start`` to ``stop``; used on the event loop."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine = engine
        self._registry = registry
        self._lease = engine.settings.recovery_interval
        self._started_at = engine.clock.now()
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._who = this_process()
        self._last = 0.0
        self.worker_id = new_id("work", self._started_at)

    async def start(self) -> None:
        """Beat at once, and from now on; when it returns the store believes this process to be alive."""
        if self._task is not None:
            return
        async with self._starting:
            if self._task is None:
                await self._beat()
                self._task = asyncio.create_task(self._run(), name="nexus-heart")

    async def assure(self) -> None:
        """Beat now if the last beat is so long ago that others may have given this process up."""
        if asyncio.get_running_loop().time() - self._last >= self._lease:
            await self._beat()

    async def stop(self) -> None:
        """Stop, and leave the list of workers unless there are runs left that others must find."""
        task, self._task = self._task, None
        if task is None:
            return
        await end(task)
        try:
            if not await self._engine.store.runs_of(self.worker_id, 1):
                await self._engine.store.forget_worker(self.worker_id)
        except NexusError as error:
            _log.warning("worker %s stays listed until its lease is over: %s", self.worker_id, error)

    async def _beat(self) -> None:
        who = self._who
        worker = Worker(
            id=self.worker_id, host=who.host, boot_id=who.boot_id, pid=who.pid, pid_start=who.pid_start,
            started_at=self._started_at, workflows=self._registry.names(),
        )  # fmt: skip
        at = asyncio.get_running_loop().time()
        await self._engine.store.beat(worker, self._lease)
        self._last = at

    async def _run(self) -> None:
        pause = self._lease / 3
        while True:
            await asyncio.sleep(pause)
            try:
                await self._beat()
                pause = self._lease / 3
            except NexusError as error:
                _log.warning("worker %s could not beat: %s", self.worker_id, error)
                pause = min(_RETRY, self._lease / 3)
            except Exception:  # noqa: BLE001 - a heart that stops loses all runs of a process that lives
                _log.exception("worker %s could not beat", self.worker_id)
                pause = min(_RETRY, self._lease / 3)
