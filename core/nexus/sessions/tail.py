"""The tail: one reader of the store's newest events, shared by everything in this process that waits for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from nexus.errors import StoreUnavailable
from nexus.model import Event
from nexus.stores.base import Store
from nexus.tasks import end

_IDLE_WAIT = 30.0
_RETRY = 0.2
_BATCH = 500
_log = logging.getLogger("nexus.tail")

Listener = Callable[[Event], None]


class Watch:
    """Wakes when something has happened since it was opened, or since it last woke."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that something has happened."""
        self._woken.set()

    async def wait(self, timeout: float | None = None) -> bool:
        """Sleep until something has happened; ``False`` if ``timeout`` seconds went by first."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class Tail:
    """Reads while anybody listens, and not otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: set[Listener] = set()
        self._watches: dict[str, set[Watch]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def listen(self, listener: Listener) -> AsyncIterator[None]:
        """Call ``listener`` with every event that is committed, by any process, while the context is open."""
        self._listeners.add(listener)
        try:
            await self._running()
            yield
        finally:
            self._listeners.discard(listener)
            await self._rest()

    @asynccontextmanager
    async def watch(self, subject: str) -> AsyncIterator[Watch]:
        """A watch over one session or group."""
        watch = Watch()
        self._watches.setdefault(subject, set()).add(watch)
        try:
            await self._running()
            yield watch
        finally:
            watches = self._watches[subject]
            watches.discard(watch)
            if not watches:
                del self._watches[subject]
            await self._rest()

    async def close(self) -> None:
        """Stop reading."""
        self._listeners.clear()
        self._watches.clear()
        await self._rest()

    async def _running(self) -> None:
        if self._task is None or self._task.done():
            self._ready.clear()
            self._task = asyncio.create_task(self._read(), name="nexus-tail")
        await self._ready.wait()

    async def _rest(self) -> None:
        if self._listeners or self._watches or self._task is None:
            return
        task, self._task = self._task, None
        await end(task)

    async def _read(self) -> None:
        cursor: str | None = None
        while True:
            try:
                batch = await self._store.read_events(cursor, _BATCH)
                cursor = batch.cursor
                self._ready.set()
                for event in batch.events:
                    self._hand_over(event)
                if batch.trimmed:
                    self._wake_all()
                if not batch.events:
                    await self._store.wait_events(cursor, _IDLE_WAIT)
            except StoreUnavailable as error:
                _log.warning("events can't be read: %s", error)
                await self._rest_a_moment()
            except Exception:  # noqa: BLE001 - all that waits for events here would wait for ever
                _log.exception("events can't be read")
                await self._rest_a_moment()

    async def _rest_a_moment(self) -> None:
        self._ready.set()
        await asyncio.sleep(_RETRY)
        self._wake_all()

    def _hand_over(self, event: Event) -> None:
        for subject in (event.session_id, event.group_id):
            for watch in self._watches.get(subject or "", ()):
                watch.wake()
        for listener in tuple(self._listeners):
            _tell(listener, event)

    def _wake_all(self) -> None:
        for watches in self._watches.values():
            for watch in watches:
                watch.wake()


def _tell(listener: Listener, event: Event) -> Any:
    try:
        listener(event)
    except Exception:  # noqa: BLE001 - one listener's bug must not silence the others
        _log.exception("a listener raised on %s", event.type)
