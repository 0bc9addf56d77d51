"""MCP over standard input and output, for clients that start the server themselves (``nexus mcp``).

Nothing but protocol messages ever reaches stdout: while it is served, file descriptor 1 leads to stderr, so that a
workflow's ``print``, a child process or a log handler can't break the stream. The client ends the server by closing
its stdin. Runs that are live then are handed over, and go on in any other process of the same store.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from mcp.server.stdio import stdio_server

from nexus.channels.mcp.lines import claimed_stdin
from nexus.channels.mcp.runs import WAIT
from nexus.channels.mcp.server import build

if TYPE_CHECKING:
    from nexus.app import AsyncNexus


GRACE = 1.0
"""Seconds that runs have to reach a checkpoint when the client leaves: clients kill a server that stays for two."""


async def serve_stdio(app: AsyncNexus, *, wait: float = WAIT, stop: asyncio.Event | None = None) -> None:
    """Open ``app``, serve it until stdin ends, ``stop`` is set or this call is cancelled, and close it.

    Args:
        app: It is started, so that runs are executed in this process.
        wait: Seconds that a call without progress waits for its run before it answers ``in_progress``.
        stop: Ends the server when it is set.

    Raises:
        StoreUnavailable: The store can't be opened.
    """
    with claimed_stdin() as lines:
        async with stdio_server(stdin=cast(Any, lines)) as (incoming, outgoing):
            try:
                await app.start()
                served = build(app, wait=wait)
                options = served.server.create_initialization_options()
                try:
                    await _until(stop, served.server.run(incoming, outgoing, options))
                finally:
                    await served.close()
            finally:
                await app.close(GRACE)
                _flush()


async def _until(stop: asyncio.Event | None, serving: Coroutine[Any, Any, None]) -> None:
    """Await ``serving``, but no longer than until ``stop`` is set."""
    tasks: set[asyncio.Task[Any]] = {asyncio.create_task(serving)}
    if stop is not None:
        tasks.add(asyncio.create_task(stop.wait()))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
