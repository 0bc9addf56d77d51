"""MCP over Streamable HTTP: one endpoint for the stateless 2026-07-28 revision and for older clients.

Older clients open with ``initialize``; they are answered without a protocol session (stateless), because the
session that matters is Nexus's own, named by ``session_id``. Answers are Server-Sent Events where there is something
to tell along the way, and plain JSON for clients that accept only JSON. There is no stream to ``GET`` and no
protocol session to ``DELETE``: both are 405, as the protocol provides.

The SDK's part needs a running task group, and a mounted app's own lifespan is never run: ``McpMount.run`` has to be
active for as long as ``McpMount.asgi`` is served.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from msgspec.structs import replace
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from nexus.channels.mcp.bodies import buffered
from nexus.channels.mcp.callers import CHANNEL, SCOPE_KEY, in_scope
from nexus.channels.mcp.guard import HostGuard
from nexus.channels.mcp.refusals import refusal
from nexus.channels.mcp.runs import WAIT
from nexus.channels.mcp.server import Served, build
from nexus.channels.wire.resource import challenge
from nexus.errors import AuthenticationRequired, InvalidInput, NexusError
from nexus.model import Caller
from nexus.settings import Settings

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

_CALLS = "tools/call"

Authenticate = Callable[[Mapping[str, str], str], Awaitable[Caller]]
"""From a request's headers, names in lower case, and the address that it came from, to its caller; raises
``AuthenticationRequired``."""


def mount(
    app: AsyncNexus,
    *,
    host: str | None = None,
    authenticate: Authenticate | None = None,
    admit: Callable[[Caller], None] | None = None,
    allowed_hosts: Iterable[str] = (),
    wait: float = WAIT,
) -> McpMount:
    """Make the endpoint of ``app``; nothing is started yet.

    Args:
        app: Open for as long as it is served.
        host: The address that the server is bound to; the settings' own by default.
        authenticate: Tells who calls. Without it, whoever is in front leaves the ``Caller`` in the ASGI scope under
            ``callers.SCOPE_KEY``; with neither, callers are the local user, or refused when ``enable_auth`` is on.
        admit: Counts a request of a caller that ``authenticate`` has told, or raises ``RateLimited``.
        allowed_hosts: Names by which the server is reached, besides the loopback ones and the address that it is
            bound to: ``NAME``, ``NAME:PORT``, or ``*`` to switch the check off.
        wait: Seconds that a call without progress waits for its run before it answers ``in_progress``.
    """
    guard = HostGuard(app.settings.host if host is None else host, allowed_hosts)
    return McpMount(app, Endpoint(app, guard, authenticate, admit), wait)


class McpMount:
    """``asgi`` to be routed at exactly ``/mcp``, and ``run`` to be active meanwhile."""

    def __init__(self, app: AsyncNexus, asgi: Endpoint, wait: float) -> None:
        self._app = app
        self._wait = wait
        self._served: Served | None = None
        self.asgi = asgi

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve until left; that ends open streams and the waiting for runs, not the runs."""
        served = build(self._app, wait=self._wait)
        limit = self._app.settings.max_body_bytes
        async with AsyncExitStack() as stack:
            for json_only in (False, True):
                manager = StreamableHTTPSessionManager(
                    served.server, stateless=True, json_response=json_only, max_request_body_size=limit
                )
                await stack.enter_async_context(manager.run())
                self.asgi.managers[json_only] = manager
            self._served = served
            try:
                yield
            finally:
                self.asgi.managers.clear()
                self._served = None
                await served.close()

    def close_streams(self) -> None:
        """End open listen streams in the protocol's way, so that a server that is shutting down need not wait."""
        if self._served is not None:
            self._served.listeners.close()


class Endpoint:
    """The ASGI app: who may pass, then which way to answer."""

    def __init__(
        self,
        app: AsyncNexus,
        guard: HostGuard,
        authenticate: Authenticate | None,
        admit: Callable[[Caller], None] | None = None,
    ) -> None:
        self._app = app
        self._guard = guard
        self._authenticate = authenticate
        self._count = admit
        self.managers: dict[bool, StreamableHTTPSessionManager] = {}
        """By whether the client accepts only JSON; empty while nothing runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the MCP endpoint serves http, not {scope['type']}")
        if not self.managers:
            raise RuntimeError("the MCP endpoint is served without McpMount.run() being active")
        scope = {**scope, "headers": [(name, value.strip(b" \t")) for name, value in scope["headers"]]}
        try:
            await self._admit(scope)
            if scope["method"] != "POST":
                await Response(status_code=405, headers={"allow": "POST"})(scope, receive, send)
                return
            receive = await buffered(scope, receive, self._app.settings.max_body_bytes)
        except NexusError as error:
            await self._refused(error, scope)
            await refusal(error, scope["path"], _challenge(self._app.settings, scope))(scope, receive, send)
            return
        _, takes_events = check_accept_headers(Request(scope))

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500 and _may_change(scope):
                await self._refused(InvalidInput("it is no message of the protocol", field="body"), scope)
            await send(message)

        await self.managers[not takes_events].handle_request(scope, receive, watched)

    async def _refused(self, error: NexusError, scope: Scope) -> None:
        if scope["method"] == "POST":
            caller = in_scope(scope)
            if caller is None and not self._app.settings.asks_who:
                caller = self._app.local_caller(CHANNEL)
            known = None if caller is None else replace(caller, channel=CHANNEL)
            await self._app.refused(error, channel=CHANNEL, address=_peer(scope), caller=known)

    async def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._guard.check(headers.get("host"), headers.get("origin"))
        if in_scope(scope) is not None:
            return
        if self._authenticate is not None:
            caller = scope[SCOPE_KEY] = await self._authenticate(dict(headers), _peer(scope))
            if self._count is not None:
                self._count(caller)
        elif self._app.settings.asks_who:
            raise AuthenticationRequired("send the header Authorization: Bearer TOKEN", field="authorization")


def _may_change(scope: Scope) -> bool:
    """Whether a request may have been a call of a tool; the newer revision says what it is in a header."""
    return Headers(scope=scope).get("mcp-method", _CALLS) == _CALLS


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _challenge(settings: Settings, scope: Scope) -> str:
    headers = Headers(scope=scope)
    host, shown = headers.get("host", "localhost"), "authorization" in headers
    return challenge(settings, scope.get("scheme", "http"), host, shown=shown)
