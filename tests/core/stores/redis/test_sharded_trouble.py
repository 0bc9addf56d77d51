"""A spread store while slots move and nodes die: no acknowledged commit is lost, and who waits is woken again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nexus.errors import StoreUnavailable
from nexus.model import Event
from nexus.query import parse
from nexus.stores.base import Order
from nexus.stores.redis.placing import shard_of
from nexus.stores.redis.sharded import ShardedRedisStore
from nexus.stores.redis.slots import slot_of_key
from nexus.testing.builders import NOW, a_session, creating, updating
from nexus.testing.contract.harness import put
from tests.core.stores.redis.proxy import FaultProxy
from tests.core.stores.redis.servers import Server, ask, cluster, cluster_url, single

_LONGEST = 60.0


class Writers:
    """Sessions in all shards, updated again and again by as many tasks."""

    def __init__(self, store: ShardedRedisStore, count: int) -> None:
        self.store = store
        self.sessions = {f"s{n}": a_session(f"s{n}") for n in range(count)}
        self._stopping = False

    async def run(self, until: Callable[[], bool]) -> None:
        """Update until something has happened, and then each once more."""
        await put(self.store, *(creating(session) for session in self.sessions.values()))
        tasks = [asyncio.create_task(self._update(name)) for name in self.sessions]
        try:
            async with asyncio.timeout(_LONGEST):
                while not until():
                    assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
                    await asyncio.sleep(0.05)
                self._stopping = True
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _update(self, name: str) -> None:
        last = False
        while not last:
            last = self._stopping
            await self.commit(name)

    async def commit(self, name: str) -> None:
        """One more update of a session, noted when it is acknowledged."""
        before = self.sessions[name]
        change = updating(before, state={"n": before.version})
        assert change.after is not None
        await self.store.commit(change)
        self.sessions[name] = change.after.session

    async def assert_all_there(self) -> None:
        """Every acknowledged commit is there, with its event."""
        found = await self.store.load_many(list(self.sessions))
        assert {name: snapshot.session for name, snapshot in found.items()} == self.sessions
        for name, session in self.sessions.items():
            events = await self.store.list_events(session_id=name, limit=100_000)
            assert [event.version for event in events] == list(range(1, session.version + 1))


class Reader:
    """Reads the feed from the start, in a task."""

    def __init__(self, store: ShardedRedisStore) -> None:
        self.events: list[Event] = []
        self.trimmed = False
        self._store = store

    async def run(self) -> None:
        cursor = "0"
        while True:
            batch = await self._store.read_events(cursor, 50)
            self.events.extend(batch.events)
            self.trimmed |= batch.trimmed
            cursor = batch.cursor
            if not batch.events:
                await self._store.wait_events(cursor, 10)

    async def catch_up(self, writers: Writers) -> None:
        """Wait until it has every event of every acknowledged commit; each must have come once and in order."""
        total = sum(session.version for session in writers.sessions.values())
        async with asyncio.timeout(_LONGEST):
            while len(self.events) < total:
                await asyncio.sleep(0.02)
        assert len({event.seq for event in self.events}) == len(self.events) == total
        for name, session in writers.sessions.items():
            versions = [event.version for event in self.events if event.session_id == name]
            assert versions == list(range(1, session.version + 1))
        assert not self.trimmed


@asynccontextmanager
async def reading(store: ShardedRedisStore) -> AsyncIterator[Reader]:
    reader = Reader(store)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_shards_that_move_to_another_node_lose_no_commit_and_no_event(tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        source, target = nodes[0], nodes[2]
        async with ShardedRedisStore(cluster_url(nodes), patience=_LONGEST) as store, reading(store) as reader:
            slots = [slot_of_key(shard.link.keys.meta) for shard in store.shards]
            moving = [slot for slot in slots if slot < 16384 // 3]
            assert len(moving) == 5
            ranges = [str(slot) for slot in moving for _ in range(2)]
            name = ask(target.port, "CLUSTER", "MYID")
            assert ask(source.port, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", *ranges, "NODE", name) == "OK"
            writers = Writers(store, 40)
            await writers.run(lambda: not any(ask(source.port, "CLUSTER", "COUNTKEYSINSLOT", slot) for slot in ranges))
            await writers.assert_all_there()
            await reader.catch_up(writers)
        assert all(ask(target.port, "CLUSTER", "COUNTKEYSINSLOT", slot) for slot in ranges)


@pytest.mark.long
async def test_a_node_that_dies_is_replaced_by_its_replica_and_the_other_shards_go_on(tmp_path: Path) -> None:
    with cluster(tmp_path, replicas=True) as servers:
        first, replica = servers[0], servers[3]
        async with ShardedRedisStore(cluster_url(servers), patience=_LONGEST, timeout=2) as store:
            writers = Writers(store, 40)
            await writers.run(lambda: all(session.version > 3 for session in writers.sessions.values()))
            own = {name for name in writers.sessions if _node(store, name) == 0}
            # What a replica has not got yet may be lost, so it gets everything first; then only the others are changed.
            await _replicated(first, replica)
            first.stop()
            after = [writers.commit(name) for name in sorted(set(writers.sessions) - own)]
            await asyncio.wait_for(asyncio.gather(*after), 5)
            await asyncio.gather(*map(writers.commit, sorted(own)))
            await writers.assert_all_there()
            assert "role:master" in ask(replica.port, "INFO", "replication")


async def test_what_was_asked_of_all_shards_is_refused_while_one_does_not_answer_and_then_works(tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        async with ShardedRedisStore(cluster_url(nodes), patience=0.5, timeout=0.3) as store:
            writers = Writers(store, 20)
            await writers.run(lambda: True)
            nodes[1].send(signal.SIGSTOP)
            try:
                with pytest.raises(StoreUnavailable):
                    await store.list_sessions(parse(""), Order(), cursor=None, limit=9, now=NOW)
                health = await store.health()
                assert not health.ok
                assert "can't be reached" in health.detail
                here = next(name for name in writers.sessions if _node(store, name) == 0)
                await writers.commit(here)
            finally:
                nodes[1].send(signal.SIGCONT)
            page = await store.list_sessions(parse(""), Order(), cursor=None, limit=99, now=NOW)
            assert len(page.items) == 20
            assert (await store.health()).ok
            await writers.assert_all_there()


async def test_a_feed_goes_on_when_all_connections_were_cut_while_it_waited(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        url = f"{server.url}?shards=3"
        async with (
            FaultProxy(server.port) as proxy,
            ShardedRedisStore(f"{proxy.url}?shards=3") as store,
            ShardedRedisStore(url) as other,
        ):
            cursor = (await store.read_events(None, 1)).cursor
            waiting = asyncio.create_task(store.wait_events(cursor, 30))
            while proxy.connections < 7:
                await asyncio.sleep(0)
            proxy.cut()
            await other.commit(creating(a_session("s1")))
            assert await waiting
            assert [event.session_id for event in (await store.read_events(cursor, 9)).events] == ["s1"]


async def test_a_store_that_was_emptied_tells_who_follows_it_and_starts_anew(tmp_path: Path) -> None:
    with single(tmp_path) as server:
        async with ShardedRedisStore(f"{server.url}?shards=3") as store:
            await put(store, *(creating(a_session(f"s{n}")) for n in range(9)))
            cursor = (await store.read_events(None, 1)).cursor
            waiting = asyncio.create_task(store.wait_events(cursor, 30))
            await asyncio.sleep(0)
            ask(server.port, "FLUSHALL")
            assert await waiting
            batch = await store.read_events(cursor, 9)
            assert (batch.events, batch.trimmed, batch.cursor) == ((), True, "v:0.0.0")
            await store.commit(creating(a_session("s1")))
            assert [event.session_id for event in (await store.read_events(batch.cursor, 9)).events] == ["s1"]


def _node(store: ShardedRedisStore, name: str) -> int:
    """Which of three nodes has a session at first."""
    keys = store.shards[shard_of(name, len(store.shards))].link.keys
    return slot_of_key(keys.meta) * 3 // 16384


async def _replicated(primary: Server, replica: Server) -> None:
    """Wait until a replica has everything that its primary has."""
    async with asyncio.timeout(_LONGEST):
        while _offset(primary) != _offset(replica):
            await asyncio.sleep(0.02)


def _offset(server: Server) -> str:
    lines: list[str] = ask(server.port, "INFO", "replication").splitlines()
    return next(line for line in lines if line.startswith("master_repl_offset"))
