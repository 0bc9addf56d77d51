"""``SQLHistory``: history as the archive's tables have it, on SQLite and PostgreSQL.

Each answer is read in a thread of a pool of its own, so that long ones hold up nobody who writes, and in one
transaction that sees one moment. A caller that is cancelled stops a long answer at its next piece.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from nexus.archive import history_lists, history_records
from nexus.archive.database import Database, away
from nexus.archive.history_leaving import Leave
from nexus.archive.history_lists import Lists, Stop
from nexus.model import Checkpoint, Event, Group, JournalEntry, Page, Session, Window
from nexus.model.change import Snapshot
from nexus.query import Query
from nexus.stores.base import Order
from nexus.stores.codec import is_text
from nexus.stores.ordering import Key
from nexus.stores.strides import ranks_of

T = TypeVar("T")
_THREADS: Final = 4


class _Unwanted(Exception):
    """Nobody waits for the answer any more."""


class SQLHistory:
    """See the module's docstring. Nothing is opened before the first answer; ``close`` it before the database.

    Args:
        database: The archive's.
        wall_clock: Seconds since the epoch, for when sessions were let go.
    """

    def __init__(self, database: Database, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._leave = Leave(database, wall_clock)
        self._threads: ThreadPoolExecutor | None = None

    async def close(self) -> None:
        """Stop answering; answers that are under way are not waited for."""
        await self._leave.close()
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    # -- sessions

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``History.load``."""
        return (await self.load_many([session_id])).get(session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``History.load_many``."""
        return await self._read(lambda connection, _: history_records.load_many(connection, session_ids))

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``History.list_sessions``."""
        return await self._read(lambda connection, stop: Lists(connection, query, now, stop).page(order, cursor, limit))

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``History.window``."""
        return await self._read(
            lambda connection, stop: Lists(connection, query, now, stop).window(order, ranks_of(offset, limit, stride))
        )

    async def count(self, query: Query, now: float) -> int:
        """See ``History.count``."""
        return await self._read(lambda connection, stop: Lists(connection, query, now, stop).count())

    async def split(
        self, query: Query, order: Order, places: Sequence[Key], *, first: int, rank: int, now: float
    ) -> int:
        """See ``History.split``."""
        return await self._read(
            lambda connection, stop: Lists(connection, query, now, stop).split(order, places, first, rank)
        )

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``History.children``."""
        return await self._read(lambda connection, _: history_lists.children(connection, session_id, cursor, limit))

    # -- what belongs to them

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``History.list_checkpoints``."""
        return await self._read(
            lambda connection, _: history_records.list_checkpoints(connection, session_id, after, limit)
        )

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``History.load_checkpoint``."""
        return await self._read(lambda connection, _: history_records.load_checkpoint(connection, session_id, number))

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``History.load_journal``."""
        return await self._read(lambda connection, _: history_records.load_journal(connection, session_id, run_id))

    async def list_events(
        self,
        *,
        session_id: str | None = None,
        group_id: str | None = None,
        after: int = 0,
        limit: int,
        newest: bool = False,
        by_time: bool = False,
    ) -> list[Event]:
        """See ``History.list_events``."""
        if not is_text(f"{session_id}{group_id}"):
            return []
        return await self._read(
            lambda connection, _: history_records.list_events(
                connection, session_id, group_id, after, limit, newest=newest, by_time=by_time
            )
        )

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``History.load_group``."""
        return await self._read(lambda connection, _: history_records.load_group(connection, group_id))

    async def members(self, group_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """See ``History.members``."""
        return await self._read(lambda connection, _: history_records.members(connection, group_ids))

    # -- letting go

    async def let_go(self, session_id: str, version: int) -> bool:
        """See ``History.let_go``; durable when it returns."""
        return await self._leave.ask(session_id, version)

    async def keep(self, session_id: str, version: int) -> None:
        """See ``History.keep``; durable when it returns."""
        await self._database.write(lambda connection: history_records.keep(connection, session_id, version))

    # -- threads

    async def _read(self, answer: Callable[[Connection, Stop], T]) -> T:
        await self._database.prepare()
        unwanted = threading.Event()

        def stop() -> None:
            if unwanted.is_set():
                raise _Unwanted

        def work() -> T:
            stop()
            engine = self._database.engine
            if engine.dialect.name == "postgresql":
                engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with engine.connect() as connection, connection.begin():
                return answer(connection, stop)

        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nexus-history")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except asyncio.CancelledError:
            unwanted.set()
            raise
        except SQLAlchemyError as error:
            raise away(self._database.shown, error) from error
