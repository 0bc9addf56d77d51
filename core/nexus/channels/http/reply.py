"""A complete answer: bytes with a status, sent as two ASGI messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

JSON = "application/json"
_encode = msgspec.json.Encoder().encode


class Reply:
    """An ASGI application that says one thing.

    Args:
        body: What to send; nothing of it goes out for HEAD.
        headers: Besides ``Content-Type`` and ``Content-Length``; values must be Latin-1.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        media_type: str | None = JSON,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers]
        if media_type is not None:
            self.headers.append((b"content-type", media_type.encode("ascii")))
        if status != 304:
            self.headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def answer(record: Any, *, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """A record of ``wire.answers`` as a JSON reply."""
    return Reply(_encode(record), status=status, headers=headers)
