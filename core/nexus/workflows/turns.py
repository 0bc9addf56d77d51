"""Turns: runs that are wanted in one session at once wait for each other, up to ``session_lock_timeout``.

Those of one process go in the order in which they came; between processes it is who asks first when the session is
idle, with a little chance, so that none is always first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from nexus.errors import SessionBusy
from nexus.sessions.engine import Engine

T = TypeVar("T")
_JITTER = 0.01


class Turns:
    """One for all callers of a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._timeout = engine.settings.session_lock_timeout
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, session_id: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Attempt until it is this caller's turn.

        Args:
            session_id: The session.
            attempt: Raises ``SessionBusy`` while a run is live.

        Raises:
            SessionBusy: The time is over.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout
        line = self._lines.setdefault(session_id, asyncio.Lock())
        try:
            async with asyncio.timeout_at(until):
                await line.acquire()
        except TimeoutError:
            raise self._busy(session_id, "others wait for it too") from None
        try:
            try:
                return await attempt()
            except SessionBusy:
                return await self._await(session_id, attempt, until)
        finally:
            line.release()

    async def _await(self, session_id: str, attempt: Callable[[], Awaitable[T]], until: float) -> T:
        loop = asyncio.get_running_loop()
        async with self._engine.watch(session_id) as watch:
            while True:
                try:
                    return await attempt()
                except SessionBusy as busy:
                    left = until - loop.time()
                    if left <= 0:
                        raise self._busy(session_id, busy.message) from None
                if await watch.wait(left):
                    await asyncio.sleep(random.random() * _JITTER)  # noqa: S311 - fairness, not secrecy

    def _busy(self, session_id: str, why: str) -> SessionBusy:
        return SessionBusy(
            f"session {session_id} stayed busy for {self._timeout:g} s ({why}): try again, or run in the background",
            session_id=session_id, waited=self._timeout,
        )  # fmt: skip
