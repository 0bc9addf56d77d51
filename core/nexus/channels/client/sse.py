"""Reads Server-Sent Events as they arrive (WHATWG HTML, 9.2.6), comments included."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import msgspec

from nexus.errors import StoreUnavailable

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MOST_UNREAD = 8 << 20


class Message(msgspec.Struct, frozen=True):
    """What stood between two blank lines. ``data`` is ``None`` where there was none."""

    event: str = "message"
    id: str | None = None
    data: bytes | None = None
    comment: str | None = None


async def messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """Messages in order; one that isn't complete at the end is dropped, as the standard says.

    Raises:
        StoreUnavailable: A line grows without end: this is no event stream.
    """
    unread = b""
    lines: list[bytes] = []
    async for chunk in chunks:
        unread += chunk
        # A final CR may be half of a line end.
        held = b"\r" if unread.endswith(b"\r") else b""
        *complete, unread = _LINE_END.split(unread[: len(unread) - len(held)])
        unread += held
        if len(unread) > _MOST_UNREAD:
            raise StoreUnavailable("the server's event stream has a line without end: is it a Nexus server?")
        for line in complete:
            if line:
                lines.append(line)
            elif lines:
                yield _message(lines)
                lines = []


def _message(lines: list[bytes]) -> Message:
    fields: dict[bytes, bytes] = {}
    data: list[bytes] = []
    for line in lines:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        else:
            fields[name] = value
    return Message(
        event=_text(fields, b"event") or "message",
        id=_text(fields, b"id"),
        data=b"\n".join(data) if data else None,
        comment=_text(fields, b""),
    )


def _text(fields: dict[bytes, bytes], name: bytes) -> str | None:
    value = fields.get(name)
    return None if value is None else value.decode("utf-8", "replace")
