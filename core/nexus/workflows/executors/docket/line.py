"""The patient line: runs that wait and that docket has brought to nobody.

A message may never have been sent, because the process that left the run waiting was killed or has no docket; it may be
lost with the queue, lie with a process that hangs, or have reached one that doesn't know the workflow. So every
process with room takes what has waited for longer than docket ever needs.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from nexus.errors import NexusError
from nexus.model import RUNNING, Event
from nexus.model.change import UNOWNED, Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.executors.running import ENDED

PATIENCE = 0.25
"""Seconds that docket has to bring a run to somebody, at least."""
_TOGETHER = 10
_FIRST_LIMIT = 300
_LAST_LIMIT = 30_000
_TELLING = frozenset({"run.queued", "run.woken", "run.released", "run.recovered", "session.signalled"})
_log = logging.getLogger("nexus.executor")

Missed = Callable[[Sequence[Snapshot]], Awaitable[None]]


class PatientLine:
    """Feeds runs that have waited too long to ``pick`` while there is room.

    Args:
        engine: Where they wait.
        pick: Takes on what waits in a session, if anything does.
        free: Whether there is room for another run.
        interval: Seconds between looks at everything.
        knows: Whether a workflow can be executed here.
        missed: Given those that have waited too long and found no room, at each look.
    """

    def __init__(
        self,
        engine: Engine,
        pick: Callable[[str], Awaitable[None]],
        free: Callable[[], bool],
        interval: float,
        *,
        knows: Callable[[str], bool],
        missed: Missed,
    ) -> None:
        self._engine = engine
        self._pick = pick
        self._free = free
        self._interval = interval
        self._knows = knows
        self._missed = missed
        # One pace for each process: not all of them go for the same run at once.
        self._patience = PATIENCE * (1 + random.random())  # noqa: S311 - fairness, not secrecy
        self._seen: dict[str, int] = {}
        """Sessions that waited at the last look, with their versions: clocks of other machines may be wrong."""
        self._waiting: dict[str, float] = {}
        self._urgent: dict[str, None] = {}
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Listen to the event feed: somebody has left a run waiting, or taken one."""
        session_id = event.session_id
        if session_id is None:
            return
        if event.type == "run.started" or event.data.get("worker") or event.type in ENDED:
            self._waiting.pop(session_id, None)
        elif event.type in _TELLING:
            if not self._waiting:
                self._wake.set()
            self._waiting.setdefault(session_id, asyncio.get_running_loop().time() + self._patience)

    def notice(self, session_id: str) -> None:
        """Look at a session now: nobody else is told of it."""
        self._urgent[session_id] = None
        self._wake.set()

    def made_room(self) -> None:
        """docket brings the next."""

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await self._pick_all(self._overdue())
                if loop.time() >= due:
                    due = loop.time() + self._interval * random.uniform(0.75, 1.25)  # noqa: S311 - as above
                    await self._look_at_all()
            except NexusError as error:
                _log.warning("waiting runs can't be looked for: %s", error)
            except Exception:  # noqa: BLE001 - one look that fails must not end all that follow
                _log.exception("waiting runs can't be looked for")
            first = next(iter(self._waiting.values()), due)
            try:
                async with asyncio.timeout_at(min(first, due)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    def _overdue(self) -> list[str]:
        # All wait equally long, so those that came first are due first.
        now = asyncio.get_running_loop().time()
        found = [*self._urgent]
        self._urgent.clear()
        for session_id, due in self._waiting.items():
            if due > now:
                break
            found.append(session_id)
        for session_id in found:
            self._waiting.pop(session_id, None)
        return found

    async def _pick_all(self, session_ids: Sequence[str]) -> int:
        """Pick in their order while there is room; how many there was room for."""
        for start in range(0, len(session_ids), _TOGETHER):
            if not self._free():
                return start
            await asyncio.gather(*map(self._pick, islice(session_ids, start, start + _TOGETHER)))
        return len(session_ids)

    async def _look_at_all(self) -> None:
        late = await self._late()
        if late:
            picked = await self._pick_all([snapshot.session.id for snapshot in late])
            await self._missed(late[picked:])

    async def _late(self) -> list[Snapshot]:
        """Runs that have waited too long; those that this process can't execute may come first: it looks past them."""
        limit = _FIRST_LIMIT
        while True:
            waiting = await self._engine.store.runs_of(UNOWNED, limit)
            found = await self._engine.store.load_many(waiting) if waiting else {}
            before = self._engine.clock.now() - self._patience
            late = [snapshot for snapshot in found.values() if self._is_late(snapshot, before)]
            self._seen = {session_id: snapshot.session.version for session_id, snapshot in found.items()}
            if late or len(waiting) < limit or limit >= _LAST_LIMIT:
                return late
            limit *= 4

    def _is_late(self, snapshot: Snapshot, before: float) -> bool:
        session, run = snapshot.session, snapshot.run
        if run is None or (session.last_activity > before and self._seen.get(session.id) != session.version):
            return False
        # In an idle session it is the inbox that says which workflow comes next.
        return session.status not in RUNNING or self._knows(run.workflow)
