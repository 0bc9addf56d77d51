"""``DocketExecutor``: runs of many machines' processes, spread over them by docket.

It is a ``LocalExecutor`` that doesn't look for runs itself: whoever leaves a run waiting sends word of it, and docket
brings that to one process with room. What docket has brought to nobody is found in the store after all (``line.py``),
and the runs of dead processes are found by their leases, as everywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from nexus.errors import NexusError
from nexus.model.change import Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.executors.docket.carrier import Carrier
from nexus.workflows.executors.docket.line import PatientLine
from nexus.workflows.executors.docket.receiver import Receiver
from nexus.workflows.executors.local import LocalExecutor
from nexus.workflows.executors.queue import WaitingLine
from nexus.workflows.registry import Registry

_log = logging.getLogger("nexus.executor")


class DocketExecutor:
    """See the module's docstring; used on the event loop of the engine.

    Args:
        engine: Where the runs are recorded.
        registry: The workflows that this process knows.
        store_url: The store's URL, with which docket connects.
    """

    def __init__(self, engine: Engine, registry: Registry, store_url: str) -> None:
        settings = engine.settings
        self._registry = registry
        self._local = LocalExecutor(engine, registry, self._line)
        self._receiver = Receiver(
            self._local.worker_id, settings.worker_concurrency, settings.recovery_interval, self._deliver
        )
        self._carrier = Carrier(store_url, settings.session_prefix, self._receiver if self._local.here else None)
        self._started = False
        engine.left_waiting = self._left_waiting

    async def start(self) -> None:
        """Take waiting runs, and those of dead processes, from now on; or only send word of those that wait."""
        await self._local.start()
        self._started = True
        self._carrier.start()

    async def stop(self, grace: float) -> None:
        """Stop at the next checkpoint of each run and hand the runs over; see ``Executor.stop``."""
        self._receiver.close()
        await self._local.stop(grace)
        await self._carrier.stop()
        self._started = False

    async def enlist(self) -> str:
        """The id under which this process acquires runs."""
        return await self._local.enlist()

    @property
    def here(self) -> bool:
        """Whether this process executes runs; if not, they are left to workers."""
        return self._local.here

    @property
    def eager(self) -> bool:
        """Whether background runs of its own begin here at once: only where docket can't spread them."""
        return self.here and self._started and not self._carrier.up

    @property
    def free(self) -> bool:
        """Whether it would execute another run at once."""
        return self._local.free

    @property
    def carried(self) -> bool:
        """Whether docket is connected."""
        return self._carrier.up

    def launch(
        self, snapshot: Snapshot, *, fresh: bool = False, nested: bool = False
    ) -> asyncio.Future[Snapshot | None]:
        """Execute a run that this process has acquired; see ``Executor.launch``."""
        return self._local.launch(snapshot, fresh=fresh, nested=nested)

    def _line(
        self, engine: Engine, pick: Callable[[str], Awaitable[None]], free: Callable[[], bool], interval: float
    ) -> WaitingLine:
        return PatientLine(
            engine, pick, free, interval, knows=self._registry.__contains__, missed=self._missed,
        )  # fmt: skip

    def _left_waiting(self, snapshot: Snapshot) -> None:
        """A process that is not started leaves it to those that are, who hear of it too."""
        session = snapshot.session
        if self._carrier.up:
            self._carrier.announce(session.id, session.epoch)
        elif self._started and self.here:
            self._local.notice(session.id)

    async def _missed(self, snapshots: Sequence[Snapshot]) -> None:
        await self._carrier.replace_lost([(snapshot.session.id, snapshot.session.epoch) for snapshot in snapshots])

    async def _deliver(self, session_id: str) -> None:
        """Execute what waits in a session until this process is done with it."""
        try:
            running = await self._local.take(session_id)
        except NexusError as error:
            _log.warning("the run that waits in session %s could not be taken: %s", session_id, error)
            return
        if running is not None:
            await asyncio.wait({running})
