"""The one thread that writes, and its group commit.

Commits that arrive while a transaction is on its way to the disk go together into the next one: with
many callers the disk's latency is paid once for hundreds of them. A caller is told when its commit is on
the disk, never before; all of a transaction's callers are told in one call to the event loop.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from nexus.stores.base import Conflict
from nexus.stores.prepared import PreparedChange
from nexus.stores.sqlite.batch import Batch
from nexus.stores.sqlite.connection import LOCK_TIMEOUT, begin, connect_first, roll_back
from nexus.stores.sqlite.faults import is_environment, translate, unavailable
from nexus.stores.sqlite.records import last_seq
from nexus.stores.sqlite.schema import check_format

T = TypeVar("T")

MOST_CHANGES: Final = 512
"""Changes in one transaction. More would make its callers wait longer and save next to nothing."""


@dataclass(slots=True)
class _Item:
    """A commit, or another write that wants to be in a transaction."""

    future: asyncio.Future[Any]
    changes: Sequence[PreparedChange] = ()
    job: Callable[[sqlite3.Connection], Any] | None = None

    @property
    def size(self) -> int:
        return max(1, len(self.changes))

    def apply(self, batch: Batch, connection: sqlite3.Connection) -> Any:
        if self.job is None:
            try:
                return batch.add(self.changes)
            except Conflict as conflict:
                return conflict
        batch.flush()
        result = self.job(connection)
        batch.audit.reload()
        return result


_Outcome = tuple[asyncio.Future[Any], Any]


class Writer:
    """See the module's docstring. Methods are called on the event loop.

    Args:
        path: The file.
        committed: Called on the event loop with the number of the last event, after each transaction.
        written: Called on the writer's thread with how many changes a transaction had.
        lock_timeout: Seconds to wait for other processes.
    """

    def __init__(
        self,
        path: Path,
        committed: Callable[[int], None],
        written: Callable[[int], None],
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.quiet = threading.Lock()
        """Held while the connection is in use."""
        self.holds_lock = False
        """Whether a transaction is open, so that no other process can commit."""
        self._path = path
        self._committed = committed
        self._written = written
        self._lock_timeout = lock_timeout
        self._groups: SimpleQueue[list[_Item] | None] = SimpleQueue()
        self._pending: list[_Item] = []
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[None] | None = None

    async def start(self) -> int:
        """Open the file, bring it up to date, and start.

        Returns:
            The number of the last event.

        Raises:
            StoreUnavailable: As it says.
        """
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        opened: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._work, args=(opened,), name="nexus-sqlite-writer", daemon=True).start()
        return await asyncio.shield(opened)

    async def close(self) -> None:
        """Commit what is pending, and end the thread."""
        if self._closed is None:
            return
        self._hand_over()
        self._groups.put(None)
        await asyncio.shield(self._closed)

    def commit(self, changes: Sequence[PreparedChange]) -> asyncio.Future[int]:
        """Commit the changes together.

        Returns:
            A future of the number of their first event. It fails with ``Conflict`` or ``StoreUnavailable``.
        """
        return self._enqueue(changes, None)

    def run(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run another write in a transaction."""
        return self._enqueue((), job)

    def _enqueue(
        self, changes: Sequence[PreparedChange], job: Callable[[sqlite3.Connection], Any] | None
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        # What is asked for in one turn of the loop goes over together. Without this, the first of many
        # callers would set off alone, and every other transaction would carry one commit.
        if not self._pending:
            loop.call_soon(self._hand_over)
        self._pending.append(_Item(future, changes, job))
        return future

    def _hand_over(self) -> None:
        if self._pending:
            self._groups.put(self._pending)
            self._pending = []

    def disconnect(self) -> None:
        """Close the connection, in the thread or, after a fork, in its absence."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # -- on the thread

    def _work(self, opened: asyncio.Future[int]) -> None:
        try:
            with self.quiet:
                self._connection = connect_first(self._path, self._lock_timeout)
                self._file = self._identity()
                answer: int | Exception = last_seq(self._connection)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever opens the store
            answer = translate(error, self._path)
        self._tell([(opened, answer)], 0)
        stopping = self._connection is None
        while not stopping:
            items, stopping = self._next()
            for group in _split(items):
                self._tell(*self._write(group))
        self._end()

    def _next(self) -> tuple[list[_Item], bool]:
        group = self._groups.get()
        items: list[_Item] = []
        with suppress(Empty):
            while group is not None:
                items.extend(group)
                if len(items) >= MOST_CHANGES:
                    return items, False
                group = self._groups.get_nowait()
        return items, group is None

    def _write(self, items: list[_Item]) -> tuple[list[_Outcome], int]:
        try:
            return self._transact(items)
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, who wait on another thread
            if len(items) == 1 or is_environment(error):
                answer = translate(error, self._path)
                return [(item.future, answer) for item in items], 0
        # One of them can't be written; the others must not suffer for it.
        outcomes: list[_Outcome] = []
        last = 0
        for item in items:
            alone, seq = self._write([item])
            outcomes.extend(alone)
            last = max(last, seq)
        return outcomes, last

    def _transact(self, items: list[_Item]) -> tuple[list[_Outcome], int]:
        connection = self._opened()
        with self.quiet:
            begin(connection, self._lock_timeout)
            self.holds_lock = True
            try:
                check_format(connection, self._path)
                batch = Batch(connection)
                batch.expect([item.changes for item in items])
                outcomes = [(item.future, item.apply(batch, connection)) for item in items]
                batch.flush()
                connection.execute("COMMIT")
            except BaseException:
                roll_back(connection)
                raise
            finally:
                self.holds_lock = False
        self._written(sum(item.size for item in items))
        return outcomes, batch.last_seq

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None or self._identity() != self._file:
            raise unavailable(
                self._path, "missing", "was removed or replaced while it was open: close it and open it again"
            )
        return self._connection

    def _identity(self) -> tuple[int, int] | None:
        # A commit into a file that has no name any more would be acknowledged and lost.
        try:
            found = os.stat(self._path)  # noqa: PTH116 - once a transaction: Path.stat takes twice as long
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _tell(self, outcomes: list[_Outcome], last: int) -> None:
        if self._loop is not None:
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settle, outcomes, last)

    def _settle(self, outcomes: list[_Outcome], last: int) -> None:
        self._committed(last)
        for future, outcome in outcomes:
            # A caller that was cancelled left its commit behind; it has been made all the same.
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _end(self) -> None:
        with self.quiet:
            self.disconnect()
        late: list[_Outcome] = []
        closed = unavailable(self._path, "closed", "is closed")
        with suppress(Empty):
            while True:
                late.extend((item.future, closed) for item in self._groups.get_nowait() or ())
        if self._closed is not None:
            late.append((self._closed, None))
        self._tell(late, 0)


def _split(items: list[_Item]) -> list[list[_Item]]:
    groups: list[list[_Item]] = []
    size = MOST_CHANGES
    for item in items:
        if size + item.size > MOST_CHANGES:
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += item.size
    return groups
