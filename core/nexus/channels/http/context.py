"""What all requests of one served application share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from nexus.auth import Brake
from nexus.channels.http.meter import Meter
from nexus.channels.http.pacing import Pacing
from nexus.channels.http.streams import Frames
from nexus.model import Caller

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

_THREADS = 64


class HttpContext:
    """Made once for each ASGI application.

    Args:
        app: What is served.
        hosts: Names that ``Host`` may have; ``None`` for any.
    """

    def __init__(self, app: AsyncNexus, hosts: frozenset[str] | None = None) -> None:
        self.app = app
        self.hosts = hosts
        self.stopping = asyncio.Event()
        """Set when the server stops: streams end and waits give up."""
        self.on_stop: list[Callable[[], object]] = []
        """Called when the server stops, for what has streams of its own."""
        self.threads = ThreadPoolExecutor(_THREADS, "nexus-route")
        """Where synchronous handlers of the user's run."""
        self.meter = Meter()
        self.brake = Brake()
        self.frames = Frames()
        self.pacing = Pacing(app.settings)
        self._callers: dict[str, Caller] = {}
        self._described: tuple[tuple[str, ...], dict[str, Any]] | None = None

    def local_caller(self, channel: str) -> Caller:
        """The user of this process on a channel; who that is doesn't change, and takes a look-up to find out."""
        caller = self._callers.get(channel)
        if caller is None:
            caller = self._callers[channel] = self.app.local_caller(channel)
        return caller

    def stop(self) -> None:
        """End streams and waits now; nothing happens the second time."""
        if not self.stopping.is_set():
            self.stopping.set()
            for each in self.on_stop:
                each()

    def now(self) -> float:
        """Seconds since the epoch, for ids of requests."""
        return time.time()

    def description(self) -> dict[str, Any]:
        """The OpenAPI document; made again only when a workflow has been registered since."""
        from nexus.channels.http import openapi
        from nexus.channels.http.table import OPERATIONS

        names = self.app.registry.names()
        if self._described is None or self._described[0] != names:
            self._described = names, openapi.build(OPERATIONS, self.app.registry.infos(), _version())
        return self._described[1]

    def openapi(self) -> bytes:
        """The document as JSON."""
        return msgspec.json.encode(self.description())


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("nexus-tui")
    except PackageNotFoundError:
        return "0.1.0"
