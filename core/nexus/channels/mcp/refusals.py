"""Refusals before a request is MCP at all: RFC 9457 problems with the stable code, as HTTP gives everywhere else."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from nexus.channels.wire.answers import Problem
from nexus.errors import AuthenticationRequired, NexusError


def refusal(error: NexusError, path: str, challenge: str) -> Response:
    """The response for an error at the door; one for want of a token says where more is told about tokens."""
    body = Problem(
        type=f"/docs#{error.code}",
        title=error.title,
        status=error.status,
        detail=error.message,
        instance=path,
        code=error.code,
        details=error.details,
    )
    headers = {"www-authenticate": challenge} if isinstance(error, AuthenticationRequired) else {}
    if "retry_after" in error.details:
        headers["retry-after"] = str(error.details["retry_after"])
    return Response(
        msgspec.json.encode(body), status_code=error.status, media_type="application/problem+json", headers=headers
    )
