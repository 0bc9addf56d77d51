"""The queue: runs that wait for a process to take them. The store is the queue; this only looks.

It looks at a session when an event says that something may wait there, and at all that wait from time to time, since
the process that would have said so may have died.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Protocol

from nexus.errors import NexusError
from nexus.model import Event
from nexus.model.change import UNOWNED
from nexus.stores.base import Store

TELLING = frozenset({"run.queued", "run.woken", "run.released", "run.recovered", "session.signalled", "run.suspended"})
"""Events after which a run may wait to be taken."""
_TOGETHER = 10
"""Sessions looked at together: their commits share a write of the disk."""
_RETRY = 1.0
"""Seconds until everything is looked at after a look that failed: what had been noticed may be lost with it."""
_FIRST_LIMIT = 100
_LAST_LIMIT = 100_000
_log = logging.getLogger("nexus.executor")


class WaitingLine(Protocol):
    """What finds the runs that wait to be taken, and feeds them to this process."""

    def hear(self, event: Event) -> None:
        """Listen to the event feed."""
        ...

    def notice(self, session_id: str) -> None:
        """Look at a session soon."""
        ...

    def made_room(self) -> None:
        """A run has ended here."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class Queue:
    """Feeds waiting runs to ``pick`` while there is room.

    Args:
        store: Where they wait.
        pick: Takes on what waits in a session, if anything does.
        free: Whether there is room for another run.
        interval: Seconds between looks at everything.
    """

    def __init__(
        self, store: Store, pick: Callable[[str], Awaitable[None]], free: Callable[[], bool], interval: float
    ) -> None:
        self._store = store
        self._pick = pick
        self._free = free
        self._interval = interval
        self._noticed: dict[str, None] = {}
        self._crowded = True
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Listen to the event feed."""
        if event.type in TELLING and event.session_id is not None:
            self.notice(event.session_id)

    def notice(self, session_id: str) -> None:
        """Look at a session soon."""
        self._noticed[session_id] = None
        self._wake.set()

    def made_room(self) -> None:
        """A run has ended: there may be room for those that were left waiting."""
        if self._crowded:
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            try:
                if self._crowded or loop.time() >= due:
                    await self._look_at_all()
                    due = loop.time() + self._interval
                await self._look_at_noticed()
            except NexusError as error:
                _log.warning("waiting runs can't be looked for: %s", error)
                due = loop.time() + min(_RETRY, self._interval)
            except Exception:  # noqa: BLE001 - one look that fails must not end all that follow
                _log.exception("waiting runs can't be looked for")
                due = loop.time() + min(_RETRY, self._interval)
            try:
                async with asyncio.timeout(max(0.0, due - loop.time())):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _look_at_noticed(self) -> None:
        while self._noticed:
            if not self._free():
                self._crowded = True
                return
            together = list(islice(self._noticed, _TOGETHER))
            for session_id in together:
                del self._noticed[session_id]
            await self._pick_all(together)

    async def _pick_all(self, session_ids: list[str]) -> None:
        await asyncio.gather(*map(self._pick, session_ids))

    async def _look_at_all(self) -> None:
        """Those that this process can't execute may be first in line: look past them."""
        self._crowded = False
        seen: set[str] = set()
        limit = _FIRST_LIMIT
        while True:
            waiting = await self._store.runs_of(UNOWNED, limit)
            new = [session_id for session_id in waiting if session_id not in seen]
            for start in range(0, len(new), _TOGETHER):
                if not self._free():
                    self._crowded = True
                    return
                await self._pick_all(new[start : start + _TOGETHER])
            seen.update(new)
            if len(waiting) < limit or limit >= _LAST_LIMIT:
                return
            limit *= 4
