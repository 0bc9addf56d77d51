"""Commits that are acknowledged only once replicas have them too.

``WAIT`` blocks its connection, so these commits have a connection of their own, and nobody else waits with them: while
one batch of them waits for the replicas, those that come meanwhile make the next, with one ``WAIT`` behind it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from nexus.errors import StoreUnavailable
from nexus.model import FINAL
from nexus.stores.prepared import PreparedChange
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.wire import pack

_MOST: Final = 256
_KEPT: Final = 60

_Waiting = asyncio.Future[tuple[list[Any], int]]


class Demand(msgspec.Struct, frozen=True):
    """How many replicas have to have a commit, and for how many seconds they are waited for."""

    replicas: int = 0
    timeout: float = 1.0


NO_DEMAND: Final = Demand()


class Assured:
    """See the module's docstring.

    Args:
        client: A client that nobody else uses, whose time-out is longer than the one for replicas.
        keys: The shard's keys.
        demand: What is waited for.
        shown: The store's URL without its password.
    """

    def __init__(self, client: Client, keys: Keys, demand: Demand, shown: str) -> None:
        self.client = client
        self.demand = demand
        self._shown = shown
        # A commit that is sent again writes nothing, and WAIT waits for what its own connection wrote last.
        self._tail = [
            pack(("SET", keys.root + b"wait", "1", "EX", _KEPT)),
            pack(("WAIT", demand.replicas, max(1, int(demand.timeout * 1000)))),
        ]
        self._queue: list[tuple[bytes, _Waiting]] = []
        self._task: asyncio.Task[None] | None = None

    async def send(self, packed: bytes) -> tuple[list[Any], int]:
        """Send a commit.

        Returns:
            The script's answer, and how many replicas have it.

        Raises:
            StoreUnavailable: No server answers, or one refuses.
        """
        waiting: _Waiting = asyncio.get_running_loop().create_future()
        self._queue.append((packed, waiting))
        if self._task is None:
            self._task = asyncio.create_task(self._empty())
        return await waiting

    def too_few(self, found: int) -> StoreUnavailable:
        """What to raise for a commit that too few replicas have in time."""
        return StoreUnavailable(
            f"the change is made, but after {self.demand.timeout:g} s {found} replicas have it, and redis_min_replicas"
            f" wants {self.demand.replicas}: look before doing it again",
            store=self._shown,
            reason="replicas",
            committed=True,
            may_have_happened=True,
            replicas=found,
        )

    async def close(self) -> None:
        """Drop the connection; what still waits is ``StoreUnavailable``."""
        await self.client.close()
        if self._task is not None:
            await self._task

    async def _empty(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:_MOST], self._queue[_MOST:]
                await self._commit(batch)
        finally:
            self._task = None

    async def _commit(self, batch: list[tuple[bytes, _Waiting]]) -> None:
        try:
            replies = await self.client.pipeline([*(packed for packed, _ in batch), *self._tail])
        except StoreUnavailable as error:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(StoreUnavailable(error.message, **error.details))
            return
        for (_, waiting), answer in zip(batch, replies, strict=False):
            if not waiting.done():
                waiting.set_result((answer, replies[-1]))


def needs_replicas(prepared: PreparedChange) -> bool:
    """Whether a change is one that replicas have to have: it stores a checkpoint, or creates or ends a session."""
    change = prepared.change
    if change.checkpoints or prepared.record is None:
        return bool(change.checkpoints) or change.session_id is not None
    return change.expected is None or prepared.record.session.status in FINAL
