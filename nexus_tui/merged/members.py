"""Member: one context among several: its service while there is one, whether it answers, and since when not.

Each keeps its own connection in a task of its own: one that is away is tried again and again, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Statistics
from nexus.service import Service
from nexus_tui.connection import Opens

T = TypeVar("T")

_RETRY: Final = 1.0
"""Seconds between two tries to reach a context."""
_REFUSED_RETRY: Final = 30.0
"""Seconds until a context is tried again that refused, as for a wrong token."""
_PATIENCE: Final = 10.0
"""Seconds after which a context that doesn't answer counts as away: the others are not kept waiting."""


class ContextAway(NexusError):
    """One of several contexts doesn't answer now; the others go on."""

    code, status, title = "store_unavailable", 503, "Context not connected"


class Member:
    """One context."""

    def __init__(self, name: str, target: Opens, changed: Callable[[], None]) -> None:
        """Prepare; ``keep`` connects.

        Args:
            name: The context's name.
            target: Where it is.
            changed: Is called when it comes or goes.
        """
        self.name = name
        self.target = target
        self.state: Literal["connecting", "live", "lost"] = "connecting"
        self.heard: float | None = None
        """When it last answered, in seconds since the epoch."""
        self.reason = ""
        self.figures: Statistics | None = None
        """Its figures, as they were last told."""
        self.answered = asyncio.Event()
        """Set while it is live."""
        self.tried = asyncio.Event()
        """Set once it is known whether it is there."""
        self._service: Service | None = None
        self._changed = changed

    @property
    def is_read_only(self) -> bool:
        """Whether it refuses every change."""
        return bool(getattr(self.target, "read_only", False))

    @property
    def namespace(self) -> str | None:
        """The part of its store that is looked at; ``None`` is the one without a name."""
        found: str | None = getattr(self.target, "namespace", None)
        return found

    async def keep(self) -> None:
        """Stay connected until cancelled."""
        while True:
            wait = _RETRY
            try:
                async with self.target.open_service() as service:
                    await self._use(service)
            except StoreUnavailable as error:
                self.lose(error)
            except NexusError as error:
                self.lose(error)
                wait = _REFUSED_RETRY
            finally:
                self._service = None
            await asyncio.sleep(wait)

    async def _use(self, service: Service) -> None:
        on_connection = getattr(service, "on_connection", None)
        if on_connection is not None:
            on_connection(self._take_connection)
        self._service = service
        while True:
            if self.state != "live":
                await self._look()
            await asyncio.sleep(_RETRY)

    async def _look(self) -> None:
        """Ask for its figures, as a question that tells whether it is there."""
        service = self._service
        assert service is not None  # noqa: S101  only while it is used
        try:
            async with asyncio.timeout(_PATIENCE):
                self.figures = await service.statistics()
        except StoreUnavailable as error:
            self.lose(error)
        except TimeoutError:
            self.lose(StoreUnavailable(f"it did not answer within {_PATIENCE:.0f} s"))
        else:
            self.hear()

    def _take_connection(self, is_up: bool) -> None:
        if not is_up:
            self.lose(StoreUnavailable("the connection to the server broke"))

    def hear(self) -> None:
        """Take note that it answered."""
        was, self.state, self.heard, self.reason = self.state, "live", time.time(), ""
        self.answered.set()
        self.tried.set()
        if was != "live":
            self._changed()

    def lose(self, error: NexusError) -> None:
        """Take note that it does not."""
        was, self.state, self.reason = self.state, "lost", error.message
        self.answered.clear()
        self.tried.set()
        if was != "lost":
            self._changed()

    @property
    def service(self) -> Service:
        """What it is asked through.

        Raises:
            ContextAway: It is not there now.
        """
        if self._service is None or self.state != "live":
            raise self.away()
        return self._service

    def away(self) -> ContextAway:
        """That it is not there, as an error."""
        why = f": {self.reason}" if self.reason else ""
        return ContextAway(f"{self.name} is not connected{why}", context=self.name)

    async def ask(self, call: Callable[[Service], Awaitable[T]], *, patience: float | None = None) -> T:
        """Ask it.

        Args:
            call: The question, or the change.
            patience: Seconds after which it counts as away; without, as long as it takes.

        Raises:
            ContextAway: It doesn't answer.
            NexusError: Its refusal.
        """
        service = self.service
        try:
            async with asyncio.timeout(patience):
                answer = await call(service)
        except StoreUnavailable as error:
            self.lose(error)
            raise self.away() from None
        except TimeoutError:
            self.lose(StoreUnavailable(f"it did not answer within {patience:.0f} s"))
            raise self.away() from None
        self.hear()
        return answer

    async def read(self, call: Callable[[Service], Awaitable[T]]) -> T:
        """Ask something that others are asked too, so that nobody waits long for one.

        Raises:
            ContextAway, NexusError: As ``ask``.
        """
        return await self.ask(call, patience=_PATIENCE)
