"""One server, a cluster, Sentinels: where the store finds its server, and what it keeps there."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.model import RunStatus
from nexus.stores.opening import open_store
from nexus.stores.redis import RedisStore
from nexus.stores.redis.replicas import Demand
from nexus.stores.redis.urls import parse_url
from nexus.testing.builders import a_group, a_session, a_worker, creating, creating_group, updating
from nexus.testing.contract.harness import must_load
from tests.core.stores.redis.servers import KEPT_NOWHERE, Server, ask, cluster, sentinels, single

_LONGEST = 60.0


@pytest.mark.parametrize(
    ("url", "hosts", "service", "db"),
    [
        ("redis://localhost", (("localhost", 6379),), "", 0),
        ("redis://localhost:7000/3", (("localhost", 7000),), "", 3),
        ("rediss://[::1]:7000", (("::1", 7000),), "", 0),
        ("redis+sentinel://a,b:7000/main/2", (("a", 26379), ("b", 7000)), "main", 2),
        ("redis+cluster://a,b:7000", (("a", 6379), ("b", 7000)), "", 0),
    ],
)
def test_urls_say_where_the_server_is(url: str, hosts: tuple[tuple[str, int], ...], service: str, db: int) -> None:
    place = parse_url(url)
    assert (place.hosts, place.service, place.db) == (hosts, service, db)


def test_sockets_users_and_passwords_are_read_out_of_urls() -> None:
    place = parse_url("unix://nexus:p%40ss%2F@/run/valkey.sock?db=2")
    assert (place.socket, place.db, place.username, place.password) == ("/run/valkey.sock", 2, "nexus", "p@ss/")
    assert place.shown == "unix:///run/valkey.sock?db=2"


@pytest.mark.parametrize(
    "url",
    [
        "redis://", "redis://host:port", "redis://host/x", "redis://host/1/2", "redis://a,b/0", "redis://host?x=1",
        "redis+sentinel://host", "redis+cluster://host/1", "unix://host", "unix:///", "http://host", "redis",
        "rediss://host?ssl_cert_reqs=maybe", "redis://host:99999", "redis://user:hush@host:port",
    ],
)  # fmt: skip
def test_urls_that_are_none_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_url(url)
    assert caught.value.details["field"] == "store"
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("prefix", ["", "a{b", "a}b", "x" * 201])
def test_prefixes_that_are_none_are_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        RedisStore("redis://localhost", prefix=prefix)
    assert caught.value.details["field"] == "session_prefix"


async def test_a_socket_in_the_file_system_leads_to_the_server(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    with single(tmp_path / "data", *KEPT_NOWHERE, "--unixsocket", str(socket)):
        async with RedisStore(f"unix://{socket}?db=1") as store:
            await store.commit(creating(a_session("s1")))
            assert (await must_load(store, "s1")).session.id == "s1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


async def test_stores_with_different_prefixes_know_nothing_of_each_other(server: Server) -> None:
    async with RedisStore(server.url, prefix="one:") as one, RedisStore(server.url, prefix="two:") as two:
        await one.commit(creating(a_session("s1")))
        assert await two.load("s1") is None
        assert (await two.read_events("0", 9)).events == ()


async def test_a_commit_in_one_store_wakes_who_waits_in_another(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with RedisStore(server.url, prefix=prefix) as one, RedisStore(server.url, prefix=prefix) as two:
        cursor = (await two.read_events(None, 1)).cursor
        for number in range(20):
            waiting = asyncio.create_task(two.wait_events(cursor, 30))
            await one.commit(creating(a_session(f"s{number}")))
            assert await waiting
            batch = await two.read_events(cursor, 9)
            assert [event.session_id for event in batch.events] == [f"s{number}"]
            cursor = batch.cursor


async def test_a_layout_of_another_version_is_refused(server: Server) -> None:
    async with RedisStore(server.url, prefix="old:") as store:
        await store.commit(creating(a_session("s1")))
    (meta,) = [key for key in ask(server.port, "KEYS", "old:*") if key.endswith("}:meta")]
    ask(server.port, "HSET", meta, "layout", "99")
    with pytest.raises(StoreUnavailable, match="layout 99"):
        await RedisStore(server.url, prefix="old:").__aenter__()


async def test_health_tells_what_could_be_lost(server: Server) -> None:
    async with RedisStore(server.url) as store:
        health = await store.health()
        assert health.facts["role"] == "master"
        assert health.facts["version"].startswith("9.")
        assert health.facts["level"] == "process"
        assert "keeps nothing on disk" in health.facts["durability"]
        ask(server.port, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert "may evict sessions" in (await store.health()).facts["durability"]
        ask(server.port, "CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_a_user_that_may_do_only_what_the_guide_says_is_enough(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[4] / "docs" / "redis.md").read_text(encoding="utf-8")
    (line,) = [line for line in guide.splitlines() if line.startswith("ACL SETUSER")]
    with single(tmp_path) as server:
        assert ask(server.port, *line.split()) == "OK"
        ask(server.port, "ACL", "SETUSER", "default", "off")
        url = f"redis://nexus:PASSWORD@127.0.0.1:{server.port}/0"
        async with RedisStore(url) as store:
            await store.commit(creating(a_session("s1")))
            waiting = asyncio.create_task(store.wait_events("1", 30))
            await store.beat(a_worker("w"), 60)
            assert [worker.alive for worker in await store.workers()] == [True]
            await store.trim_events(0, 9)
            await store.commit(creating(a_session("s2")))
            assert await waiting
            health = await store.health()
            assert (health.ok, health.facts["sessions"]) == (True, "2")
            assert (health.facts["level"], health.facts["replicas"]) == ("process", "0")
        await use_outbox(url)
        await use_queue(url)
        async with RedisStore(url, demand=Demand(1, 0.01)) as store:
            with pytest.raises(StoreUnavailable, match="0 replicas have it"):
                await store.commit(creating(a_session("s3")))


async def test_in_a_cluster_that_user_needs_what_the_guide_adds(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[4] / "docs" / "redis.md").read_text(encoding="utf-8")
    (line,) = [line for line in guide.splitlines() if line.startswith("ACL SETUSER")]
    (more,) = re.findall(r"In a cluster it needs `([^`]*)`", guide)
    with cluster(tmp_path, 1) as (server,):
        assert ask(server.port, *line.split(), *more.split()) == "OK"
        ask(server.port, "ACL", "SETUSER", "default", "off")
        url = f"redis+cluster://nexus:PASSWORD@127.0.0.1:{server.port}"
        await use_queue(url)
        async with open_store(url) as store:
            facts = (await store.health()).facts
            assert (facts["level"], facts["cluster"].partition(",")[0]) == ("process", "ok")


async def use_outbox(url: str) -> None:
    """What an archive does there."""
    async with RedisStore(url) as store:
        (outbox,) = store.outboxes
        assert await outbox.set_mark("here", expected=None)
        assert await outbox.lead("me", 10)
        await store.commit(updating(a_session("s1"), step=1))
        (entry,) = (await outbox.read("here", "", 9)).entries
        await outbox.drop(entry.position)
        assert await outbox.size() >= 0
        assert await outbox.set_mark("", expected="here")


async def use_queue(url: str) -> None:
    """What servers and workers do there."""
    app = AsyncNexus(store=url, executor="docket")

    @app.workflow("double")
    def double(number: int) -> int:
        return 2 * number

    async with app:
        await app.start()
        run = await app.execute_workflow("double", inputs={"number": 21}, background=True)
        async with asyncio.timeout(_LONGEST):
            while (seen := (await must_load(app.store, run.session_id)).run) is None or not seen.ended_at:
                await asyncio.sleep(0.01)
        assert seen.status is RunStatus.COMPLETED


async def test_all_keys_of_a_store_are_in_one_slot_and_prefixes_spread(tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)
        for prefix in ("a:", "b:", "c:", "d:", "e:", "f:"):
            async with RedisStore(url, prefix=prefix) as store:
                await store.commit(
                    creating(a_session("s1", group_id="g"), counters={"n": 1.0}), creating_group(a_group("g"))
                )
                await store.beat(a_worker("w"), 60)
        slots: dict[str, set[int]] = {}
        for server in servers:
            for key in ask(server.port, "KEYS", "*"):
                slots.setdefault(key[:2], set()).add(ask(server.port, "CLUSTER", "KEYSLOT", key))
        assert len(slots) == 6
        assert all(len(found) == 1 for found in slots.values())
        assert len(set().union(*slots.values())) == 6


async def test_a_slot_that_moves_to_another_node_loses_no_commit(tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)
        async with RedisStore(url, patience=_LONGEST) as store:
            session = a_session("s1")
            await store.commit(creating(session))
            (owner,) = [server for server in servers if ask(server.port, "DBSIZE")]
            target = next(server for server in servers if server is not owner)
            slot = ask(owner.port, "CLUSTER", "KEYSLOT", ask(owner.port, "KEYS", "*")[0])
            name = ask(target.port, "CLUSTER", "MYID")
            said = ask(owner.port, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", str(slot), str(slot), "NODE", name)
            assert said == "OK"
            deadline = time.monotonic() + _LONGEST
            while not ask(target.port, "DBSIZE") or ask(owner.port, "DBSIZE"):
                assert time.monotonic() < deadline
                change = updating(session, step=session.step + 1)
                await store.commit(change)
                assert change.after is not None
                session = change.after.session
            await store.commit(updating(session, step=-1))
            assert (await must_load(store, "s1")).session.version == session.version + 1
            assert len(await store.list_events(limit=1_000_000)) == session.version + 1


async def test_a_primary_that_is_killed_is_replaced_by_the_one_that_sentinels_name(tmp_path: Path) -> None:
    with sentinels(tmp_path) as watched:
        async with RedisStore(watched.url, patience=_LONGEST, timeout=2) as store:
            await store.commit(creating(a_session("s1")))
            while "s1" not in str(ask(watched.replica.port, "KEYS", "*r:s1")):
                await asyncio.sleep(0.01)
            watched.primary.stop()
            await store.commit(creating(a_session("s2")))
            assert set(await store.load_many(["s1", "s2"])) == {"s1", "s2"}
            assert "role:master" in ask(watched.replica.port, "INFO", "replication")
