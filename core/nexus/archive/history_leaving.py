"""Letting sessions go, many in one transaction: retention deletes thousands, and each would wait for the disk alone.

Those who ask while a transaction is under way are in the next one together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, tuple_, update

from nexus.archive.database import Database
from nexus.archive.tables import sessions
from nexus.errors import NexusError

Leaving = tuple[str, int]
"""Session and version."""

_MOST: Final = 400


class Leave:
    """For one database; for one event loop.

    Args:
        database: The archive's.
        wall_clock: Seconds since the epoch, for when sessions were let go.
    """

    def __init__(self, database: Database, wall_clock: Callable[[], float]) -> None:
        self._database = database
        self._wall_clock = wall_clock
        self._waiting: dict[Leaving, asyncio.Future[bool]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def ask(self, session_id: str, version: int) -> bool:
        """See ``History.let_go``; durable when it returns."""
        leaving = session_id, version
        answer = self._waiting.get(leaving)
        if answer is None:
            answer = self._waiting[leaving] = asyncio.get_running_loop().create_future()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="nexus-history-leave")
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Answer nobody any more."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        for answer in self._waiting.values():
            answer.cancel()
        self._waiting.clear()

    async def _write(self) -> None:
        try:
            while self._waiting:
                some = {leaving: self._waiting[leaving] for leaving in list(self._waiting)[:_MOST]}
                await self._answer(some)
                for leaving in some:
                    del self._waiting[leaving]
        finally:
            self._writing = None

    async def _answer(self, some: Mapping[Leaving, asyncio.Future[bool]]) -> None:
        now = self._wall_clock()
        try:
            gone = await self._database.write(lambda connection: let_go(connection, list(some), now))
        except NexusError as error:
            for answer in some.values():
                answer.set_exception(error)
                answer.exception()  # whoever asked may have gone, and then nobody looks
        else:
            for (session_id, _), answer in some.items():
                answer.set_result(session_id in gone)


def let_go(connection: Connection, leaving: Sequence[Leaving], now: float) -> set[str]:
    """Show sessions that the archive has in the versions given, from now on; which those are."""
    columns = sessions.c
    # The ids by themselves too: SQLite finds no index for pairs.
    names = [session_id for session_id, _ in leaving]
    changed = connection.execute(
        update(sessions)
        .where(columns.id.in_(names), tuple_(columns.id, columns.version).in_(leaving))
        .values(gone_at=func.coalesce(columns.gone_at, now))
        .returning(columns.id)
    )
    return set(changed.scalars())
