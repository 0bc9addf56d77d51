"""Recovery: takes over the runs of processes that died.

A worker is dead when the store has not heard from it for its lease, or, at once, when it ran on this machine and its
process is gone. It is forgotten when none of its runs is left, and looked back at for a while. Should a run still be
of one that nobody lists, because whoever looked back has died too, it is taken over a lease after it was first seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Worker
from nexus.sessions.engine import Engine
from nexus.workflows.executors.liveness import is_dead

LOOK_EVERY = 0.5
"""Seconds between two looks, at most; one cheap read each."""
_CHUNK = 100
_TOGETHER = 10
_LOOK_BACK = 3.0
"""Leases for which a worker that was forgotten is looked at again."""
_log = logging.getLogger("nexus.executor")


class Recovery:
    """Looks for dead workers while it runs.

    Args:
        engine: Whose store lists the workers.
        me: This process's worker.
        take: Takes over the run of a session from a worker.
        held: Whether this process is executing the run of a session.
    """

    def __init__(
        self, engine: Engine, me: str, take: Callable[[str, str], Awaitable[None]], held: Callable[[str], bool]
    ) -> None:
        self._engine = engine
        self._store = engine.store
        self._me = me
        self._take = take
        self._held = held
        self._lease = engine.settings.recovery_interval
        self._forgotten: dict[str, tuple[Worker, float]] = {}
        self._unlisted: dict[str, float] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._lease
        while True:
            try:
                await self.look()
                if loop.time() >= due:
                    await self.reclaim()
                    await self.adopt()
                    due = loop.time() + self._lease / 2
            except NexusError as error:
                _log.warning("dead workers can't be looked for: %s", error)
            except Exception:  # noqa: BLE001 - one look that fails must not end all that follow
                _log.exception("dead workers can't be looked for")
            await asyncio.sleep(min(LOOK_EVERY, self._lease / 3))

    async def look(self) -> None:
        """Take over what dead workers have left."""
        listed = await self._store.workers()
        await self._look_back({worker.id for worker in listed})
        for worker in listed:
            if worker.id != self._me and is_dead(worker):
                await self._inherit(worker)

    async def reclaim(self) -> None:
        """Take up runs that are this process's in the store and that it has lost, as when the store was away."""
        before = self._engine.clock.now() - self._lease
        for session_id in await self._store.runs_of(self._me, _CHUNK):
            if self._held(session_id):
                continue
            snapshot = await self._store.load(session_id)
            run = snapshot.run if snapshot is not None else None
            if run is not None and (run.taken_at is None or run.taken_at < before) and not self._held(session_id):
                await self._take(session_id, self._me)

    async def adopt(self) -> None:
        """Take over the runs of workers that nobody has listed for a lease.

        One that lives and was forgotten is listed by its next beat, long before that is over.
        """
        now = asyncio.get_running_loop().time()
        # Who holds a run was listed before it did, so whoever isn't by now has been forgotten.
        holders = await self._store.holders()
        listed = {worker.id for worker in await self._store.workers()}
        self._unlisted = {name: self._unlisted.get(name, now) for name in holders - listed - {self._me}}
        for worker_id, since in list(self._unlisted.items()):
            if now - since >= self._lease:
                runs = await self._take_all(worker_id)
                _log.info("worker %s is not listed, and held %d runs: they are taken over", worker_id, runs)

    async def _inherit(self, worker: Worker) -> None:
        runs = await self._take_all(worker.id)
        if runs:
            _log.info("worker %s (process %d on %s) is dead; it held %d runs", worker.id, worker.pid, worker.host, runs)
        if not await self._store.runs_of(worker.id, 1):
            await self._store.forget_worker(worker.id)
            self._forgotten[worker.id] = worker, asyncio.get_running_loop().time() + _LOOK_BACK * self._lease

    async def _look_back(self, listed: set[str]) -> None:
        """See that workers that were forgotten have acquired nothing since.

        One that was merely cut off may have begun a run just then, and have died before its next beat; or what a dead
        one had sent arrives late. Nobody would find such a run: its worker is listed again, as a dead one.
        """
        now = asyncio.get_running_loop().time()
        for worker_id, (worker, until) in list(self._forgotten.items()):
            found = worker_id not in listed and bool(await self._store.runs_of(worker_id, 1))
            if found:
                await self._store.beat(worker, 0.0)
            if found or worker_id in listed or now >= until:
                del self._forgotten[worker_id]

    async def _take_all(self, worker_id: str) -> int:
        """Take over a chunk of the runs of a worker; how many there were."""
        runs = await self._store.runs_of(worker_id, _CHUNK)
        for start in range(0, len(runs), _TOGETHER):
            together = runs[start : start + _TOGETHER]
            await asyncio.gather(*(self._take_over(session_id, worker_id) for session_id in together))
        return len(runs)

    async def _take_over(self, session_id: str, worker_id: str) -> None:
        """What is wrong with one session keeps no others from being taken over; this one is tried again."""
        try:
            await self._take(session_id, worker_id)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001
            _log.exception("the run of session %s could not be taken over", session_id)
