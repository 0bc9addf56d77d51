"""A store that is spread over a cluster loses the shards of one node: they are put back, and the others left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus.archive import remaking
from nexus.archive.database import Database
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.lifecycle.counting import deltas
from nexus.stores.redis.sharded import ShardedRedisStore
from nexus.testing.builders import NOW, a_checkpoint, a_group, a_session, creating, creating_group
from tests.core.stores.redis.servers import ask, cluster

MANY = 60


async def test_a_node_that_loses_its_disk_loses_no_session(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(MANY)]
    with cluster(tmp_path / "cluster") as servers:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        live = ShardedRedisStore(f"redis+cluster://{hosts}")
        database = Database(f"sqlite:///{tmp_path / 'archive.sqlite3'}")
        async with KeptStore(live, Keeper(live, database)) as store:
            store.keeper.start()
            for name in names:
                session = a_session(name, group_id="g", state={"is": name})
                counts = deltas(None, session, NOW)
                await store.commit(creating(session, checkpoints=(a_checkpoint(name, 1),), counters=counts))
            for name in ("g", "h"):
                await store.commit(creating_group(a_group(name)))
            async with asyncio.timeout(60):
                while (await store.keeper.lag()).entries:
                    await asyncio.sleep(0.02)
            counters = await store.counters()
            numbers = {event.session_id: event.seq for event in await store.list_events(limit=1000)}

            ask(servers[0].port, "FLUSHALL")

            found = await asyncio.gather(*map(store.load, names))
            versions = []
            for name, snapshot in zip(names, found, strict=True):
                assert snapshot is not None
                assert snapshot.session.state == {"is": name}
                versions.append(snapshot.session.version)
                assert await store.load_checkpoint(name, 1) == a_checkpoint(name, 1)
            assert set(versions) == {1, remaking.GENERATION}
            group = await store.load_group("g")
            assert group is not None
            assert group.total == MANY
            assert await store.load_group("h") is not None
            assert await store.counters() == counters
            for event in await store.list_events(limit=1000):
                if event.type == "session.restored":
                    assert event.seq > numbers[event.session_id]
