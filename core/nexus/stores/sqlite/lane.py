"""A thread with a connection of its own, that answers questions one after the other.

Reads never wait for commits: in WAL mode they see the last commit while the next one is being made.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from nexus.stores.sqlite.connection import connect_reader
from nexus.stores.sqlite.faults import is_environment, is_interrupt, translate, unavailable

P = ParamSpec("P")
T = TypeVar("T")

Settle = Callable[[Any, Exception | None], None]
Stop = Callable[[], None]

_OPERATIONS: Final = 100_000
_Answer = tuple[Settle, Any, Exception | None]


class Dropped(Exception):
    """The caller has gone."""


@dataclass(slots=True)
class _Job:
    call: Callable[[sqlite3.Connection], Any]
    settle: Settle
    dropped: bool = False

    def stop(self) -> None:
        if self.dropped:
            raise Dropped


class Lane:
    """See the module's docstring. Methods are called on the event loop.

    Args:
        name: The thread's name.
        path: The file.
        together: How many answers may be handed to the event loop in one go: 1 where each takes long.
    """

    def __init__(self, name: str, path: Path, together: int = 1) -> None:
        self.quiet = threading.Lock()
        """Held while the connection is in use."""
        self._name = name
        self._path = path
        self._together = together
        self._closing = False
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._current: _Job | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[None] | None = None
        self.waiting = 0

    def start(self) -> None:
        """Start the thread, for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    async def close(self) -> None:
        """Stop the query that runs, refuse those that wait, and end the thread."""
        if self._closed is None:
            return
        self._closing = True
        self._jobs.put(None)
        await asyncio.shield(self._closed)

    def disconnect(self) -> None:
        """Close the connection, in the thread or, after a fork, in its absence."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    async def run(self, call: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Answer a short question.

        Raises:
            StoreUnavailable: As it says.
        """
        answer: T = await self._run(lambda _: lambda connection: call(connection, *args, **kwargs))
        return answer

    async def scan(
        self, call: Callable[Concatenate[sqlite3.Connection, Stop, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Answer a question that may take long: it ends early if the caller is cancelled."""
        answer: T = await self._run(lambda job: lambda connection: call(connection, job.stop, *args, **kwargs))
        return answer

    def submit(self, call: Callable[[sqlite3.Connection], Any], settle: Settle) -> None:
        """Answer a short question by calling ``settle`` on the event loop."""
        self._jobs.put(_Job(call, settle))

    async def _run(self, bind: Callable[[_Job], Callable[[sqlite3.Connection], Any]]) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        job = _Job(_unbound, lambda result, error: _settle(future, result, error))
        job.call = bind(job)
        self.waiting += 1
        self._jobs.put(job)
        try:
            return await future
        except asyncio.CancelledError:
            job.dropped = True
            raise
        finally:
            self.waiting -= 1

    def _work(self) -> None:
        running = True
        while running:
            jobs, running = self._next()
            self._hand_over([(job.settle, *self._answer(job)) for job in jobs if not job.dropped])
        self._end()

    def _next(self) -> tuple[list[_Job], bool]:
        job = self._jobs.get()
        jobs: list[_Job] = []
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) >= self._together:
                    return jobs, True
                job = self._jobs.get_nowait()
        return jobs, job is not None

    def _answer(self, job: _Job) -> tuple[Any, Exception | None]:
        with self.quiet:
            self._current = job
            try:
                if self._unwanted():
                    return None, unavailable(self._path, "closed", "is closed")
                return job.call(self._connected()), None
            except Exception as error:  # noqa: BLE001 - it belongs to the caller, who waits on another thread
                if isinstance(error, Dropped) or is_interrupt(error):
                    return None, unavailable(self._path, "closed", "is closed")
                if is_environment(error):
                    self.disconnect()
                return None, translate(error, self._path)
            finally:
                self._current = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_reader(self._path)
            # SQLite asks every few milliseconds of work, so that no query outlives its caller by more.
            self._connection.set_progress_handler(self._unwanted, _OPERATIONS)
        return self._connection

    def _unwanted(self) -> bool:
        return self._closing or (self._current is not None and self._current.dropped)

    def _hand_over(self, answers: list[_Answer]) -> None:
        if answers and self._loop is not None:
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle_all, answers)

    def _end(self) -> None:
        with self.quiet:
            self.disconnect()
        closed = unavailable(self._path, "closed", "is closed")
        answers: list[_Answer] = []
        with suppress(Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    answers.append((job.settle, None, closed))
        if self._closed is not None:
            future = self._closed
            answers.append((lambda result, error: _settle(future, result, error), None, None))
        self._hand_over(answers)


def _unbound(_: sqlite3.Connection) -> None:
    raise AssertionError("a job runs only once it is bound")


def _settle_all(answers: list[_Answer]) -> None:
    for settle, result, error in answers:
        settle(result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
