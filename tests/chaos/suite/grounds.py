"""What the processes of a round stand on: a SQLite file on a small disk, or a Valkey with a replica behind a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from tests.chaos.suite.archived import archive_all
from tests.chaos.suite.disk import Disk
from tests.core.stores.redis.proxy import FaultProxy
from tests.core.stores.redis.servers import Server, ask, single

KEPT_ON_DISK: Final = (
    *("--save", "", "--appendonly", "yes", "--appendfsync", "always"), "--repl-diskless-sync-delay", "0",
)  # fmt: skip
PREFIX: Final = "chaos:"
_KEPT_EVENTS: Final = 300
"""Events that a trim leaves: more than a follower can be behind."""
_PATIENCE: Final = 30.0
_LOCKING: Final = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""
Fault = Callable[[random.Random], Coroutine[Any, Any, None]]


class Ground(Protocol):
    """A store, and what can happen to it."""

    store: str
    """The URL that the processes of the round use."""
    direct: str
    """The URL that whoever checks uses; nothing comes in between."""
    archive: str
    """The URL of the database that keeps what the store has; empty for none."""
    trimmed_below: int
    """The number of the first event that no trim took away for good."""
    disk: Disk

    def faults(self) -> Mapping[str, Fault]:
        """What can happen to it: each returns once it is over."""
        ...


class SqliteGround:
    """A SQLite file."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._file = disk.folder / "nexus.sqlite3"
        self.store = self.direct = f"sqlite:///{self._file}"
        self.archive = ""
        self.trimmed_below = 0

    def faults(self) -> Mapping[str, Fault]:
        """See ``Ground``."""
        return {"lock": partial(locked, self._file)}


class ValkeyGround:
    """A Valkey that writes every change to its disk, with a replica that can take its place.

    Args:
        disk: The small one.
        servers: Primary and replica.
        outer: Between the processes of the round and the primary.
        inner: Between the primary and whoever checks.
        archived: Whether a database on the small disk keeps what it has.
    """

    def __init__(
        self, disk: Disk, servers: tuple[Server, Server], outer: FaultProxy, inner: FaultProxy, *, archived: bool
    ) -> None:
        self.disk = disk
        self._file = disk.folder / "archive.sqlite3"
        self.archive = f"sqlite:///{self._file}" if archived else ""
        self._primary, self._replica = servers
        self._outer, self._inner = outer, inner
        self.store, self.direct = outer.url, inner.url
        self.trimmed_below = 0
        self._moving = asyncio.Lock()
        """What a failover would disturb, or be disturbed by."""
        self._closing = asyncio.Lock()
        """Who lets nobody in."""

    def faults(self) -> Mapping[str, Fault]:
        """See ``Ground``."""
        own: dict[str, Fault] = {
            "cut the store": self._cut, "refuse the store": self._refuse, "stall the store": self._stall,
            "lose replies": self._lose, "no memory": self._no_memory, "pause the store": self._pause,
            "trim events": self._trim, "fail over": self._fail_over, "restart the store": self._restart,
        }  # fmt: skip
        if self.archive:
            own |= {"lock the archive": partial(locked, self._file), "flush": self._flush}
        return own

    async def _cut(self, _: random.Random) -> None:
        self._outer.cut()

    async def _refuse(self, chance: random.Random) -> None:
        async with self._closing:
            self._outer.refuse()
            await asyncio.sleep(chance.uniform(0.2, 2))
            await self._outer.listen()

    async def _stall(self, chance: random.Random) -> None:
        self._outer.flows.clear()
        await asyncio.sleep(chance.uniform(0.5, 4))
        self._outer.flows.set()

    async def _lose(self, chance: random.Random) -> None:
        self._outer.lose_replies += chance.randrange(1, 6)
        await asyncio.sleep(1)

    async def _no_memory(self, chance: random.Random) -> None:
        async with self._moving:
            await self._ask("CONFIG", "SET", "maxmemory", "1")
            await asyncio.sleep(chance.uniform(0.3, 2))
            await self._ask("CONFIG", "SET", "maxmemory", "0")

    async def _pause(self, chance: random.Random) -> None:
        async with self._moving:
            milliseconds = chance.randrange(200, 2500)
            await self._ask("CLIENT", "PAUSE", str(milliseconds), chance.choice(("ALL", "WRITE")))
            await asyncio.sleep(milliseconds / 1000)

    async def _flush(self, _: random.Random) -> None:
        """Everything is lost, once it is archived; nothing that was acknowledged is lost with it."""
        async with self._moving, self._closing:
            self._outer.refuse()
            self.disk.free()
            await archive_all(self.direct, PREFIX, self.archive)
            await self._ask("FLUSHALL")
            await self._outer.listen()

    async def _trim(self, _: random.Random) -> None:
        async with self._moving:
            for key in await self._ask("KEYS", f"{PREFIX}*:e"):
                await self._ask("XTRIM", key, "MAXLEN", str(_KEPT_EVENTS))
                first = await self._ask("XRANGE", key, "-", "+", "COUNT", "1")
                # What an archive has is listed still.
                if first and not self.archive:
                    # A stream's entry is numbered as the event is.
                    self.trimmed_below = max(self.trimmed_below, int(first[0][0].partition("-")[0]))

    async def _fail_over(self, _: random.Random) -> None:
        """The replica takes over once it has all that the primary has; nothing that was acknowledged is lost."""
        async with self._moving:
            async with asyncio.timeout(_PATIENCE):
                # One that has just been started gives up at its first try.
                while not await self._handed_over():
                    pass
            self._primary, self._replica = self._replica, self._primary
            for proxy in (self._outer, self._inner):
                proxy.turn_to(self._primary.port)
                proxy.cut()
            await self.following()

    async def _handed_over(self) -> bool:
        await self.following()
        await self._ask("FAILOVER", "TO", "127.0.0.1", str(self._replica.port), "TIMEOUT", "5000")
        await self._until(lambda state: "master_failover_state:no-failover" in state)
        return "role:slave" in await self._ask("INFO", "replication")

    async def _restart(self, _: random.Random) -> None:
        async with self._moving:
            await asyncio.to_thread(self._primary.stop)
            await asyncio.to_thread(self._primary.start)
            await self.following()

    async def following(self) -> None:
        """Return once the replica has what the primary has."""
        await self._until(lambda state: "state=online" in state)

    async def _until(self, holds: Callable[[str], bool]) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not holds(await self._ask("INFO", "replication")):
                await asyncio.sleep(0.05)

    async def _ask(self, *words: str) -> Any:
        return await asyncio.to_thread(ask, self._primary.port, *words)


async def locked(file: Path, chance: random.Random) -> None:
    """Another process keeps all others from writing to a database for a while."""
    words = (sys.executable, "-c", _LOCKING, str(file), f"{chance.uniform(1, 4):.2f}")
    await (await asyncio.create_subprocess_exec(*words)).wait()


@asynccontextmanager
async def sqlite_ground(folder: Path, *, archived: bool) -> AsyncIterator[Ground]:
    """A new file.

    Args:
        folder: Where the round keeps what it makes.
        archived: Of no use here: a file is its own archive.
    """
    disk = Disk(folder / "disk")
    try:
        yield SqliteGround(disk)
    finally:
        disk.close()


@asynccontextmanager
async def valkey_ground(folder: Path, *, archived: bool) -> AsyncIterator[Ground]:
    """New servers; the processes' logs and the archive alone are on the small disk.

    Args:
        folder: Where the round keeps what it makes.
        archived: Whether there is an archive.
    """
    disk = Disk(folder / "disk")
    with contextlib.ExitStack() as stack:
        stack.callback(disk.close)
        first, second = [stack.enter_context(single(folder / name, *KEPT_ON_DISK)) for name in ("valkey-1", "valkey-2")]
        # Not by a setting: who has taken over and is started anew must not follow again.
        ask(second.port, "REPLICAOF", "127.0.0.1", str(first.port))
        async with FaultProxy(first.port) as outer, FaultProxy(first.port) as inner:
            ground = ValkeyGround(disk, (first, second), outer, inner, archived=archived)
            await ground.following()
            yield ground


GROUNDS: Final = {"sqlite": sqlite_ground, "redis": valkey_ground}
