"""Paging of lists that live in memory: opaque cursors that say where to go on."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from nexus.channels.mcp.answers import invalid_params

PAGE = 100
"""Tools on one page."""

T = TypeVar("T")


def page_of(items: Sequence[tuple[str, T]], cursor: str | None, size: int = PAGE) -> tuple[list[T], str | None]:
    """The page behind ``cursor`` and the cursor of the next one.

    Args:
        items: Unique keys with their items, sorted by key. A page stays right while items come and go.
        cursor: What an earlier page gave; ``None`` for the first.
        size: Items on a page.

    Raises:
        MCPError: -32602, the cursor is none that was given out.
    """
    after = "" if cursor is None else _read(cursor)
    rest = [(key, item) for key, item in items if cursor is None or key > after]
    page = rest[:size]
    more = len(rest) > size
    return [item for _, item in page], _write(page[-1][0]) if more else None


def _write(key: str) -> str:
    return base64.urlsafe_b64encode(f"after:{key}".encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith("after:"):
        raise invalid_params(f"cursor {cursor[:60]!r} was not given by this server: ask for the first page without one")
    return text.removeprefix("after:")
