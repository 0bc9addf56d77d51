"""A partition: one store, or a namespace's part of it, open in this process; once started, with runs and sweeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nexus.auth import Rules
from nexus.parts import Parts, assemble
from nexus.registration import Declarations
from nexus.sessions.clock import Clock
from nexus.settings import Settings
from nexus.stores.base import Store
from nexus.stores.durability import require_durability
from nexus.stores.opening import open_store, store_url
from nexus.workflows.executors.choosing import by_docket

if TYPE_CHECKING:
    from nexus.archive.opening import PersistentStore


class Partition:
    """See the module's docstring. Nothing is opened before ``open``.

    Args:
        declared: Its workflows and handlers.
        settings: Its own: those of a namespace name its part of the store.
        clock: Tells the time.
        rules: What is hidden.
        place: Of a namespace's part; ``None`` for the store itself.
        root: The parts of the store itself, where this is a part of it.
    """

    def __init__(
        self,
        declared: Declarations,
        settings: Settings,
        clock: Clock,
        rules: Rules,
        *,
        place: str | None = None,
        root: Parts | None = None,
    ) -> None:
        self._declared = declared
        self._settings = settings
        self._clock = clock
        self._rules = rules
        self.place = place
        self._root = root
        self._parts: Parts | None = None
        self._archive: PersistentStore | None = None
        self._changing = asyncio.Lock()
        self._started = False

    @property
    def parts(self) -> Parts | None:
        """The open parts; ``None`` while it isn't open."""
        return self._parts

    @property
    def started(self) -> bool:
        """Whether runs are executed and sessions swept here."""
        return self._started

    async def open(self) -> Parts:
        """Open it; nothing happens if it is open.

        Raises:
            StoreUnavailable: It can't be.
        """
        async with self._changing:
            if self._parts is None:
                url = store_url(self._settings)
                by_docket(self._settings, url)
                store = open_store(
                    url,
                    prefix=self._settings.session_prefix,
                    min_replicas=self._settings.redis_min_replicas,
                    replica_timeout=self._settings.redis_replica_timeout,
                )
                if self._settings.session_persistence:
                    store = self._archived(store)
                await store.__aenter__()
                self._parts = assemble(
                    store, self._clock, self._settings, self._declared.handlers, self._declared.registry, url,
                    self._rules, self._root,
                )  # fmt: skip
            return self._parts

    def _archived(self, live: Store) -> Store:
        """The store with its archive, where it has one: any other loses nothing with the process."""
        # Its class is asked, because it isn't open yet.
        if not hasattr(type(live), "outboxes"):
            return live
        from nexus.archive.opening import archived_store

        settings = self._settings
        self._archive = archived_store(live, settings.database_url, settings.archive_retention, self.place)
        return self._archive

    async def start(self) -> Parts:
        """Execute runs, recover those of dead processes and sweep, until ``close``; nothing happens the second time.

        Raises:
            StoreUnavailable: The store keeps less than ``require_durability`` says.
        """
        parts = await self.open()
        if not self._started:
            self._started = True
            await self._check_durability(parts.store)
            if self._archive is not None:
                self._archive.start()
            parts.sweeper.start()
            await parts.executor.start()
        return parts

    async def _check_durability(self, store: Store) -> None:
        if self._settings.require_durability != "none":
            try:
                await require_durability(store, self._settings.require_durability)
            except BaseException:
                self._started = False
                raise

    async def close(self, grace: float) -> None:
        """Stop what runs here, hand unfinished runs over, and close.

        Args:
            grace: Seconds that runs have to reach their next checkpoint.
        """
        async with self._changing:
            parts, self._parts, self._started = self._parts, None, False
        if parts is not None:
            await parts.close(grace)
