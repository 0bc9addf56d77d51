"""Connection: the service of one place, kept open in a task of its own for as long as the console looks at it.

What a service opens has to be closed by the task that opened it: so each place has its own, and going to another one
opens that first and leaves this one afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from nexus.errors import NexusError, StoreUnavailable
from nexus.service import Service

_RETRY: Final = 2.0
"""Seconds between two tries to open a service that can't be reached."""
_GRACE: Final = 1.0
"""Seconds for which an opening that is under way is let come to its end when nobody wants it any more."""


class Opens(Protocol):
    """Where the console looks: ``nexus_tui.cli.target.Target`` is one."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    def open_service(self) -> AbstractAsyncContextManager[Service]:
        """Connect, and disconnect at the end."""
        ...


class Connection:
    """One place."""

    def __init__(self, target: Opens) -> None:
        """Prepare; nothing is opened yet.

        Args:
            target: Where.
        """
        self.target = target
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_open = False

    def keep(
        self,
        use: Callable[[Service], None],
        *,
        away: Callable[[StoreUnavailable], None],
        refused: Callable[[NexusError], None],
    ) -> None:
        """Open it and keep it open; one that can't be reached is tried again and again.

        Args:
            use: Gets the service once it is open.
            away: Is told each time that it can't be reached.
            refused: Is told of anything else that opening ends with, which is not tried again.
        """

        async def kept() -> None:
            while not self._leaving.is_set():
                try:
                    await self._use(use)
                except StoreUnavailable as error:
                    away(error)
                    await self._wait_to_retry()
                except NexusError as error:
                    refused(error)
                    return

        self._task = asyncio.create_task(kept())

    async def first(self) -> Service:
        """Open it once, and keep it open if that went well.

        Returns:
            The service, which has answered a question.

        Raises:
            NexusError: It can't be reached, or it refuses; nothing is open then.
        """
        opened: asyncio.Future[Service] = asyncio.get_running_loop().create_future()

        async def tried() -> None:
            try:
                await self._use(opened.set_result)
            except NexusError as error:
                if not opened.done():
                    opened.set_exception(error)

        self._task = asyncio.create_task(tried())
        service = await opened
        # A server that isn't there is often noticed only when it is asked.
        await service.statistics()
        return service

    def release(self) -> None:
        """Say that it is not looked at any more: nothing that it opens from now on is used."""
        self._leaving.set()

    async def leave(self) -> None:
        """Disconnect; an opening that gets no answer is given up."""
        self.release()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=None if self._is_open else _GRACE)
            if not self._is_open:
                self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def _use(self, use: Callable[[Service], None]) -> None:
        async with self.target.open_service() as service:
            self._is_open = True
            if not self._leaving.is_set():
                use(service)
            await self._leaving.wait()

    async def _wait_to_retry(self) -> None:
        try:
            await asyncio.wait_for(self._leaving.wait(), _RETRY)
        except TimeoutError:
            return
