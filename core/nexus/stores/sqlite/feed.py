"""Hears of other processes' commits, so that a reader of events sleeps and still misses nothing.

On Linux the write-ahead log is watched with inotify; elsewhere, and where no watch can be had, a look is
taken 40 times a second. A watch only says when to look: what counts is the number of the last event, which is
read from the store. Nothing of this runs while nobody waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from nexus.stores.bell import Bell
from nexus.stores.sqlite.connection import connect_reader
from nexus.stores.sqlite.records import last_seq

_SOON: Final = 0.0002
"""Seconds. A writer touches the log before its commit can be seen, so a look may come too early."""
_STREAM: Final = 0.001
_IDLE: Final = 1.0
_LINGER: Final = 3
_POLL: Final = 0.025


class Watch(Protocol):
    """Says when to look."""

    def wait(self, timeout: float) -> bool:
        """Sleep until something may have changed, at most ``timeout`` seconds; whether it may have."""
        ...

    def wake(self) -> None:
        """End a ``wait`` from another thread."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class PollWatch:
    """Says to look 40 times a second. A look costs a hundredth of a millisecond."""

    def __init__(self, interval: float = _POLL) -> None:
        self._interval = interval
        self._woken = threading.Event()

    def wait(self, timeout: float) -> bool:
        """See ``Watch``."""
        self._woken.wait(min(timeout, self._interval))
        self._woken.clear()
        return False

    def wake(self) -> None:
        """See ``Watch``."""
        self._woken.set()

    def close(self) -> None:
        """See ``Watch``."""


def open_watch(path: Path) -> Watch:
    """The best watch that there is for the log of a database."""
    if sys.platform == "linux":
        from nexus.stores.sqlite.inotify import InotifyWatch

        with suppress(OSError, AttributeError):
            return InotifyWatch(path.with_name(path.name + "-wal"))
    return PollWatch()


class Feed:
    """Rings a bell when another process has committed events.

    Args:
        path: The file.
        bell: What to ring, on the event loop.
        writing: Whether our own writer holds the write lock: then nobody else can commit, and the
            writer will ring by itself.
        watch: Makes the watch.
    """

    def __init__(
        self,
        path: Path,
        bell: Bell,
        writing: Callable[[], bool],
        watch: Callable[[Path], Watch] = open_watch,
    ) -> None:
        self.quiet = threading.Lock()
        """Held while the connection is in use."""
        self._path = path
        self._bell = bell
        self._writing = writing
        self._make_watch = watch
        self._watch: Watch | None = None
        self._connection: sqlite3.Connection | None = None
        self._wanted = threading.Event()
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[None] | None = None

    async def wait(self, after: int, timeout: float) -> bool:
        """Sleep until there may be events behind ``after``; ``False`` if the time ran out."""
        if self._closed is None:
            self._start()
        self._wanted.set()
        return await self._bell.wait(after, timeout)

    async def close(self) -> None:
        """End the thread, and let those who wait go."""
        self._bell.release()
        if self._closed is None:
            return
        self._stopping = True
        self._wanted.set()
        if self._watch is not None:
            self._watch.wake()
        await asyncio.shield(self._closed)

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        threading.Thread(target=self._work, name="nexus-sqlite-feed", daemon=True).start()

    def disconnect(self) -> None:
        """Close the connection and the watch, in the thread or, after a fork, in its absence."""
        watch, self._watch = self._watch, None
        connection, self._connection = self._connection, None
        with suppress(sqlite3.Error, OSError):
            if watch is not None:
                watch.close()
            if connection is not None:
                connection.close()

    def _work(self) -> None:
        while not self._stopping:
            try:
                with self.quiet:
                    self._connection = connection = connect_reader(self._path)
                    self._watch = watch = self._make_watch(self._path)
                self._listen(connection, watch)
            except sqlite3.Error:
                # Whoever reads next will be told what is wrong with the file; here it is only waited for.
                time.sleep(_IDLE)
            finally:
                with self.quiet:
                    self.disconnect()
        if self._loop is not None and self._closed is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_finish, self._closed)

    def _listen(self, connection: sqlite3.Connection, watch: Watch) -> None:
        pause, alone, seen = _SOON, 0, 0
        while not self._stopping:
            if not self._wanted.is_set():
                self._wanted.wait()
                pause, alone = _SOON, 0
            before, seen = seen, self._look(connection, seen)
            if watch.wait(pause):
                # A stream of changes is looked at once a millisecond, a single one as soon as can be.
                pause = _SOON if seen == before else _STREAM
                time.sleep(pause)
                continue
            pause = min(pause * 2, _IDLE)
            alone = 0 if self._bell.waiting else alone + 1
            # Readers come back within moments; only when they don't is it worth going to sleep.
            if pause >= _IDLE and alone >= _LINGER:
                self._wanted.clear()
                if self._bell.waiting:
                    self._wanted.set()

    def _look(self, connection: sqlite3.Connection, seen: int) -> int:
        if self._writing():
            return seen
        with self.quiet:
            seq = last_seq(connection)
        if seq > max(seen, self._bell.last) and self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._bell.ring, seq)
        return seq


def _finish(closed: asyncio.Future[None]) -> None:
    if not closed.done():
        closed.set_result(None)
