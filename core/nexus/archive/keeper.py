"""The keeper: everything that an open store has of its archive, put together.

From ``open`` on what was lost is put back when somebody looks for it; from ``start`` on, in the background too,
and the outboxes are emptied.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from nexus.archive import ledger
from nexus.archive.archiver import LEASE, Archiver
from nexus.archive.database import Database
from nexus.archive.restoring import Restorer
from nexus.errors import NexusError, StoreUnavailable
from nexus.stores.archiving import Archivable, Lag, Outbox

_SOON: Final = 2.0
_log = logging.getLogger("nexus.archive")


class Keeper:
    """Of one store, in one process.

    Args:
        live: The store that is archived.
        database: Where.
        clock: Seconds since the epoch.
        lease: See ``Archiver``.
        retention: See ``Archiver``.
    """

    def __init__(
        self,
        live: Archivable,
        database: Database,
        clock: Callable[[], float] = time.time,
        lease: float = LEASE,
        retention: float | None = None,
    ) -> None:
        self._retention = retention
        self._lease = lease
        self._live = live
        self.database = database
        self._clock = clock
        self._who = secrets.token_hex(8)
        self._restorer = Restorer(database, self._who, f"system:{socket.gethostname()}", clock)
        self._archivers: list[Archiver] = []

    @property
    def outboxes(self) -> Sequence[Outbox]:
        """One for each shard."""
        return self._live.outboxes

    async def open(self) -> None:
        """See that the store has its marks, and put back what it has lost.

        A database that is away keeps nobody from working on a store that has its marks.

        Raises:
            StoreUnavailable: The store is away; or the database, and the store has no mark.
            InvalidInput: The store is archived in another database.
        """
        for outbox in self.outboxes:
            try:
                await self._restorer.attach(outbox)
            except StoreUnavailable as error:
                mark = (await outbox.marks()).mark
                if mark is None:
                    raise
                self._restorer.trust(outbox, mark)
                _log.warning("the archive is away, and sessions are archived once it is back: %s", error)

    def start(self) -> None:
        """Archive in the background, from now until ``close``; nothing happens the second time."""
        if not self._archivers:
            self._archivers = self._make_archivers()
            for archiver in self._archivers:
                archiver.start()

    def _make_archivers(self) -> list[Archiver]:
        make = partial(
            Archiver, database=self.database, restorer=self._restorer, who=self._who, clock=self._clock,
            lease=self._lease, retention=self._retention,
        )  # fmt: skip
        return [make(outbox) for outbox in self.outboxes]

    async def close(self) -> None:
        """Archive what waits, if that takes but a moment, and stop; other processes go on at once."""
        archivers, self._archivers = self._archivers or self._make_archivers(), []
        await asyncio.gather(*(archiver.stop() for archiver in archivers))
        # No other process may be there to do it before this one comes back.
        with contextlib.suppress(NexusError, TimeoutError):
            async with asyncio.timeout(_SOON):
                await asyncio.gather(*(archiver.settle() for archiver in archivers))
        await self._restorer.close()
        await self.database.close()

    async def whole(self, session_id: str | None = None) -> bool:
        """Whether nothing had been lost, where a session is or anywhere; what had been is back when this returns.

        Raises:
            StoreUnavailable: It is not back yet.
        """
        return await self._restorer.whole(self._near(session_id))

    async def recall(self, session_id: str) -> bool:
        """Have a session put back that the store doesn't have; whether it may be there now.

        Raises:
            StoreUnavailable: It is not back yet.
        """
        near = self._near(session_id)
        if not await self._restorer.whole(near):
            return True
        return await self._restorer.recall(near[0], session_id)

    async def lost(self) -> bool:
        """Whether some of the store has lost its data, and it is not yet back."""
        return bool(await self._restorer.lost(self.outboxes))

    async def lag(self) -> Lag:
        """How far the archive is behind, over all shards."""
        found = await asyncio.gather(*(outbox.lag() for outbox in self.outboxes))
        return Lag(entries=sum(lag.entries for lag in found), seconds=max(lag.seconds for lag in found))

    async def facts(self) -> dict[str, str]:
        """What ``nexus doctor`` and the metrics say of the archive."""
        lag = await self.lag()
        trouble = await self._trouble()
        return {
            "archive": self.database.shown,
            "archive_pending": str(lag.entries),
            "archive_lag_seconds": f"{lag.seconds:.3f}",
        } | ({"archive_trouble": trouble} if trouble else {})

    async def _trouble(self) -> str:
        """What keeps the archive from being written; empty if nothing does, as far as this process can tell."""
        if self._archivers:
            return next((archiver.trouble for archiver in self._archivers if archiver.trouble), "")
        try:
            async with asyncio.timeout(_SOON):
                await self.database.read(ledger.last_seq)
        except TimeoutError:
            return f"the archive {self.database.shown} does not answer"
        except StoreUnavailable as error:
            return error.message
        return ""

    def _near(self, session_id: str | None) -> Sequence[Outbox]:
        if session_id is None:
            return self.outboxes
        return [outbox for outbox in self.outboxes if outbox.holds(session_id)]
