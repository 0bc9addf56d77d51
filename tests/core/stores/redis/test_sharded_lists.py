"""Lists, windows and counts over shards are those of a store in one place, for every order and filter."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.model import Session, Status
from nexus.query import parse
from nexus.stores.base import Change, Order, SortField, Store
from nexus.stores.memory import MemoryStore
from nexus.stores.redis import RedisStore, entries, ranks
from nexus.stores.redis.links import Link, ask
from nexus.stores.redis.ranks import ranked, strided
from nexus.stores.redis.sharded import ShardedRedisStore
from nexus.stores.redis.source import Range
from nexus.stores.strides import FEW, ranks_of
from nexus.testing.builders import NOW, a_group, a_run, a_session, creating, creating_group, deleting, updating
from nexus.testing.contract.harness import put
from nexus.testing.contract.population import QUERIES
from tests.core.stores.redis.servers import Server, single

ORDERS = [Order(field, descending) for field in SortField for descending in (False, True)]
_FINAL = (Status.COMPLETED, Status.CANCELLED, Status.EXPIRED)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


def sessions() -> st.SearchStrategy[list[Session]]:
    """Sessions with many ties."""
    one = st.fixed_dictionaries(
        {
            "status": st.sampled_from(Status),
            "created_at": st.sampled_from([NOW, NOW - 1, NOW - 1.5, NOW - 1000]),
            "used": st.sampled_from([0, 1, 60, 5000]),
            "step": st.integers(0, 3),
            "workflow": st.sampled_from([None, "index-files", "train"]),
            "user_id": st.sampled_from([None, "42", "Ada"]),
            "group_id": st.sampled_from([None, "batch-7", "batch-8"]),
            "parent_id": st.sampled_from([None, None, "s000"]),
            "metadata": st.sampled_from([{}, {"organization": "acme-corp", "tier": 2}]),
            "state": st.sampled_from([{}, {"user": {"tier": "gold"}, "n": 2}]),
        }
    )
    return st.lists(one, max_size=60).map(lambda drawn: [_session(n, fields) for n, fields in enumerate(drawn)])


def _session(number: int, fields: dict[str, Any]) -> Session:
    created, used = fields["created_at"], fields.pop("used")
    ended = created + used if fields["status"] in _FINAL else None
    return a_session(f"s{number:03d}", last_activity=created + used, ended_at=ended, timeout=60.0,
                     idle_deadline=created + used + 60, **fields)  # fmt: skip


def _run_of(session: Session) -> Any:
    return a_run(session.id, worker="w" if session.step else "") if session.status is Status.IN_PROGRESS else None


async def _fill(store: Store, people: Sequence[Session], changed: Sequence[int]) -> None:
    await put(store, creating_group(a_group("batch-7")), *(creating(each, _run_of(each)) for each in people))
    changes: list[Change] = []
    for number in changed:
        if number < len(people):
            before = people[number]
            moved = updating(before, status=Status.ACTIVE, ended_at=None, last_activity=NOW + 9, group_id="batch-8")
            changes.append(deleting(before) if number % 3 == 0 else moved)
    await put(store, *changes)


async def _pages(store: Store, q: str, order: Order, limit: int) -> list[Session]:
    found: list[Session] = []
    cursor: str | None = None
    while True:
        page = await store.list_sessions(parse(q), order, cursor=cursor, limit=limit, now=NOW)
        found.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


async def _same(one: Store, many: Store, q: str, order: Order, offset: int, limit: int) -> None:
    assert await _pages(many, q, order, limit) == await _pages(one, q, order, limit)
    query = parse(q)
    assert await many.count(query, NOW) == await one.count(query, NOW)
    windows = [await store.window(query, order, offset=offset, limit=limit, now=NOW) for store in (one, many)]
    assert windows[0] == windows[1]


async def _same_upkeep(one: Store, many: Store) -> None:
    for now in (NOW - 1000, NOW + 60, NOW + 1e6):
        assert await many.due(now, 7) == await one.due(now, 7)
        assert await many.ended_before(now, 7) == await one.ended_before(now, 7)
    for worker in ("w", ""):
        assert sorted(await many.runs_of(worker, 99)) == sorted(await one.runs_of(worker, 99))
    assert await many.load_group("batch-7") == await one.load_group("batch-7")
    assert await many.children("s000", cursor=None, limit=5) == await one.children("s000", cursor=None, limit=5)


@settings(
    max_examples=1000 if settings.get_current_profile_name() == "long" else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    people=sessions(),
    changed=st.lists(st.integers(0, 59), unique=True, max_size=12),
    asked=st.lists(
        st.tuples(st.sampled_from(QUERIES), st.sampled_from(ORDERS), st.integers(0, 60), st.integers(1, 70)),
        min_size=4,
        max_size=12,
    ),
    shards=st.integers(2, 6),
)
def test_lists_windows_and_counts_over_shards_are_those_of_memory(
    server: Server, people: list[Session], changed: list[int], asked: list[tuple[str, Order, int, int]], shards: int
) -> None:
    async def scenario() -> None:
        prefix = f"t:{uuid4().hex}:"
        async with MemoryStore() as one, ShardedRedisStore(server.url, prefix=prefix, shards=shards) as many:
            await _fill(one, people, changed)
            await _fill(many, people, changed)
            await _same_upkeep(one, many)
            for q, order, offset, limit in asked:
                await _same(one, many, q, order, offset, limit)

    asyncio.run(scenario())


@pytest.mark.parametrize("near", [0, 3, 512])
@pytest.mark.parametrize("head", [b"", b"active\0"])
@pytest.mark.parametrize("spread", ["even", "apart", "one", "ties"])
async def test_any_rank_is_found_in_any_spread_over_shards(
    server: Server, monkeypatch: pytest.MonkeyPatch, spread: str, head: bytes, near: int
) -> None:
    monkeypatch.setattr(ranks, "_NEAR", near)
    chance = random.Random(spread)
    async with ShardedRedisStore(server.url, prefix=f"t:{uuid4().hex}:", shards=5) as store:
        links = [shard.link for shard in store.shards]
        everything: list[bytes] = []
        ranges = []
        for number, link in enumerate(links):
            size = {"even": 700, "apart": 700, "one": 3500 if number == 2 else 1, "ties": 300}[spread]
            times = [NOW + chance.random() * 1000 + (number * 2000 if spread == "apart" else 0) for _ in range(size)]
            if spread == "ties":
                times = [NOW] * size
            held = [entries.timed(at, f"s{number}-{place:04d}") for place, at in enumerate(times)]
            everything.extend(held)
            others = [b"a\0" + entry for entry in held[:50]] + [b"z\0" + entry for entry in held[:50]]
            words: list[bytes | str | float] = []
            for entry in [head + entry for entry in held] + (others if head else []):
                words += [0, entry]
            key = link.keys.root + b"x:test"
            await ask(links, [(number, ("ZADD", key, *words))])
            ranges.append(Range(key, head, number))
        everything.sort()
        sizes = [700] * 5 if spread in ("even", "apart") else [1, 1, 3500, 1, 1] if spread == "one" else [300] * 5
        total = len(everything)
        for offset in {0, 1, total // 3, total // 2, total - 9, total - 1, *chance.choices(range(total), k=12)}:
            for descending in (False, True):
                found = await ranked(links, ranges, sizes, offset, 9, descending=descending)
                wanted = sorted(everything, reverse=descending)
                assert found == wanted[offset : offset + 9]
        await _same_by_stride(links, ranges, sizes, everything)
        monkeypatch.setattr(ranks, "_SIDE_BY_SIDE", 100)
        await _same_by_stride(links, ranges, sizes, everything)
        for one, size in zip(ranges, sizes, strict=True):
            own = [entry for entry in everything if entry[entries.DIGITS :].startswith(b"s%d-" % one.link)]
            await _same_by_stride(links, [one], [size], own)
        await ask(links, [(one.link, ("DEL", one.key)) for one in ranges])


async def _same_by_stride(
    links: Sequence[Link], ranges: Sequence[Range], sizes: Sequence[int], everything: Sequence[bytes]
) -> None:
    for descending in (False, True):
        wanted = sorted(everything, reverse=descending)
        for offset, limit, stride in ((0, 100, 40), (17, 9, 70), (len(wanted) - 1, 9, 3), (len(wanted), 9, 3)):
            asked = ranks_of(offset, limit, stride)
            found, given = await strided(links, ranges, sizes, asked, descending=descending)
            assert found == wanted[given.start : given.stop : given.step]
            assert given == asked or (len(ranges) > 1 and asked.step < given.step and len(found) <= FEW)


async def test_a_window_in_the_middle_of_many_sessions_is_read_in_few_steps(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ShardedRedisStore(server.url, prefix=f"t:{uuid4().hex}:", shards=4) as store:
        await put(store, *(creating(a_session(f"s{n:05d}", created_at=NOW + n)) for n in range(1600)))
        steps: list[int] = []

        def counted(begin: Callable[..., Any]) -> Callable[..., Any]:
            def count(commands: Sequence[Any]) -> Any:
                steps.append(len(commands))
                return begin(commands)

            return count

        for shard in store.shards:
            monkeypatch.setattr(shard.link.client, "begin", counted(shard.link.client.begin))
        window = await store.window(parse(""), Order(), offset=800, limit=20, now=NOW)
        assert [session.id for session in window.items] == [f"s{n:05d}" for n in range(799, 779, -1)]
        assert (window.total, window.whole) == (1600, 1600)
        # In each shard: its size, a place and its rank once or twice, the entries, and the documents.
        assert len(steps) <= 4 * 8


async def test_a_store_of_one_shard_is_searched_as_one_in_one_place(server: Server) -> None:
    prefix = f"t:{uuid4().hex}:"
    async with RedisStore(server.url, prefix=prefix) as plain, ShardedRedisStore(server.url, prefix=prefix) as same:
        await put(plain, *(creating(a_session(f"s{n:03d}", created_at=NOW + n % 7)) for n in range(60)))
        assert len(same.shards) == 1
        for q in ("", "status:active", "step=0"):
            for order in (Order(), Order(SortField.ACTIVITY, descending=False), Order(SortField.ID)):
                await _same(plain, same, q, order, 40, 17)
