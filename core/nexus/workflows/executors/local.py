"""``LocalExecutor``: runs as asyncio tasks of this process, with threads for synchronous bodies.

Any number of processes may execute runs of one store: each has a worker there with a lease, and every run says which
worker holds it. Embedded and single-machine use need nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial

from nexus.errors import NexusError
from nexus.model import RUNNING, Caller, Event
from nexus.model.change import UNOWNED, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows import acquiring
from nexus.workflows.execution import Execution
from nexus.workflows.executors.heart import Heart
from nexus.workflows.executors.queue import Queue
from nexus.workflows.executors.recovery import Recovery
from nexus.workflows.registry import Registry, Workflow
from nexus.workflows.runner import UNWINDING, drive
from nexus.workflows.stops import RunCancelled, RunLost, RunReleased

PLACES = 100
"""Runs that execute at once; those that this process acquires beyond wait here, and leave the queue to others."""
_LOOK_EVERY = 5.0
_ENDED = frozenset({"session.ended", "session.expired", "session.deleted"})
_TAKEN = frozenset({"run.recovered", "run.started", "run.woken"})
_log = logging.getLogger("nexus.executor")


class LocalExecutor:
    """See the module's docstring; used on the event loop of the engine."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        lease = engine.settings.recovery_interval
        self._engine = engine
        self._registry = registry
        self._caller = Caller(actor=f"system:{socket.gethostname()}", channel="")
        self._held: Counter[str] = Counter()
        self._heart = Heart(engine, registry)
        self._queue = Queue(engine.store, self._pick, lambda: self.free, min(_LOOK_EVERY, lease / 3))
        self._recovery = Recovery(engine, self._heart.worker_id, self._inherit, self._held.__contains__)
        self._places = asyncio.Semaphore(PLACES)
        self._executions: dict[str, tuple[Execution, int]] = {}
        self._tasks: set[asyncio.Task[Snapshot | None]] = set()
        self._services: list[asyncio.Task[None]] = []
        self._listening = AsyncExitStack()
        self._enlisting = asyncio.Lock()
        self._enlisted = False
        self._stopping = False

    # -- life

    async def start(self) -> None:
        """Take waiting runs, and those of dead processes, from now on."""
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
        self._stopping = True
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        self._services.clear()
        await self._stop_runs(grace)
        await self._listening.aclose()
        await self._heart.stop()
        self._enlisted = False

    async def _stop_runs(self, grace: float) -> None:
        if not self._tasks:
            return
        for execution, _ in self._executions.values():
            execution.ask(RunReleased)
        await asyncio.wait(self._tasks, timeout=grace)
        for execution, _ in self._executions.values():
            execution.halt(RunReleased)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=3 * UNWINDING)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- runs

    @property
    def free(self) -> bool:
        """Whether it would execute another run at once."""
        return not self._stopping and len(self._tasks) < PLACES

    def launch(
        self, snapshot: Snapshot, *, fresh: bool = False, nested: bool = False
    ) -> asyncio.Future[Snapshot | None]:
        """Execute a run that this process has acquired; see ``Executor.launch``."""
        session_id = snapshot.session.id
        task = asyncio.create_task(self._execute(snapshot, fresh=fresh, nested=nested), name=f"nexus-run-{session_id}")
        self._tasks.add(task)
        self._held[session_id] += 1
        task.add_done_callback(partial(self._done, session_id))
        return task

    def notice(self, session_id: str) -> None:
        """Look at a session soon: a run may wait in it."""
        self._queue.notice(session_id)

    async def _execute(self, snapshot: Snapshot, *, fresh: bool, nested: bool) -> Snapshot | None:
        assert snapshot.run is not None  # noqa: S101 - what has been acquired is a run
        async with contextlib.nullcontext() if nested else self._places:
            workflow = self._registry.get(snapshot.run.workflow)
            return await self._drive(snapshot, workflow, fresh=fresh)

    async def _drive(self, snapshot: Snapshot, workflow: Workflow, *, fresh: bool) -> Snapshot | None:
        session, run = snapshot.session, snapshot.run
        entries = [] if fresh or run is None else await self._engine.store.load_journal(session.id, run.id)
        execution = Execution(self._engine, snapshot, entries)
        if self._stopping:
            return await execution.release()
        self._executions[session.id] = execution, session.version
        try:
            after = await drive(execution, workflow)
        finally:
            if self._executions.get(session.id, (None,))[0] is execution:
                del self._executions[session.id]
        if after is not None and after.run is not None and after.run.worker == UNOWNED:
            self._queue.notice(session.id)
        return after

    def _done(self, session_id: str, task: asyncio.Task[Snapshot | None]) -> None:
        self._tasks.discard(task)
        self._held[session_id] -= 1
        if not self._held[session_id]:
            del self._held[session_id]
        self._queue.made_room()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a run could not be brought to an end here", exc_info=task.exception())

    # -- what the feed, the queue and recovery say

    def _hear(self, event: Event) -> None:
        self._queue.hear(event)
        found = self._executions.get(event.session_id or "")
        if found is None or event.version is None or event.version <= found[1]:
            return
        if event.type in _ENDED:
            found[0].halt(RunCancelled)
        elif event.type in _TAKEN and event.data.get("worker") not in (None, self._heart.worker_id):
            found[0].halt(RunLost)

    async def _pick(self, session_id: str) -> None:
        try:
            snapshot = await self._engine.load(session_id)
        except NexusError:
            return
        if snapshot.run is None or snapshot.run.worker != UNOWNED:
            return
        acquire = acquiring.take if snapshot.session.status in RUNNING else acquiring.next_in_line
        acquired = await acquire(self._engine, session_id, self._caller, await self.enlist(), self._knows)
        if acquired is not None:
            self.launch(acquired)

    async def _inherit(self, session_id: str, dead: str) -> None:
        worker = await self.enlist() if self.free else UNOWNED
        acquired = await acquiring.take(self._engine, session_id, self._caller, worker, self._knows, dead=dead)
        if acquired is not None and worker != UNOWNED:
            self.launch(acquired)

    def _knows(self, workflow: str) -> bool:
        return workflow in self._registry
