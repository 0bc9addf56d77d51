"""Errors as RFC 9457 problems, and the few that only HTTP knows."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

import msgspec

from nexus.channels.http.reply import Reply
from nexus.channels.wire.answers import Problem
from nexus.errors import AuthenticationRequired, NexusError

MEDIA_TYPE = "application/problem+json"
_CHALLENGE = 'Bearer realm="nexus"'
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
_encode = msgspec.json.Encoder(enc_hook=str).encode


class RouteNotFound(NexusError):
    """No route has this path."""

    code, status, title = "route_not_found", 404, "Route not found"


class MethodNotAllowed(NexusError):
    """The path exists and not with this method; the answer's ``Allow`` says which."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class UnsupportedMediaType(NexusError):
    """The body isn't JSON by its ``Content-Type``."""

    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class InternalError(NexusError):
    """A fault of the server; its log has the cause under the request's id."""

    code, status, title = "internal_error", 500, "Internal error"


def route_not_found(path: str, known: list[str]) -> RouteNotFound:
    """The refusal of an unknown path, with the closest known one."""
    close = get_close_matches(path, known, 1, 0.7)
    hint = f"did you mean {close[0]}?" if close else "GET /docs lists all routes"
    return RouteNotFound(f"there is no route {path[:200]}: {hint}", path=path[:200])


def problem(error: NexusError, instance: str, challenge: str = _CHALLENGE) -> Reply:
    """The reply that tells of an error.

    Args:
        error: What went wrong.
        instance: The path that was asked.
        challenge: Says what is wanted of those who aren't known.
    """
    headers: list[tuple[str, str]] = []
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details["allowed"])))
    if isinstance(error, AuthenticationRequired):
        headers.append(("WWW-Authenticate", challenge))
    if "retry_after" in error.details:
        headers.append(("Retry-After", str(error.details["retry_after"])))
    told = Problem(
        type=f"/docs#{error.code}", title=error.title, status=error.status, detail=error.message,
        instance=quote(instance, safe=_PATH_CHARACTERS), code=error.code, details=_printable(error.details),
    )  # fmt: skip
    return Reply(_encode(told), status=error.status, media_type=MEDIA_TYPE, headers=headers)


def _printable(details: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if value is not None}
