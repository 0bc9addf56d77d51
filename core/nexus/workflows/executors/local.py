"""``LocalExecutor``: runs as asyncio tasks of this process, found by looking into the store.

Any number of processes may execute runs of one store: each has a worker there with a lease, and every run says which
worker holds it. Embedded and single-machine use need nothing else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from nexus.errors import NexusError
from nexus.model import RUNNING, Caller, Event
from nexus.model.change import UNOWNED, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows import acquiring
from nexus.workflows.executors.heart import Heart
from nexus.workflows.executors.queue import Queue, WaitingLine
from nexus.workflows.executors.recovery import Recovery
from nexus.workflows.executors.running import Running
from nexus.workflows.registry import Registry

_LOOK_EVERY = 5.0

Pick = Callable[[str], Awaitable[None]]
MakeLine = Callable[[Engine, Pick, Callable[[], bool], float], WaitingLine]


class LocalExecutor:
    """See the module's docstring; used on the event loop of the engine.

    Args:
        engine: Where the runs are recorded.
        registry: The workflows that this process knows.
        line: Makes what finds the runs that wait, of engine, pick, free and interval; see ``Queue``.
    """

    def __init__(self, engine: Engine, registry: Registry, line: MakeLine | None = None) -> None:
        settings = engine.settings
        self._engine = engine
        self._registry = registry
        self._caller = Caller(actor=f"system:{socket.gethostname()}", channel="")
        self._heart = Heart(engine, registry)
        worker_id = self._heart.worker_id
        self._running = Running(engine, registry, worker_id, settings.worker_concurrency, self._made_room)
        make = line or _queue
        self._queue = make(engine, self._pick, lambda: self.free, min(_LOOK_EVERY, settings.recovery_interval / 3))
        self._recovery = Recovery(engine, worker_id, self._inherit, self._running.holds)
        self._room = asyncio.Event()
        self._services: list[asyncio.Task[None]] = []
        self._listening = AsyncExitStack()
        self._enlisting = asyncio.Lock()
        self._enlisted = False
        engine.left_waiting = self._left_waiting

    # -- life

    @property
    def here(self) -> bool:
        """Whether this process executes runs; if not, they are left to workers."""
        return self._engine.settings.embedded_worker

    @property
    def eager(self) -> bool:
        """Whether a run that is wanted in the background begins here at once, if there is room."""
        return self.here

    @property
    def worker_id(self) -> str:
        """Under which this process acquires runs."""
        return self._heart.worker_id

    async def start(self) -> None:
        """Take waiting runs, and those of dead processes, from now on; nothing if runs are left to workers."""
        if not self.here:
            return
        await self.enlist()
        if not self._services:
            self._services = [
                asyncio.create_task(self._queue.run(), name="nexus-queue"),
                asyncio.create_task(self._recovery.run(), name="nexus-recovery"),
            ]

    async def enlist(self) -> str:
        """The id under which this process acquires runs; it beats, and hears of sessions that end, from then on."""
        if not self._enlisted:
            async with self._enlisting:
                if not self._enlisted:
                    await self._heart.start()
                    await self._listening.enter_async_context(self._engine.tail.listen(self._hear))
                    self._enlisted = True
        await self._heart.assure()
        return self._heart.worker_id

    async def stop(self, grace: float) -> None:
        """Stop at the next checkpoint of each run and hand the runs over; see ``Executor.stop``."""
        self._running.refuse()
        self._room.set()
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        self._services.clear()
        await self._running.stop(grace)
        await self._listening.aclose()
        await self._heart.stop()
        self._enlisted = False

    # -- runs

    @property
    def free(self) -> bool:
        """Whether it would execute another run at once."""
        return self._running.free

    def launch(
        self, snapshot: Snapshot, *, fresh: bool = False, nested: bool = False
    ) -> asyncio.Future[Snapshot | None]:
        """Execute a run that this process has acquired; see ``Executor.launch``."""
        return self._running.launch(snapshot, fresh=fresh, nested=nested)

    def notice(self, session_id: str) -> None:
        """Look at a session soon: a run may wait in it."""
        self._queue.notice(session_id)

    async def take(self, session_id: str) -> asyncio.Future[Snapshot | None] | None:
        """Take on what waits in a session, as soon as there is room.

        Returns:
            The run as it executes; ``None`` if nothing waits that this process knows, or it stops.
        """
        while not self.free:
            if self._running.stopping:
                return None
            self._room.clear()
            await self._room.wait()
        with self._running.expecting():
            acquired = await self._acquire(session_id)
            return None if acquired is None else self.launch(acquired)

    async def _acquire(self, session_id: str) -> Snapshot | None:
        try:
            snapshot = await self._engine.load(session_id)
        except NexusError:
            return None
        if snapshot.run is None or snapshot.run.worker != UNOWNED:
            return None
        acquire = acquiring.take if snapshot.session.status in RUNNING else acquiring.next_in_line
        return await acquire(self._engine, session_id, self._caller, await self.enlist(), self._knows)

    def _knows(self, workflow: str) -> bool:
        return workflow in self._registry

    # -- what the feed, the queue and recovery say

    def _left_waiting(self, snapshot: Snapshot) -> None:
        if self._services:
            self.notice(snapshot.session.id)

    def _made_room(self) -> None:
        self._room.set()
        self._queue.made_room()

    def _hear(self, event: Event) -> None:
        self._queue.hear(event)
        self._running.hear(event)

    async def _pick(self, session_id: str) -> None:
        acquired = await self._acquire(session_id)
        if acquired is not None:
            self.launch(acquired)

    async def _inherit(self, session_id: str, dead: str) -> None:
        worker = await self.enlist() if self.free else UNOWNED
        acquired = await acquiring.take(self._engine, session_id, self._caller, worker, self._knows, dead=dead)
        if acquired is not None and worker != UNOWNED:
            self.launch(acquired)


def _queue(engine: Engine, pick: Pick, free: Callable[[], bool], interval: float) -> WaitingLine:
    return Queue(engine.store, pick, free, interval)
