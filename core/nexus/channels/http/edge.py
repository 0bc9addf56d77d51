"""The outermost layer: guards, measures, and turns whatever is raised into a problem.

Pure ASGI, once around everything. A request from another site's page is refused here: browsers send such
requests to servers on the user's own machine, so neither a matching address nor a missing token is a sign of consent.
"""

from __future__ import annotations

import logging
from time import perf_counter
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.channels.http.context import HttpContext
from nexus.channels.http.problems import InternalError, problem
from nexus.channels.http.reading import Disconnected
from nexus.channels.http.refusing import refused
from nexus.channels.wire.resource import challenge
from nexus.errors import NexusError, PermissionDenied
from nexus.sessions.hiding import place_of

logger = logging.getLogger("nexus.http")


class Edge:
    """Wraps the router. See the module."""

    def __init__(self, context: HttpContext, router: ASGIApp) -> None:
        self.context = context
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the lifespan."""
        if scope["type"] != "http":
            await self.router(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = self.context.pacing.told(message)
            await send(message)

        self.context.pacing.begin()
        try:
            self._guard(scope)
            await self.router(scope, receive, watched)
        except Disconnected:
            status = status or 499
        except NexusError as error:
            await refused(self.context, error, scope)
            await self._tell(error, scope, receive, watched, begun=bool(status))
        except Exception as error:  # noqa: BLE001 - whatever it is, the server goes on
            self._log(error, scope)
            fault = InternalError("the server failed at this request; its log has the cause")
            await self._tell(fault, scope, receive, watched, begun=bool(status))
        finally:
            route = scope.get("nexus.route", "(none)")
            self.context.meter.request(route, scope["method"], status, perf_counter() - started)

    def _log(self, error: Exception, scope: Scope) -> None:
        if self.context.app.settings.redact:
            # A route of the user's may have raised it, with a value in its text that is to be seen by nobody.
            raised = type(error).__name__
            logger.error("%s %s failed: %s%s", scope["method"], scope["path"], raised, place_of(error))
        else:
            logger.error("%s %s failed", scope["method"], scope["path"], exc_info=error)

    def _guard(self, scope: Scope) -> None:
        origin = host = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            raise PermissionDenied(
                f"the request comes from a page of another site ({origin[:100]}): ask from this server's own address,"
                " or without a browser",
                origin=origin[:100],
            )
        hosts = self.context.hosts
        if hosts is not None and host_name(host) not in hosts:
            raise PermissionDenied(
                f"Host {host[:100]!r} is not this server's: it listens on the local machine only, as"
                f" {', '.join(sorted(hosts))}",
                host=host[:100],
            )  # fmt: skip

    async def _tell(self, error: NexusError, scope: Scope, receive: Receive, send: Send, *, begun: bool) -> None:
        if begun:
            # Half an answer is out: dropping the connection is the only way left to say that it is not whole.
            logger.warning("%s %s broke off: %s", scope["method"], scope["path"], error)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        wanted = challenge(
            self.context.app.settings, scope.get("scheme", "http"), headers.get(b"host", "localhost"),
            shown=b"authorization" in headers,
        )  # fmt: skip
        await problem(error, scope["path"], wanted)(scope, receive, send)


def host_name(host: str) -> str:
    """The name in a ``Host`` header, in lower case and without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
