"""The ASGI application: built-in operations, routes of the user's, MCP, and the edge around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from nexus.channels.http.context import HttpContext
from nexus.channels.http.edge import Edge
from nexus.channels.http.endpoint import PathEndpoint
from nexus.channels.http.operation import Operation
from nexus.channels.http.problems import route_not_found
from nexus.channels.http.table import OPERATIONS
from nexus.channels.http.user_routes import user_routes
from nexus.errors import InvalidInput

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

MCP = "nexus.channels.mcp.http"


class HttpApplication:
    """An ASGI application over one ``AsyncNexus``.

    Its lifespan opens the app, where it isn't open yet, and starts executing runs; a server that doesn't speak
    lifespan uses ``lifespan()``.

    Args:
        app: What to serve.
        hosts: Names that ``Host`` may have; ``None`` for any.

    Raises:
        InvalidInput: A route of the user's doesn't fit.
    """

    def __init__(self, app: AsyncNexus, hosts: frozenset[str] | None = None) -> None:
        self.context = HttpContext(app, hosts)
        self._mcp: Any = None
        routes: list[BaseRoute] = [*_built_in(self.context)]
        if find_spec(MCP) is not None:
            routes += [Route("/mcp", self._serve_mcp), Mount("/mcp", self._serve_mcp)]
        routes += user_routes(self.context, app.routes, OPERATIONS)
        known = [each.path for each in OPERATIONS]

        async def missing(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
            if scope["type"] == "http":
                raise route_not_found(scope["path"], known)
            await send({"type": "websocket.close", "code": 1000, "reason": ""})

        router = Router(routes, redirect_slashes=False, default=missing, lifespan=lambda _: self.lifespan())
        self._asgi: ASGIApp = Edge(self.context, router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._asgi(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open and start the app, and run what is mounted, while the context is open."""
        app = self.context.app
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_opened(app))
            await app.start()
            if find_spec(MCP) is not None:
                from nexus.channels.mcp.http import mount

                mounted = mount(app)
                await stack.enter_async_context(mounted.run())
                self._mcp = mounted.asgi
            yield
            self.context.stopping.set()

    @property
    def _serve_mcp(self) -> ASGIApp:
        async def serve_mcp(scope: Scope, receive: Receive, send: Send) -> None:
            scope["nexus.route"] = "/mcp"
            await self._mcp(scope, receive, send)

        return _Asgi(serve_mcp)


class _Asgi:
    """Marks a function as an ASGI application for Starlette, which takes functions for handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _built_in(context: HttpContext) -> list[Route]:
    by_path: dict[str, list[Operation]] = {}
    for each in OPERATIONS:
        by_path.setdefault(each.path, []).append(each)
    return [Route(path, PathEndpoint(context, path, operations)) for path, operations in by_path.items()]


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
