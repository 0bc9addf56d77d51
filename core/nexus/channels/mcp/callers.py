"""Who is calling: the token's owner over HTTP, the local user over stdio; always through the channel ``mcp``.

The HTTP server authenticates before MCP sees a request and leaves the ``Caller`` in the ASGI scope under
``SCOPE_KEY``. Where nobody did, the caller is the local user, as for every unauthenticated door; ``http.py``
refuses such requests when ``enable_auth`` is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from nexus.model import Caller

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from nexus.app import AsyncNexus

CHANNEL = "mcp"
SCOPE_KEY = "nexus.caller"
"""Where in an ASGI scope the HTTP server leaves the ``Caller`` of a request."""

READING = frozenset({"read", "operate", "admin"})
"""Scopes that see all sessions."""

STEERING = frozenset({"operate", "admin"})
"""Scopes that change any session."""


def in_scope(scope: Mapping[str, Any]) -> Caller | None:
    """The caller that a request was authenticated as, ``None`` if it was not."""
    caller = scope.get(SCOPE_KEY)
    return caller if isinstance(caller, Caller) else None


def caller_of(app: AsyncNexus, ctx: ServerRequestContext[Any, Any]) -> Caller:
    """The caller of one MCP request; its channel is ``mcp`` whatever door it passed on its way."""
    known = in_scope(ctx.request.scope) if ctx.request is not None else None
    caller = known or app.local_caller(CHANNEL)
    return msgspec.structs.replace(caller, channel=CHANNEL)
