"""MCP over standard input and output, for clients that start the server themselves (``nexus mcp``).

Nothing but protocol messages ever reaches stdout: while it is served, file descriptor 1 leads to stderr, so that a
workflow's ``print``, a child process or a log handler can't break the stream. The client ends the server by closing
its stdin. Runs that are live then are handed over, and go on in any other process of the same store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from nexus.channels.mcp.runs import WAIT
from nexus.channels.mcp.server import build

if TYPE_CHECKING:
    from nexus.app import AsyncNexus


async def serve_stdio(app: AsyncNexus, *, wait: float = WAIT) -> None:
    """Open ``app``, serve it until stdin ends, and close it.

    Args:
        app: Not opened yet; it is started, so that runs are executed in this process.
        wait: Seconds that a call without progress waits for its run before it answers ``in_progress``.

    Raises:
        StoreUnavailable: The store can't be opened.
    """
    async with stdio_server() as (incoming, outgoing):
        try:
            async with app:
                await app.start()
                served = build(app, wait=wait)
                try:
                    await served.server.run(incoming, outgoing, served.server.create_initialization_options())
                finally:
                    await served.close()
        finally:
            _flush()


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Lead file descriptor 1 to stderr meanwhile: for loading a user's module before ``serve_stdio`` does the same."""
    _flush()
    wire = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        _flush()
        os.dup2(wire, 1)
        os.close(wire)


def _flush() -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
