"""Copies the write-ahead log into the file, on a thread of its own, so that no commit waits for it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from nexus.stores.sqlite.connection import WAL_LIMIT, connect

_EVERY: Final = 1000
"""Changes between two copies."""

_PATIENCE: Final = 0.1
"""Seconds that starting the log afresh may keep commits waiting, while a reader still needs the old one."""

_FRAME_HEADER: Final = 24


class Checkpointer:
    """See the module's docstring.

    Args:
        path: The file.
        quiet: The writer's lock: held while the log is started afresh.
        limit: Bytes of log from which on it is started afresh.
    """

    def __init__(self, path: Path, quiet: threading.Lock, limit: int = WAL_LIMIT) -> None:
        self.quiet = threading.Lock()
        """Held while the connection is in use."""
        self._path = path
        self._writer_quiet = quiet
        self._limit = limit
        self._next_restart = limit
        self._changes = 0
        self._wake = threading.Event()
        self._stopping = False
        self._connection: sqlite3.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Start the thread, for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        threading.Thread(target=self._work, name="nexus-sqlite-checkpoints", daemon=True).start()

    def written(self, changes: int) -> None:
        """Hear from the writer's thread that there is more to copy."""
        self._changes += changes
        if self._changes >= _EVERY:
            self._changes = 0
            self._wake.set()

    async def close(self) -> None:
        """End the thread."""
        if self._closed is None:
            return
        self._stopping = True
        self._wake.set()
        await asyncio.shield(self._closed)

    def disconnect(self) -> None:
        """Close the connection, in the thread or, after a fork, in its absence."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _work(self) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            if not self._stopping:
                self._copy()
        with self.quiet:
            self.disconnect()
        if self._loop is not None and self._closed is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_finish, self._closed)

    def _copy(self) -> None:
        # Nothing is lost if this fails: the log stays, and the next turn tries again.
        with self.quiet, suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = connect(self._path, wait=_PATIENCE)
                self._frame = _FRAME_HEADER + self._connection.execute("PRAGMA page_size").fetchone()[0]
            _, frames, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames * self._frame >= self._next_restart:
                with self._writer_quiet:
                    busy = self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0]
                # While a long read pins the log, trying again at once would stop commits for nothing.
                self._next_restart = frames * self._frame + self._limit // 4 if busy else self._limit


def _finish(closed: asyncio.Future[None]) -> None:
    if not closed.done():
        closed.set_result(None)
