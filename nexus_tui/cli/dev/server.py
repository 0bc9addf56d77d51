"""The server of ``nexus dev``: says where it is in one line on stdout, and stops when its stdin ends.

Without a store of its own it works in a temporary one, which it removes when it stops, even when its parent was
killed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from nexus.errors import InvalidInput, NexusError
from nexus.stores.opening import sqlite_url
from nexus_tui.cli.loading import load_app

RETENTION = 1800.0
"""Seconds that ended sessions of a temporary store are kept, so that it stays small however long it runs."""
TIDYING = 60.0


async def serve(
    app_name: str, store: str | None, host: str | None, port: int | None, announce: Callable[[str], None]
) -> None:
    """Serve until stdin ends; ``announce`` is told where, once requests are answered."""
    from nexus.channels.http import serve as serve_http

    stop = asyncio.Event()
    threading.Thread(target=_wait_for_end, args=(asyncio.get_running_loop(), stop), daemon=True).start()
    with ExitStack() as stack:
        settings: dict[str, object] = {"store": store}
        if store is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nexus-dev-"))
            settings = {
                "store": sqlite_url(Path(folder) / "dev.sqlite3"),
                "session_retention": RETENTION,
                "session_cleanup_interval": TIDYING,
            }
        app = load_app(app_name).configure(**settings)
        try:
            await serve_http(app, host, port, ready=announce, stop=stop)
        except InvalidInput as error:
            if port is not None or error.details.get("field") != "port":
                raise
            # Nobody asked for this port: any free one will do.
            await serve_http(app, host, 0, ready=announce, stop=stop)


def _announcer() -> Callable[[str], None]:
    """Keep stdout for the one line: what workflows print goes to stderr, where no full pipe stops it."""
    wire = os.dup(1)
    os.dup2(2, 1)

    def announce(url: str) -> None:
        os.write(wire, f"{url}\n".encode())
        os.close(wire)

    return announce


def _wait_for_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not by sys.stdin: a thread that waits in it holds its lock, and the interpreter could not end.
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def main() -> int:
    """Read the command line and serve; what goes wrong is one line on stderr."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", required=True)
    parser.add_argument("--store")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.app, given.store, given.host, given.port, _announcer()))
    except NexusError as error:
        sys.stderr.write(f"{error.code} {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
