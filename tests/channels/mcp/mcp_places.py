"""Where the MCP tests meet a server: over a real socket, and over the pipes of a real process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from mcp import Client, StdioServerParameters
from starlette.applications import Starlette
from starlette.routing import Route

from nexus.app import AsyncNexus
from nexus.channels.http import serve
from nexus.channels.mcp.http import McpMount, mount
from nexus.model import Event, Session
from nexus.service import Service
from tests.channels.mcp.mcp_workflows import new_app

ROOT = Path(__file__).parents[3]
ERAS = ("2026-07-28", "2025-11-25")
"""The stateless revision, and the last that opens with ``initialize``."""
PATIENCE = 120.0
"""Seconds after which a wait in a test has failed, on a machine that does much else."""


def mode_of(era: str) -> str:
    """What the official client calls it."""
    return "legacy" if era == "2025-11-25" else era


@asynccontextmanager
async def serving(app: AsyncNexus) -> AsyncIterator[str]:
    """``app`` as ``nexus serve`` serves it, on a free port: the URL of its MCP endpoint."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, port=0, ready=url.set_result, stop=stop))
    first: set[asyncio.Future[Any]] = {task, url}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield f"{await url}/mcp"
    finally:
        stop.set()
        await task


@asynccontextmanager
async def served(app: AsyncNexus, **options: Any) -> AsyncIterator[tuple[str, McpMount]]:
    """The endpoint alone, with options of ``mount``, on a free port: its URL and the mount."""
    point = mount(app, **options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with app, point.run():
            await app.start()
            yield

    web = Starlette(routes=[Route("/mcp", point.asgi)], lifespan=lifespan)
    config = uvicorn.Config(web, port=0, log_level="warning", http="httptools", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/mcp", point
    finally:
        point.close_streams()
        server.should_exit = True
        await serving


def over_pipes(store: str) -> StdioServerParameters:
    """How a client starts the server that speaks over stdio."""
    path = os.pathsep.join(str(ROOT / part) for part in ("core", "widgets", "."))
    script = Path(__file__).with_name("mcp_stdio_process.py")
    return StdioServerParameters(command=sys.executable, args=[str(script), store], env={"PYTHONPATH": path})


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and a look at its store from outside."""

    era: str
    target: str | StdioServerParameters
    look: Service

    def client(self, **options: Any) -> AbstractAsyncContextManager[Client]:
        """A new connection."""
        return Client(self.target, mode=mode_of(self.era), cache=None, **options)

    async def event(self, kind: str, session_id: str | None = None) -> Event:
        """The first event of ``kind``, past or to come."""
        async with asyncio.timeout(PATIENCE):
            async for item in self.look.feed(f"type:{kind}", cursor="0"):
                if item.event is not None and session_id in (None, item.event.session_id):
                    return item.event
        raise AssertionError("the feed ended")

    async def failed(self, session_id: str, runs: int) -> None:
        """Wait until that many runs of a session have failed: one that still runs can't be forked as it is."""
        async with asyncio.timeout(PATIENCE):
            async for item in self.look.feed("type:run.failed", cursor="0"):
                runs -= item.event is not None and item.event.session_id == session_id
                if not runs:
                    return

    async def session(self, session_id: str) -> Session:
        """The session as the store has it."""
        return await self.look.get_session(session_id)


@asynccontextmanager
async def place_on(store: str, era: str, transport: str) -> AsyncIterator[Place]:
    """A server of the test workflows on ``store``, and the store opened a second time."""
    async with new_app(store) as second:
        look = second.service(second.local_caller("sdk"))
        if transport == "stdio":
            yield Place(era, over_pipes(store), look)
            return
        async with serving(new_app(store)) as url:
            yield Place(era, url, look)
