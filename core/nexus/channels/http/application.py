"""The ASGI application: built-in operations, routes of the user's, MCP, and the edge around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Route, Router, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from nexus.channels.http.caller import caller_of
from nexus.channels.http.context import HttpContext
from nexus.channels.http.edge import Edge
from nexus.channels.http.endpoint import PathEndpoint
from nexus.channels.http.operation import Operation
from nexus.channels.http.problems import route_not_found
from nexus.channels.http.table import OPERATIONS
from nexus.channels.http.user_routes import user_routes
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.model import Caller

if TYPE_CHECKING:
    from nexus.app import AsyncNexus
    from nexus.channels.mcp.http import McpMount


class HttpApplication:
    """An ASGI application over one ``AsyncNexus``.

    Its lifespan opens the app, where it isn't open yet, and starts executing runs; a server that doesn't speak
    lifespan uses ``lifespan()``.

    Args:
        app: What to serve.
        hosts: Names that ``Host`` may have; ``None`` for any.
        mcp_hosts: Names by which MCP is reached besides the local machine's own; ``*`` for any.

    Raises:
        InvalidInput: A route of the user's doesn't fit.
    """

    def __init__(self, app: AsyncNexus, hosts: frozenset[str] | None = None, mcp_hosts: tuple[str, ...] = ()) -> None:
        self.context = HttpContext(app, hosts)
        self._mcp_hosts = mcp_hosts
        self._mcp = _Mcp()
        routes = [
            *_built_in(self.context),
            Route("/mcp", self._mcp),
            *user_routes(self.context, app.routes, OPERATIONS),
        ]
        router = Router(routes, redirect_slashes=False, default=_missing, lifespan=lambda _: self.lifespan())
        self._asgi: ASGIApp = Edge(self.context, router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._asgi(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open and start the app, and run what is mounted, while the context is open."""
        from nexus.channels.mcp.http import mount

        app = self.context.app
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_opened(app))
            await app.start()
            await app.parts.verifier.open()
            mounted = mount(
                app, allowed_hosts=self._mcp_hosts, authenticate=self._authenticated, admit=self.context.pacing.admit
            )
            await stack.enter_async_context(_kept_running(mounted))
            self.context.on_stop.append(mounted.close_streams)
            self._mcp.asgi = mounted.asgi
            try:
                yield
            finally:
                self.context.stop()
                self._mcp.asgi = None
                self.context.threads.shutdown(wait=False)

    async def _authenticated(self, headers: Mapping[str, str], peer: str) -> Caller:
        return await caller_of(self.context, headers, peer, "mcp")


class _Mcp:
    """The MCP endpoint, which is there while the application runs: its SDK is imported no sooner."""

    def __init__(self) -> None:
        self.asgi: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["nexus.route"] = "/mcp"
        if self.asgi is None:
            raise StoreUnavailable("MCP isn't running here: serve the application with its lifespan")
        await self.asgi(scope, receive, send)


@asynccontextmanager
async def _kept_running(mounted: McpMount) -> AsyncIterator[None]:
    """Run it in its own task: the SDK wants to be left by the task that entered it, which a lifespan may not be."""
    running, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with mounted.run():
            running.set()
            await over.wait()

    task = asyncio.create_task(run(), name="nexus-mcp")
    waiting = asyncio.create_task(running.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield
    finally:
        waiting.cancel()
        over.set()
        await task


async def _missing(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
    if scope["type"] == "http":
        raise route_not_found(scope["path"], [each.path for each in OPERATIONS])
    await send({"type": "websocket.close", "code": 1000, "reason": ""})


def _built_in(context: HttpContext) -> list[Route]:
    by_path: dict[str, list[Operation]] = {}
    for each in OPERATIONS:
        by_path.setdefault(each.path, []).append(each)
    named = [path for path in by_path if _is_an_id_too(path, by_path)]
    routes = [
        Route(path, PathEndpoint(context, path, by_path[path]), methods=[each.method for each in by_path[path]])
        for path in named
    ]
    rest = (path for path in by_path if path not in named)
    return routes + [Route(path, PathEndpoint(context, path, by_path[path])) for path in rest]


def _is_an_id_too(path: str, paths: Iterable[str]) -> bool:
    """Whether a fixed path could as well name a record, as ``/sessions/bulk`` a session called bulk.

    Such a route takes its own methods alone and leaves the others to the record.
    """
    return "{" not in path and any("{" in other and compile_path(other)[0].match(path) for other in paths)


@asynccontextmanager
async def _opened(app: AsyncNexus) -> AsyncIterator[None]:
    """Open the app for as long as it is served, unless its owner has opened it already."""
    if is_open(app):
        yield
        return
    await app.open()
    try:
        yield
    finally:
        await app.close()


def is_open(app: AsyncNexus) -> bool:
    """Whether the app's store is open."""
    try:
        return app.parts is not None
    except InvalidInput:
        return False


def build_http_app(app: AsyncNexus) -> HttpApplication:
    """The ASGI application that serves ``app``, for any ASGI server.

    Args:
        app: Open already, or opened by the application's lifespan.

    Raises:
        InvalidInput: A route of the user's doesn't fit, or has the path of a built-in one.
    """
    return HttpApplication(app)
