"""What a store says it could lose is read from the real settings of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.settings import DURABILITY_LEVELS
from nexus.stores.base import Health
from nexus.stores.durability import LEVELS, is_at_least, lowest, require_durability
from nexus.stores.memory import MemoryStore
from nexus.stores.opening import open_store
from nexus.stores.redis import RedisStore
from nexus.stores.redis.replicas import Demand
from nexus.stores.redis.sharded import ShardedRedisStore
from tests.core.stores.redis.servers import REDIS, ask, cluster, cluster_url, replicated, sentinels, single

ALWAYS = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
EVERY_SECOND = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")


def test_levels_are_ordered_and_unknown_is_below_all_of_them() -> None:
    assert LEVELS == DURABILITY_LEVELS
    assert is_at_least("power", "second")
    assert not is_at_least("process", "second")
    assert not is_at_least("unknown", "none")
    assert lowest(["power", "process", "failover"]) == "process"
    assert lowest(["power", "unknown"]) == "unknown"


async def health_of(url: str, demand: Demand | None = None) -> Health:
    async with RedisStore(url, demand=demand or Demand()) as store:
        return await store.health()


@pytest.mark.parametrize(
    ("settings", "level", "words"),
    [
        (("--save", "", "--appendonly", "no"), "process", "keeps nothing on disk"),
        (("--save", "900 1", "--appendonly", "no"), "process", "since its last snapshot (save 900 1)"),
        (EVERY_SECOND, "second", "takes about the last second"),
        (ALWAYS, "power", "on the server's disk before it is acknowledged"),
        (("--appendonly", "yes", "--appendfsync", "no"), "process", "often 30 seconds"),
        ((*ALWAYS, "--maxmemory-policy", "allkeys-lru"), "none", "may evict sessions"),
    ],
)
@pytest.mark.parametrize("kind", ["valkey", "redis"])
async def test_the_level_follows_the_settings_of_the_server(
    tmp_path: Path, settings: tuple[str, ...], level: str, words: str, kind: str
) -> None:
    if kind == "redis" and REDIS is None:
        pytest.skip("redis-server is not in PATH")
    binary = REDIS if kind == "redis" else None
    with single(tmp_path, *settings, binary=binary) as server:
        health = await health_of(server.url)
    assert health.facts["level"] == level
    assert words in health.facts["durability"]
    assert "no replica takes over" in health.facts["durability"] or level == "none"
    assert health.facts["clock_skew"] == "0.0 s"


async def test_replicas_that_are_waited_for_make_it_outlive_its_machine(tmp_path: Path) -> None:
    with replicated(tmp_path, *ALWAYS, "--min-replicas-to-write", "1") as (primary, _):
        health = await health_of(primary.url)
        assert (health.facts["level"], health.facts["replicas"]) == ("power", "1")
        assert "10 seconds at most" in health.facts["durability"]
        assert health.facts["replica_lag"] in {"0 s", "1 s"}
        assert (await health_of(primary.url, Demand(1))).facts["level"] == "failover"
        short = await health_of(primary.url, Demand(2))
        assert short.facts["level"] == "power"
        assert "wants 2 replicas, and 1 are connected" in short.facts["durability"]


async def test_settings_that_are_hidden_are_an_unknown_level_that_satisfies_nobody(tmp_path: Path) -> None:
    with single(tmp_path, *ALWAYS) as server:
        ask(server.port, "ACL", "SETUSER", "default", "-config", "-info")
        async with RedisStore(server.url) as store:
            assert (await store.health()).facts["level"] == "unknown"
            with pytest.raises(StoreUnavailable, match=r"process is required, and the store .* has unknown") as caught:
                await require_durability(store, "process")
            assert caught.value.details["reason"] == "durability"


async def test_a_cluster_is_as_durable_as_its_weakest_node_and_says_how_it_is(tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        for server in servers[1:]:
            ask(server.port, "CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
        async with ShardedRedisStore(cluster_url(servers)) as store:
            facts = (await store.health()).facts
    assert facts["level"] == "process"
    assert facts["cluster"] == "ok, 16384 of 16384 slots covered, 0 of 3 nodes failed"
    assert facts["clock_skew"] == "0.0 s"


async def test_sentinels_say_how_many_answer(tmp_path: Path) -> None:
    with sentinels(tmp_path) as watched:
        assert (await health_of(watched.url)).facts["sentinels"] == (
            "3 of 3 answer, quorum 2, 2 others known, 1 replicas of main"
        )
        watched.watchers[0].stop()
        assert (await health_of(watched.url)).facts["sentinels"].startswith("2 of 3 answer")


async def test_files_outlive_a_loss_of_power_and_memory_outlives_nothing(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/s.sqlite3") as store:
        await require_durability(store, "power")
        with pytest.raises(StoreUnavailable, match=r"failover is required, and the store sqlite:.* has power"):
            await require_durability(store, "failover")
    async with MemoryStore() as memory:
        await require_durability(memory, "none")
        with pytest.raises(StoreUnavailable, match="process is required"):
            await require_durability(memory, "process")


async def test_a_nexus_does_not_start_on_less_than_it_requires(tmp_path: Path) -> None:
    with single(tmp_path, *EVERY_SECOND) as server:
        async with AsyncNexus(store=server.url, require_durability="second", executor="local") as app:
            await app.start()
        async with AsyncNexus(store=server.url, require_durability="power", executor="local") as app:
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="durability power is required") as caught:
                    await app.start()
            assert caught.value.details["required"] == "power"
