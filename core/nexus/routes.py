"""A user's own HTTP route, as ``@app.route`` notes it; served beside the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from nexus.errors import InvalidInput

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class RouteSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Path, methods and handler of one route."""

    path: str
    methods: tuple[str, ...]
    handler: Callable[..., Any]
    name: str


def route_spec(path: str, methods: Sequence[str], handler: Callable[..., Any]) -> RouteSpec:
    """A checked route.

    Raises:
        InvalidInput: The path doesn't start with ``/``, or a method is unknown.
    """
    if not str(path).startswith("/"):
        raise InvalidInput(f"route path {path!r} must start with /", field="path", value=str(path))
    wanted = tuple(method.upper() for method in methods)
    for method in wanted:
        if method not in _METHODS:
            raise InvalidInput(f"route method {method!r} is unknown: use {', '.join(_METHODS)}", field="methods")
    return RouteSpec(path=path, methods=wanted, handler=handler, name=getattr(handler, "__name__", path))
