"""Where a store that is spread keeps what: the same for ever, evenly, and in one layout that everybody finds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from nexus.errors import InvalidInput, StoreUnavailable
from nexus.lifecycle.outcomes import idempotency_claim
from nexus.model import Event, EventBatch
from nexus.stores.opening import open_store
from nexus.stores.positions import Trail, read_positions, short, write_positions
from nexus.stores.redis import RedisStore
from nexus.stores.redis.keys import Keys, Shard
from nexus.stores.redis.placing import shard_of, shard_of_claim
from nexus.stores.redis.sharded import SHARDS, ShardedRedisStore
from nexus.stores.redis.slots import SLOTS, slot_of_key
from nexus.testing.builders import (
    NOW,
    a_group,
    a_session,
    a_worker,
    an_event,
    claiming,
    creating,
    creating_group,
    deleting,
    updating,
)
from nexus.testing.contract.harness import put
from tests.core.stores.redis.servers import Server, ask, cluster, cluster_url


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Server]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture
def prefix() -> str:
    return f"t:{uuid4().hex}:"


def test_a_name_is_in_the_same_shard_for_ever() -> None:
    # Another answer here would lose every session of every store that there is.
    names = ["s1", "sess_01KAV0C5T8Y4D2Q9G3W7N6M1RZ", "a:b.c-d_e", "x" * 128]
    assert [shard_of(name, 16) for name in names] == [0, 4, 8, 7]
    assert [Keys("nexus:sessions:", Shard(n, 16)).root for n in (0, 9, 15)] == [
        b"nexus:sessions:{s00.c5ac}:",
        b"nexus:sessions:{s09.c42c}:",
        b"nexus:sessions:{s15.c428}:",
    ]


@pytest.mark.parametrize("names", ["s{}", "user-{:05d}", "sess_01KAV0C5T8Y4D2Q9G3W7N6{:04X}", "{}.example.org"])
def test_names_spread_evenly_whatever_their_form(names: str) -> None:
    counts = Counter(shard_of(names.format(number), SHARDS) for number in range(4096))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 256 * 1.35


@pytest.mark.parametrize("prefix", ["nexus:sessions:", "a:", "other:"])
def test_shards_lie_evenly_over_the_nodes_of_clusters_of_any_usual_size(prefix: str) -> None:
    slots = [slot_of_key(Keys(prefix, Shard(number, SHARDS)).meta) for number in range(SHARDS)]
    for nodes in (2, 3, 4, 5, 6, 7, 8, 16):
        held = Counter(min(slot * nodes // SLOTS, nodes - 1) for slot in slots)
        assert len(held) == nodes
        assert max(held.values()) - min(held.values()) <= 1


def test_a_key_of_a_session_is_claimed_in_its_shard_whatever_its_id() -> None:
    for session_id in ("s1", "a:b", "a", ":", "a:b:c:d", "x%3Ay"[:1]):
        for key in ("k", "b:c", ":", "%3A"):
            assert shard_of_claim(idempotency_claim(session_id, key), 16) == shard_of(session_id, 16)
    assert idempotency_claim("a", "b:c") != idempotency_claim("a:b", "c")


def test_a_cursor_is_short_and_comes_back_as_it_was() -> None:
    positions = (0, 1, 35, 36, 1295, 1296, 10**9, 2**60)
    assert read_positions(write_positions(positions), len(positions)) == positions
    assert [short(number) for number in (0, 35, 36)] == ["0", "z", "10"]
    trail = Trail(positions)
    assert read_positions(trail.move(2, 40), len(positions)) == (0, 1, 40, *positions[3:])
    assert len(write_positions([1_000_000] * 16)) < 90
    assert write_positions([17]) == "17"


@pytest.mark.parametrize("cursor", ["7", "v:", "v:1.2", "v:1.2.3.4", "v:1..3", "v:A.b.c", "v:1.2.3 ", "v:-1.2.3", ""])
def test_a_cursor_of_another_store_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_positions(cursor, 3)
    assert caught.value.details["field"] == "cursor"


async def test_everything_of_a_store_lies_in_as_many_slots_as_it_has_shards(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        await put(store, *(creating(a_session(f"s{n}", group_id="g"), counters={"n": 1.0}) for n in range(200)))
        await store.commit(creating_group(a_group("g")))
        await store.beat(a_worker("w"), 60)
        assert await store.counters() == {"n": 200.0}
        held: dict[int, set[int]] = {}
        for server in nodes:
            for key in ask(server.port, "KEYS", f"{prefix}*"):
                held.setdefault(server.port, set()).add(ask(server.port, "CLUSTER", "KEYSLOT", key))
        slots = set().union(*held.values()) - {slot_of_key(Keys(prefix).meta)}
        assert slots == {slot_of_key(shard.link.keys.meta) for shard in store.shards}
        assert [len(found) >= 5 for found in held.values()] == [True] * 3


async def test_a_process_has_one_connection_to_each_node_and_one_for_each_shard_it_waits_for(
    nodes: Sequence[Server], prefix: str
) -> None:
    def connected() -> int:
        # What asks is a client as well.
        return sum(ask(server.port, "CLIENT", "LIST", "TYPE", "NORMAL").count("id=") - 1 for server in nodes)

    before = connected()
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        await store.load_many([f"s{n}" for n in range(99)])
        assert connected() - before == 3
        assert not await store.wait_events("0", 0.5)
        assert connected() - before == 3 + SHARDS


async def test_a_new_store_in_a_cluster_has_sixteen_shards_and_any_number_that_is_asked_for(
    nodes: Sequence[Server], prefix: str
) -> None:
    url = cluster_url(nodes)
    async with open_store(url, prefix=prefix) as store:
        assert isinstance(store, ShardedRedisStore)
        assert len(store.shards) == SHARDS
        await put(store, *(creating(a_session(f"s{n}")) for n in range(20)))
        facts = (await store.health()).facts
        assert (facts["shards"], facts["sessions"], facts["mode"]) == ("16", "20", "cluster")
        assert 1 <= len(facts["memory"].split(", ")) <= 3
    async with ShardedRedisStore(f"{url}?shards=4", prefix=prefix + "4:") as store:
        assert len(store.shards) == 4
    async with ShardedRedisStore(url, prefix=prefix + "4:") as store:
        assert len(store.shards) == 4


async def test_a_store_has_the_shards_that_it_was_made_with(nodes: Sequence[Server], prefix: str) -> None:
    url = cluster_url(nodes)
    async with ShardedRedisStore(f"{url}?shards=4", prefix=prefix):
        pass
    with pytest.raises(StoreUnavailable, match="has 4 shards, and 8 was asked for"):
        await ShardedRedisStore(f"{url}?shards=8", prefix=prefix).__aenter__()
    with pytest.raises(StoreUnavailable, match=r"write \?shards=4"):
        await RedisStore(url, prefix=prefix).__aenter__()


async def test_a_store_that_was_made_in_one_slot_of_a_cluster_goes_on_as_one_shard(
    nodes: Sequence[Server], prefix: str
) -> None:
    url = cluster_url(nodes)
    async with RedisStore(url, prefix=prefix) as old:
        await old.commit(creating(a_session("s1")), creating(a_session("s2")))
        cursor = (await old.read_events(None, 1)).cursor
        async with open_store(url, prefix=prefix) as store:
            assert isinstance(store, ShardedRedisStore)
            assert len(store.shards) == 1
            assert set(await store.load_many(["s1", "s2"])) == {"s1", "s2"}
            committed = await store.commit(creating(a_session("s3")), creating(a_session("s4")))
            assert [event.seq for event in committed.events] == [3, 4]
            for reader in (old, store):
                batch = await reader.read_events(cursor, 9)
                assert ([event.session_id for event in batch.events], batch.cursor) == (["s3", "s4"], "4")
                assert await reader.wait_events("3", 30)
    with pytest.raises(StoreUnavailable, match="has one shard, and 16 were asked for"):
        await ShardedRedisStore(f"{url}?shards=16", prefix=prefix).__aenter__()


async def test_a_layout_of_a_later_version_is_refused(nodes: Sequence[Server], prefix: str) -> None:
    url = cluster_url(nodes)
    async with ShardedRedisStore(f"{url}?shards=2", prefix=prefix) as store:
        meta = Keys(prefix).meta.decode()
        (server,) = [each for each in nodes if "MOVED" not in str(ask(each.port, "HSET", meta, "layout", "3/16"))]
        with pytest.raises(StoreUnavailable, match="layout 3/16"):
            await ShardedRedisStore(url, prefix=prefix).__aenter__()
        with pytest.raises(StoreUnavailable, match="made anew"):
            await store.beat(a_worker("w"), 60)
        ask(server.port, "DEL", meta)
        await store.beat(a_worker("w"), 60)
        assert ask(server.port, "HGET", meta, "layout") == "2/2"


async def test_changes_that_need_several_shards_are_refused_and_change_nothing(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(f"{cluster_url(nodes)}?shards=4", prefix=prefix) as store:
        one, other = _apart(4)
        with pytest.raises(ValueError, match="one by one"):
            await store.commit(creating(a_session(one)), creating(a_session(other)))
        with pytest.raises(ValueError, match=r"Store\.id_beside"):
            await store.commit(creating(a_session(one), claims=claiming(other, one)))
        with pytest.raises(ValueError, match="needs the shards"):
            await store.commit(creating(a_session(one), events=(an_event("session.created", other),)))
        assert await store.load_many([one, other]) == {}
        assert (await store.read_events("0", 9)).events == ()


async def test_events_of_one_session_keep_their_order_whatever_their_times(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        session = a_session("s1", group_id="g")
        await store.commit(creating(session))
        for step, late in enumerate((50, 10, 40, 0, 30)):
            event = an_event(f"kind.{step}", "s1", group_id="g", ts=NOW + late)
            change = updating(session, parts={"events": (event,)})
            await store.commit(change)
            assert change.after is not None
            session = change.after.session
            await store.commit(creating(a_session(f"other-{step}", group_id="g")))
        wanted = ["session.created", *(f"kind.{step}" for step in range(5))]
        for events in (
            await store.list_events(limit=99),
            await store.list_events(limit=99, newest=True),
            await store.list_events(group_id="g", limit=99),
            await store.list_events(group_id="g", limit=99, newest=True),
            (await store.read_events("0", 99)).events,
        ):
            assert [event.type for event in events if event.session_id == "s1"] == wanted
            assert len(events) == 11


async def test_the_newest_events_of_all_are_found_though_one_shard_has_most_of_them(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        await put(store, *(creating(a_session(f"s{n}")) for n in range(40)))
        drafts = tuple(an_event(f"kind.{n}", "hot", ts=NOW + n) for n in range(300))
        await store.commit(creating(a_session("hot"), events=drafts))
        newest = await store.list_events(limit=100, newest=True)
        assert [event.type for event in newest] == [f"kind.{n}" for n in range(200, 300)]
        first = await store.list_events(limit=100)
        assert len(first) == 100
        assert sum(event.session_id != "hot" for event in first) == 40
        cursor, seen = "0", list[Event]()
        while (batch := await store.read_events(cursor, 50)).events:
            seen.extend(batch.events)
            cursor = batch.cursor
        assert len(seen) == len({event.seq for event in seen}) == 340


async def test_a_reader_is_told_of_events_trimmed_in_a_shard_that_was_empty_when_it_stopped(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(f"{cluster_url(nodes)}?shards=4", prefix=prefix) as store:
        one, other = _apart(4)
        await store.commit(creating(a_session(one)))
        cursor = (await store.read_events("0", 9)).cursor
        doomed = a_session(other)
        await store.commit(creating(doomed))
        await store.commit(deleting(doomed))
        assert await store.trim_events(NOW + 1, 99) == 2
        batch = await store.read_events(cursor, 9)
        assert (batch.events, batch.trimmed) == ((), True)
        assert not (await store.read_events(batch.cursor, 9)).trimmed


async def test_who_asks_for_the_oldest_events_is_told_of_none_before_them_wherever_he_goes_on(
    nodes: Sequence[Server], prefix: str
) -> None:
    async with ShardedRedisStore(f"{cluster_url(nodes)}?shards=4", prefix=prefix) as store:
        for number in range(40):
            await store.commit(creating(a_session(f"d{number}")))
            await store.commit(deleting(a_session(f"d{number}")))
        await put(store, *(creating(a_session(f"s{n}", created_at=NOW)) for n in range(20)))
        assert await store.trim_events(NOW + 1, 999) == 80
        for limit in (1, 3, 7, 99):
            batch = await store.read_events("0", limit)
            assert (len(batch.events), batch.trimmed) == (min(limit, 20), False)
            for place in range(len(batch.events)):
                rest = await store.read_events(batch.cursor_behind(place), 99)
                assert (len(rest.events), rest.trimmed) == (19 - place, False)


def _apart(shards: int) -> tuple[str, str]:
    """Two ids that are not in one shard."""
    return "s0", next(name for n in count() if shard_of(name := f"s{n}", shards) != shard_of("s0", shards))


async def test_followers_at_one_place_are_served_by_one_read(
    nodes: Sequence[Server], prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        cursor = (await store.read_events(None, 1)).cursor

        async def follow() -> str | None:
            assert await store.wait_events(cursor, 30)
            return (await store.read_events(cursor, 9)).events[0].session_id

        following = [asyncio.create_task(follow()) for _ in range(50)]
        assert not await store.wait_events(cursor, 0.1)
        sent: list[int] = []
        for shard in store.shards:
            monkeypatch.setattr(shard.link.client, "begin", _counted(sent, shard.link.client.begin))
        await store.commit(creating(a_session("s1")))
        assert await asyncio.gather(*following) == ["s1"] * 50
        assert sum(sent) <= 10 * SHARDS


def _counted(sent: list[int], begin: Callable[..., Any]) -> Callable[..., Any]:
    def count_and_begin(commands: Sequence[Any]) -> Any:
        sent.append(len(commands))
        return begin(commands)

    return count_and_begin


async def test_a_follower_who_leaves_takes_no_answer_from_others(nodes: Sequence[Server], prefix: str) -> None:
    async with ShardedRedisStore(cluster_url(nodes), prefix=prefix) as store:
        await store.commit(creating(a_session("s1")))
        reads = [asyncio.create_task(store.read_events("0", 9)) for _ in range(3)]
        await asyncio.sleep(0)
        reads[0].cancel()
        batches = await asyncio.gather(*reads, return_exceptions=True)
        assert isinstance(batches[0], asyncio.CancelledError)
        assert [len(batch.events) for batch in batches[1:] if isinstance(batch, EventBatch)] == [1, 1]
