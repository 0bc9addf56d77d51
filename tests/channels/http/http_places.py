"""Served applications for tests: over a real socket in a thread, or in process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from nexus.app import AsyncNexus
from nexus.channels.http import build_http_app, serve
from nexus.errors import NexusError


def an_app(**settings: Any) -> AsyncNexus:
    """An app on a memory store with a few quick workflows."""
    app = AsyncNexus(**{"store": "memory://", **settings})

    @app.workflow("collect")
    def collect(run: Any, step: int, data: str = "") -> dict[str, Any]:
        """Note a step.

        Args:
            step: Which.
            data: Anything.
        """
        run.state.setdefault("steps", []).append(step)
        return {"steps": run.state["steps"], "data": data}

    @app.workflow("count")
    async def count(run: Any, to: int = 3) -> dict[str, Any]:
        async for number in run.steps(range(min(to, 5))):
            run.state["sum"] = run.state.get("sum", 0) + number
        return {"sum": run.state.get("sum", 0)}

    @app.workflow("fail")
    def fail() -> None:
        raise ValueError("this was meant to fail")

    @app.workflow("approve")
    async def approve(run: Any) -> dict[str, Any]:
        return {"answer": await run.wait_for("approval")}

    return app


class Place:
    """A server in a thread: its address, its loop, and a client of it."""

    def __init__(self, app: AsyncNexus, url: str, loop: asyncio.AbstractEventLoop, client: httpx.Client) -> None:
        self.app = app
        self.url = url
        self.loop = loop
        self.client = client


@contextmanager
def serving(app: AsyncNexus, port: int = 0) -> Iterator[Place]:
    """Serve on a real socket, in a thread with a loop of its own, for as long as the context is open."""
    started, failed = threading.Event(), []
    found: dict[str, Any] = {}

    async def main() -> None:
        found["loop"], found["stop"] = asyncio.get_running_loop(), asyncio.Event()

        def ready(url: str) -> None:
            found["url"] = url
            started.set()

        await serve(app, port=port, ready=ready, stop=found["stop"])

    def run() -> None:
        try:
            asyncio.run(main())
        except NexusError as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="served")
    thread.start()
    started.wait(30)
    if failed:
        thread.join()
        raise failed[0]
    try:
        with httpx.Client(base_url=found["url"], timeout=30) as client:
            yield Place(app, found["url"], found["loop"], client)
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"


@asynccontextmanager
async def in_process(app: AsyncNexus) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks ASGI to the application, without a socket."""
    served = build_http_app(app)
    async with served.lifespan():
        transport = httpx.ASGITransport(app=served)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def until(condition: Callable[[], Awaitable[bool]], timeout: float = 60) -> None:
    """Wait for what another task or process brings about."""
    async with asyncio.timeout(timeout):
        while not await condition():
            await asyncio.sleep(0.005)


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that a response must be."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "details"}
    return body
