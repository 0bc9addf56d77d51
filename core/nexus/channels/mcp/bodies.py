"""Reading a request's body up to a limit, before anything is made of it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from nexus.errors import PayloadTooLarge


async def buffered(scope: Scope, receive: Receive, limit: int) -> Receive:
    """Read the body and give a ``receive`` that hands it out in one piece, then goes on with the real one.

    Args:
        scope: Of the request.
        receive: The server's.
        limit: Most bytes accepted.

    Raises:
        PayloadTooLarge: It is longer, as declared or as sent.
    """
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(int(declared), limit)
    body = bytearray()
    last: Message = {"type": "http.request", "more_body": True}
    while last["type"] == "http.request" and last.get("more_body", False):
        last = await receive()
        body += last.get("body", b"")
        if len(body) > limit:
            raise _too_large(len(body), limit)
    waiting: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]
    if last["type"] != "http.request":
        waiting = [last]

    async def replay() -> Message:
        return waiting.pop(0) if waiting else await receive()

    return replay


def _too_large(size: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"the body is {size:,} bytes or more, over the limit of {limit:,} (max_body_bytes): send less, or a link to the"
        " data",
        field="body", size=size, limit=limit, setting="max_body_bytes",
    )  # fmt: skip
