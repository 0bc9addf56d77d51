"""A proxy on the loopback that fails on demand, between a store and its server."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class FaultProxy:
    """Passes bytes on, until told otherwise.

    ``lose_replies`` is how many replies are swallowed from now on, each with its connection; ``admits`` says when
    new connections are taken; ``silent`` swallows everything that the server says. ``flows`` says when bytes are passed
    on: what comes while it is clear is held back and arrives late, even if its sender has long given up. ``latency``
    is how many seconds each way takes.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.admits = asyncio.Event()
        self.admits.set()
        self.lose_replies = 0
        self.lost = asyncio.Event()
        self.silent = False
        self.flows = asyncio.Event()
        self.flows.set()
        self.latency = 0.0
        self.port = 0
        self.connections = 0
        """How many have been passed on so far."""

    @property
    def url(self) -> str:
        """The store's URL through this proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def listen(self) -> None:
        """Take connections, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Reset all connections, and let new ones be refused until ``listen``."""
        assert self._server is not None
        self._server.close()
        self.cut()

    def turn_to(self, port: int) -> None:
        """Pass new connections on to another server; those that there are stay."""
        self._target = port

    def cut(self) -> None:
        """Reset all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self.admits.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            self.connections += 1
            await asyncio.gather(self._pass(reader, back), self._answer(there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(UnboundLocalError):
                back.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._travel()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.silent:
                continue
            if self.lose_replies > 0:
                self.lose_replies -= 1
                self.lost.set()
                break
            await self._travel()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def _travel(self) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)
        await self.flows.wait()
