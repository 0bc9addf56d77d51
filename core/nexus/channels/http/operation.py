"""An operation: one method of one path, declared once for routing, checking and documenting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from nexus.channels.http.reading import Disconnected
from nexus.channels.wire.asked import ID_PATTERN, Asked, NoQuery
from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus.service import Service

if TYPE_CHECKING:
    from nexus.channels.http.context import HttpContext

Q = TypeVar("Q", bound=Asked)
B = TypeVar("B", bound=Asked)
T = TypeVar("T")
AsgiReply = Callable[[Scope, Receive, Send], Awaitable[None]]


class Parameter(msgspec.Struct, frozen=True):
    """A request header that an operation honours."""

    name: str
    description: str
    schema: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


class Says(msgspec.Struct, frozen=True):
    """One way in which an operation answers when nothing is wrong."""

    status: int
    kind: type | UnionType | None = None
    """The record in the body; ``None`` for no body, or one that ``media_type`` describes."""
    description: str = "done"
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"


class Call(Generic[Q, B]):
    """One request to an operation, checked, with the service bound to its caller."""

    __slots__ = ("body", "context", "headers", "path", "query", "receive", "scope", "service")

    def __init__(
        self, context: HttpContext, scope: Scope, receive: Receive, headers: Mapping[str, str], query: Q, body: B,
        service: Service,
    ) -> None:  # fmt: skip
        self.context = context
        self.scope = scope
        self.receive = receive
        self.headers = headers
        self.query = query
        self.body = body
        self.service = service
        self.path: Mapping[str, str] = scope["path_params"]

    def session_id(self, given: str | None, field: str = "session_id") -> str | None:
        """The session that header and body (or path) name.

        Raises:
            InvalidInput: They differ.
        """
        header = self.headers.get("x-session-id")
        if header is None or header == given:
            return given
        if given is not None:
            raise InvalidInput(
                f"X-Session-ID {header[:80]!r} and {field} {given[:80]!r} differ: give one, or the same twice",
                field="X-Session-ID", value=header[:80],
            )  # fmt: skip
        return header

    @property
    def session(self) -> str:
        """The session that the path names."""
        name = self.path["session_id"]
        self.session_id(name, "the path's session id")
        return name

    async def unless_gone(self, work: Awaitable[T], grace: float = 0.0) -> T:
        """Wait for something long; give up when the client leaves, the server stops or the caller's token ends.

        Args:
            work: What to wait for; cancelled when that is given up. A run is none the worse for it.
            grace: Seconds that it still has when the server stops.

        Raises:
            Disconnected: The client left.
            StoreUnavailable: The server stops.
            AuthenticationRequired: The token was revoked or has expired.
        """
        standings = self.context.app.parts.standings
        task = asyncio.ensure_future(standings.while_good(self.service.caller.proof, work))
        left = asyncio.ensure_future(self._left())
        stopping = asyncio.ensure_future(self._stopping(grace))
        try:
            await asyncio.wait({task, left, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if left.done():
                raise Disconnected
            raise StoreUnavailable("the server is stopping: ask again when it is back")
        finally:
            for each in (task, left, stopping):
                each.cancel()

    async def _stopping(self, grace: float) -> None:
        await self.context.stopping.wait()
        await asyncio.sleep(grace)

    async def _left(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


RUN_GRACE = 5.0
"""Seconds that the answers to runs have when the server stops; the runs themselves are handed over by the app."""

Handler = Callable[[Call[Any, Any]], Awaitable[AsgiReply]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration. ``handler``'s name is the operation's id, its docstring the description."""

    method: str
    path: str
    tag: str
    handler: Handler
    says: tuple[Says, ...]
    query: type[Asked] = NoQuery
    body: type[Asked] | None = None
    """``None``: a body is not read."""
    body_optional: bool = False
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[Parameter, ...] = ()
    errors: tuple[type[NexusError], ...] = ()
    open: bool = False
    """Answers without a caller: operations that watch over the process itself."""

    @property
    def id(self) -> str:
        """The operation's name."""
        return self.handler.__name__

    @property
    def description(self) -> str:
        """What it does."""
        return " ".join((self.handler.__doc__ or "").split())


def operation(method: str, path: str, **declared: Any) -> Callable[[Handler], Operation]:
    """Declare the decorated coroutine function as an operation; see ``Operation`` for the keywords."""

    def declare(handler: Handler) -> Operation:
        return Operation(method=method, path=path, handler=handler, **declared)

    return declare


SESSION_HEADER = Parameter(
    "X-Session-ID", "the session; must agree with `session_id` in the body", {"type": "string", "pattern": ID_PATTERN}
)
IDEMPOTENCY_HEADER = Parameter(
    "Idempotency-Key",
    "a key given twice for a session, or by one caller without a session, gives the first result and runs nothing",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
)  # fmt: skip
IF_MATCH_HEADER = Parameter(
    "If-Match", "changes nothing unless the session still has this `ETag`", {"type": "string", "format": "nexus-etag"}
)
IF_NONE_MATCH_HEADER = Parameter(
    "If-None-Match", "304 while the session still has this `ETag`", {"type": "string", "format": "nexus-etag"}
)
LAST_EVENT_HEADER = Parameter(
    "Last-Event-ID", "resumes behind this event, without a gap or a repeat",
    {"type": "string", "format": "nexus-cursor"},
)  # fmt: skip
ETAG = {"ETag": "the session's version, quoted"}
