"""From an ASGI request to an operation's handler: method, caller, parameters, body, in this order."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from nexus.channels.http.caller import caller_of
from nexus.channels.http.context import HttpContext
from nexus.channels.http.operation import IDEMPOTENCY_HEADER, IF_MATCH_HEADER, Call, Operation
from nexus.channels.http.problems import MethodNotAllowed
from nexus.channels.http.reading import check_media_type, fit, json_object, query_values, read_body
from nexus.channels.wire.asked import Asked, NoBody, Patch
from nexus.errors import InvalidInput

CALLER_KEY = "nexus.caller"
"""Where in an ASGI scope the caller of a request stands, once it is known."""
_NOTHING = NoBody()
_PROMISES = (IDEMPOTENCY_HEADER.name, IF_MATCH_HEADER.name)
"""Headers that ask for a promise: an operation that can't keep it must not act as if it did."""


class PathEndpoint:
    """All operations of one path, as an ASGI application."""

    def __init__(self, context: HttpContext, path: str, operations: Sequence[Operation]) -> None:
        self._context = context
        self._path = path
        self._operations = {each.method: each for each in operations}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]
        self._refused = {
            each.method: tuple(name for name in _PROMISES if name not in {header.name for header in each.headers})
            for each in operations
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or raise what the edge turns into a problem."""
        scope["nexus.route"] = self._path
        method = scope["method"]
        operation = self._operations.get(method)
        if operation is None:
            allowed = sorted(self._operations)
            raise MethodNotAllowed(f"{self._path} has no {method}: use {', '.join(allowed)}", allowed=allowed)
        scope["nexus.operation"] = operation.id
        call = await self._call(operation, scope, receive)
        reply = await operation.handler(call)
        await reply(scope, receive, send)

    async def _call(self, operation: Operation, scope: Scope, receive: Receive) -> Call[Asked, Asked]:
        headers = header_map(scope)
        context = self._context
        caller = context.local_caller("api") if operation.open else await caller_of(context, headers, peer_of(scope))
        scope[CALLER_KEY] = caller
        if not operation.open:
            context.pacing.admit(caller)
        query = fit(query_values(scope["query_string"]), operation.query, "query", text=True)
        self._check_promises(operation, headers)
        body: Asked = _NOTHING
        if operation.body is not None:
            body = await self._body(operation, operation.body, headers, receive)
        return Call(context, scope, receive, headers, query, body, context.app.service(caller))

    async def _body(self, operation: Operation, kind: type[Asked], headers: dict[str, str], receive: Receive) -> Asked:
        data = await read_body(receive, headers, self._context.app.settings.max_body_bytes)
        if not data and kind is not Patch:
            return kind() if operation.body_optional else fit({}, kind, "body")
        check_media_type(headers)
        values = json_object(data)
        return Patch(document=values) if kind is Patch else fit(values, kind, "body")

    def _check_promises(self, operation: Operation, headers: dict[str, str]) -> None:
        for name in self._refused.get(operation.method, ()):
            if operation.method != "GET" and name.lower() in headers:
                raise InvalidInput(
                    f"{name} is not honoured by {operation.method} {self._path}: leave it out", field=name
                )


def peer_of(scope: Scope) -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return client[0] if client else ""


def header_map(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name; of one given several times, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
