"""Routes made with ``@app.route``, served beside the built-in ones and never in place of them."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope, Send

from nexus.channels.http.caller import caller_of
from nexus.channels.http.context import HttpContext
from nexus.channels.http.endpoint import CALLER_KEY, header_map, peer_of
from nexus.channels.http.operation import AsgiReply, Operation
from nexus.channels.http.problems import MethodNotAllowed
from nexus.channels.http.reading import query_values, read_body
from nexus.channels.http.reply import Reply
from nexus.errors import InvalidInput
from nexus.http_request import CURRENT, HttpRequest
from nexus.http_request import request as current_request
from nexus.model import new_id
from nexus.sessions.acting import acting_in

if TYPE_CHECKING:
    from nexus.routes import RouteSpec

_LONE_BRACE = re.compile(r"{(?!\w+(:\w+)?})|(?<!\w)}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


def user_routes(context: HttpContext, specs: Sequence[RouteSpec], operations: Sequence[Operation]) -> list[Route]:
    """The routes to add behind the built-in ones.

    Raises:
        InvalidInput: A path is malformed, or a built-in route has it; or a handler doesn't fit.
    """
    by_path: dict[str, dict[str, _UserRoute]] = {}
    for spec in specs:
        _check_path(spec, operations)
        methods = by_path.setdefault(spec.path, {})
        for method in spec.methods:
            if method in methods:
                raise InvalidInput(f"route {method} {spec.path} is registered twice: drop one", field="path")
            methods[method] = _UserRoute(context, spec)
    return [Route(path, _UserPath(path, methods)) for path, methods in by_path.items()]


def _check_path(spec: RouteSpec, operations: Sequence[Operation]) -> None:
    try:
        compile_path(spec.path)
        mistake = "braces stand around a name, as in /items/{id}" if _LONE_BRACE.search(spec.path) else None
    except (ValueError, AssertionError) as error:
        mistake = str(error)
    if mistake is not None:
        raise InvalidInput(f"route {spec.path!r} is malformed: {mistake}", field="path", value=spec.path)
    taken = next((path for path in dict.fromkeys(each.path for each in operations) if _covers(path, spec.path)), None)
    if spec.path == "/mcp" or spec.path.startswith("/mcp/"):
        taken = "/mcp"
    if taken is not None:
        raise InvalidInput(
            f"route {spec.path!r} would never be reached, because {taken} is built in: choose another path",
            field="path", value=spec.path,
        )  # fmt: skip


def _covers(built_in: str, path: str) -> bool:
    """Whether the built-in path matches all that ``path`` does."""
    ours, theirs = built_in.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(
        mine == other or mine.startswith("{") for mine, other in zip(ours, theirs, strict=True)
    )


class _UserPath:
    """All methods of one path, as an ASGI application."""

    def __init__(self, path: str, routes: Mapping[str, _UserRoute]) -> None:
        self._path = path
        self._routes = dict(routes)
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["nexus.route"] = self._path
        route = self._routes.get(scope["method"])
        if route is None:
            allowed = sorted(self._routes)
            raise MethodNotAllowed(f"{self._path} has no {scope['method']}: use {', '.join(allowed)}", allowed=allowed)
        await route(scope, receive, send)


class _UserRoute:
    """One handler: builds the request, calls it where it belongs, and encodes what it gives."""

    def __init__(self, context: HttpContext, spec: RouteSpec) -> None:
        self._context = context
        self._handler = _with_request(spec.handler)
        self._name = spec.name
        self._takes_request = _takes_request(spec)
        self._is_async = inspect.iscoroutinefunction(spec.handler) or inspect.iscoroutinefunction(
            getattr(spec.handler, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = header_map(scope)
        caller = await caller_of(self._context, headers, peer_of(scope))
        scope[CALLER_KEY] = caller
        self._context.pacing.admit(caller)
        body = await read_body(receive, headers, self._context.app.settings.max_body_bytes)
        given = headers.get("x-request-id", "")
        request = HttpRequest(
            id=given if _REQUEST_ID.fullmatch(given) else new_id("req", self._context.now()),
            method=scope["method"], path=scope["path"], path_params=scope["path_params"],
            query=query_values(scope["query_string"]), headers=headers, body=body, caller=caller,
        )  # fmt: skip
        token = CURRENT.set(request)
        try:
            with acting_in(caller.namespace):
                result = await self._call(request)
        finally:
            CURRENT.reset(token)
        await encoded(result, request.id)(scope, receive, send)

    async def _call(self, request: HttpRequest) -> Any:
        arguments = (request,) if self._takes_request else ()
        if self._is_async:
            return await self._handler(*arguments)
        # Not the loop's own threads: this handler may wait for a workflow that needs one of those.
        loop = asyncio.get_running_loop()
        within = contextvars.copy_context()
        result = await loop.run_in_executor(self._context.threads, within.run, self._handler, *arguments)
        return await result if inspect.isawaitable(result) else result


def _with_request(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, with ``request`` at hand where it reads that name and its module has none, as in the reference
    text's own example."""
    inner = inspect.unwrap(handler)
    code, names = getattr(inner, "__code__", None), getattr(inner, "__globals__", None)
    if code is not None and names is not None and "request" in code.co_names:
        names.setdefault("request", current_request)
    return handler


def _takes_request(spec: RouteSpec) -> bool:
    try:
        parameters = list(inspect.signature(spec.handler).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    needed = [each for each in parameters if each.default is each.empty and each.kind not in _VARIADIC]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        names = ", ".join(each.name for each in needed)
        raise InvalidInput(
            f"route {spec.path}: its handler takes {names}: take nothing, or the request alone", field="handler"
        )
    named = parameters[0].name if parameters else ""
    return bool(needed) or named == "request"


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def encoded(result: Any, request_id: str) -> AsgiReply:
    """What a handler gave, as a JSON reply.

    Args:
        result: Any JSON value, or something with ``to_dict``; ``(value, status)`` and ``(value, status, headers)``
            for another status than 200; ``None`` for 204; a Starlette response as it is.
        request_id: Goes out as ``X-Request-ID``.

    Raises:
        TypeError: It can't be JSON.
    """
    if isinstance(result, Response):
        result.headers["X-Request-ID"] = request_id
        return result
    status = 200
    headers: Mapping[str, str] = {}
    if isinstance(result, tuple):
        result, status, headers = _parted(result)
    shown = [("X-Request-ID", request_id), *headers.items()]
    if result is None:
        return Reply(status=204 if status == 200 else status, media_type=None, headers=shown)
    return Reply(msgspec.json.encode(_plain(result), enc_hook=_refuse), status=status, headers=shown)


def _parted(result: tuple[Any, ...]) -> tuple[Any, int, Mapping[str, str]]:
    fits = len(result) in (2, 3) and isinstance(result[1], int) and 200 <= result[1] <= 599
    if not fits or (len(result) == 3 and not isinstance(result[2], Mapping)):
        raise TypeError("a route gives (value, status) or (value, status, headers), with a status from 200 to 599")
    return result[0], result[1], result[2] if len(result) == 3 else {}


def _plain(value: Any) -> Any:
    """The value with records replaced by what they show; msgspec would show what they keep."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    to_dict = getattr(value, "to_dict", None)
    return value if to_dict is None else to_dict()


def _refuse(value: Any) -> Any:
    raise TypeError(f"a route gave a {type(value).__name__}, which is not JSON")
