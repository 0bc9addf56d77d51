"""The runs that this process executes: as asyncio tasks, with threads for synchronous bodies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from nexus.model import Event
from nexus.model.change import Snapshot
from nexus.sessions.acting import acting_in
from nexus.sessions.engine import Engine
from nexus.workflows.execution import Execution
from nexus.workflows.registry import Registry, Workflow
from nexus.workflows.runner import UNWINDING, drive
from nexus.workflows.stops import RunCancelled, RunLost, RunReleased

ENDED = frozenset({"session.ended", "session.expired", "session.deleted"})
"""Events after which a session's run goes on in vain."""
_TAKEN = frozenset({"run.recovered", "run.started", "run.woken"})
_log = logging.getLogger("nexus.executor")


class Running:
    """Executes what has been acquired, and stops what has been lost; used on the event loop.

    Args:
        engine: Where the runs are recorded.
        registry: Their workflows.
        worker_id: Under which they have been acquired.
        places: How many execute at once; those beyond wait here.
        made_room: Told when one has ended.
    """

    def __init__(
        self, engine: Engine, registry: Registry, worker_id: str, places: int, made_room: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._worker_id = worker_id
        self._limit = places
        self._made_room = made_room
        self._places = asyncio.Semaphore(places)
        self._held: Counter[str] = Counter()
        self._executions: dict[str, tuple[Execution, int]] = {}
        self._tasks: set[asyncio.Task[Snapshot | None]] = set()
        self._expected = 0
        self._stopping = False

    @property
    def free(self) -> bool:
        """Whether another run would execute at once."""
        return not self._stopping and len(self._tasks) + self._expected < self._limit

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` has been called."""
        return self._stopping

    def holds(self, session_id: str) -> bool:
        """Whether the run of a session is being executed here."""
        return session_id in self._held

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Keep a place for a run that is about to be acquired, while the context is open."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            self._made_room()

    def launch(self, snapshot: Snapshot, *, fresh: bool, nested: bool) -> asyncio.Task[Snapshot | None]:
        """Execute an acquired run; see ``Executor.launch``."""
        session_id = snapshot.session.id
        task = asyncio.create_task(self._execute(snapshot, fresh=fresh, nested=nested), name=f"nexus-run-{session_id}")
        self._tasks.add(task)
        self._held[session_id] += 1
        task.add_done_callback(partial(self._done, session_id))
        return task

    def hear(self, event: Event) -> None:
        """Listen to the event feed: a session may have ended, or its run have been taken over."""
        found = self._executions.get(event.session_id or "")
        if found is None or event.version is None or event.version <= found[1]:
            return
        if event.type in ENDED:
            found[0].halt(RunCancelled)
        elif event.type in _TAKEN and event.data.get("worker") not in (None, self._worker_id):
            found[0].halt(RunLost)

    def refuse(self) -> None:
        """Execute nothing more; what is launched all the same is handed over at once."""
        self._stopping = True

    async def stop(self, grace: float) -> None:
        """Let each run reach its next checkpoint within ``grace`` seconds, and hand it over; see ``Executor.stop``."""
        self.refuse()
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
            with acting_in(self._engine.settings.namespace):
                return await drive(execution, workflow)
        finally:
            if self._executions.get(session.id, (None,))[0] is execution:
                del self._executions[session.id]

    def _done(self, session_id: str, task: asyncio.Task[Snapshot | None]) -> None:
        self._tasks.discard(task)
        self._held[session_id] -= 1
        if not self._held[session_id]:
            del self._held[session_id]
        self._made_room()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a run could not be brought to an end here", exc_info=task.exception())
