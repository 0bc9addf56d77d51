"""History in SQL: the same answers as every store, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine, delete, text

from nexus.archive import history_lists, history_scan, merged_windows, tables
from nexus.archive.database import Database
from nexus.archive.history_sql import SQLHistory
from nexus.archive.merged import ArchivedStore
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.model import Session
from nexus.model.change import Snapshot
from nexus.query import Query, parse
from nexus.stores import codec, ordering
from nexus.stores.base import Order, SortField
from nexus.stores.memory import MemoryStore
from nexus.testing.builders import NOW, a_checkpoint, a_group, a_run, a_session, an_entry, an_event, creating, ids_of
from nexus.testing.contract.population import QUERIES, a_population
from tests.core.archive.pasts import shelve
from tests.core.archive.postgres import Postgres

ORDERS = [Order(field, descending) for field in SortField for descending in (False, True)]
KINDS = ("sqlite", "postgresql")
ALL = parse("")


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database of each kind with the tables, for all tests of this file."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('archive') / 'archive.sqlite3'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database()
    database = Database(url)
    asyncio.run(database.prepare())
    databases[database.engine] = database
    yield database.engine
    asyncio.run(database.close())


databases: dict[Engine, Database] = {}


@pytest.fixture
async def history(engine: Engine) -> AsyncIterator[SQLHistory]:
    """An empty history."""
    empty(engine)
    history = SQLHistory(databases[engine], wall_clock=lambda: NOW)
    yield history
    await history.close()


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(delete(table))


async def pages(history: SQLHistory | MemoryStore, query: Query, order: Order, limit: int) -> list[Session]:
    found: list[Session] = []
    cursor: str | None = None
    while True:
        page = await history.list_sessions(query, order, cursor=cursor, limit=limit, now=NOW)
        found.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


async def test_every_filter_means_what_the_predicate_says(engine: Engine, history: SQLHistory) -> None:
    shelve(engine, a_population())
    shelve(engine, [(a_session("still-live"), None)], gone_at=None)
    async with MemoryStore() as model:
        await model.commit(*(creating(session, run) for session, run in a_population()))
        for n, q in enumerate(QUERIES):
            query = parse(q)
            for order in (Order(), Order(SortField.USER, descending=False))[: 1 + (n % 3 == 0)]:
                wanted = await model.window(query, order, offset=2, limit=9, now=NOW)
                assert await history.window(query, order, offset=2, limit=9, now=NOW) == wanted, q
                assert await pages(history, query, order, 30) == await pages(model, query, order, 99), q
            assert await history.count(query, NOW) == wanted.total, q


@pytest.mark.parametrize("q", ["", "status:final", "meta.tier>=0 -group:batch-8", "state.n=2"])
async def test_pages_windows_and_splits_agree_in_every_order(
    engine: Engine, history: SQLHistory, q: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_lists, "_SWEPT", 3)
    people, query = a_population(), parse(q)
    shelve(engine, people)
    async with MemoryStore() as model:
        await model.commit(*(creating(session, run) for session, run in people))
        for order in ORDERS:
            every = await pages(model, query, order, 99)
            assert await pages(history, query, order, 13) == every
            for offset in (0, len(every) // 2, len(every) - 3, 500):
                window = await history.window(query, order, offset=max(0, offset), limit=4, now=NOW)
                assert list(window.items) == every[max(0, offset) : max(0, offset) + 4]
                assert (window.total, window.whole) == (len(every), len(people))
            apart = await history.window(query, order, offset=2, limit=4, now=NOW, stride=5)
            assert list(apart.items) == every[2:22:5]
            assert (apart.offset, apart.total, apart.stride) == (2, len(every), 5)
            # Every third session is on the other side, so that places have some of these between them.
            keys = [ordering.key_of(session, order.field) for session in every]
            places = [(*key[:-1], key[-1] + "+") for key in keys[::3]]
            for rank in (0, 7, len(every), 200):
                ahead = [sum(key > one if order.descending else key < one for key in keys) for one in places]
                wanted = sum(5 + n + before < rank for n, before in enumerate(ahead))
                assert await history.split(query, order, places, first=5, rank=rank, now=NOW) == wanted


async def test_text_sorts_by_code_point_and_ids_differ_by_case(engine: Engine, history: SQLHistory) -> None:
    names = ["a", "A", "b", "B", "_", "-", "Z.1", "z:1", "10", "9"]
    users = ["zoe", "Zoe", "zoë", "ZOË", "\U0001f600", "\uffee", "İ", "i", "a b", "a\tb"]
    people = [(a_session(name, user_id=user), None) for name, user in zip(names, users, strict=True)]
    shelve(engine, people)
    for order in (Order(SortField.ID, descending=False), Order(SortField.USER, descending=False)):
        wanted = sorted((session for session, _ in people), key=lambda one: ordering.key_of(one, order.field))
        assert ids_of(await pages(history, ALL, order, 3)) == ids_of(wanted)
    for name in names:
        assert await history.count(parse(f'id:"{name}"'), NOW) == 1
        assert (await history.load(name)) == Snapshot(people[names.index(name)][0])
    for user in users:
        assert await history.count(parse(f'user="{user}"'), NOW) == 1, user
    assert await history.count(parse("user:Zo*"), NOW) == 1


async def test_hostile_text_finds_nothing_and_breaks_nothing(engine: Engine, history: SQLHistory) -> None:
    shelve(engine, [(a_session("s1", user_id="a%b_c'\"\\", group_id="g"), None), (a_session("s2"), None)])
    for name in ("\0", "a\0b", "\ud800", "' OR 1=1 --", "%", "_", "\\", "x" * 5000, "\U0010ffff"):
        assert await history.load(name) is None
        assert await history.load_many([name, "s1"]) != {}
        assert await history.list_checkpoints(name, after=0, limit=9) == []
        assert await history.load_checkpoint(name, 1) is None
        assert await history.load_journal(name, name) == []
        assert await history.list_events(session_id=name, limit=9) == []
        assert await history.load_group(name) is None
        assert await history.members([name]) == {}
        assert (await history.children(name, cursor=None, limit=9)).items == ()
    for q in ("user:a%*", 'user="a%b_c\'\\"\\\\"', "user:a?b_c*", "a%b"):
        assert await history.count(parse(q), NOW) == 1, q
    for q in ("user:%", "user:_*", "s_", "a_b"):
        assert await history.count(parse(q), NOW) == 0, q


@pytest.mark.parametrize("field", SortField)
async def test_cursors_with_any_value_are_read_or_refused(
    engine: Engine, history: SQLHistory, field: SortField
) -> None:
    shelve(engine, a_population(20))
    for descending in (False, True):
        order = Order(field, descending)
        for value in (0, -1.5, 2**63 - 1, -(2**63), 9.2e18, "", "x", "a\0b", None):
            cursor = ordering.write_cursor(str(order), value, "s050")
            try:
                ordering.read_order_cursor(cursor, order)
            except InvalidInput:
                with pytest.raises(InvalidInput):
                    await history.list_sessions(ALL, order, cursor=cursor, limit=5, now=NOW)
            else:
                await history.list_sessions(ALL, order, cursor=cursor, limit=5, now=NOW)


async def test_only_what_was_let_go_is_shown(engine: Engine, history: SQLHistory) -> None:
    gone, held = a_session("gone", parent_id="p", group_id="g"), a_session("held", parent_id="p", group_id="g")
    shelve(engine, [(gone, None)], groups=[a_group("g")])
    shelve(engine, [(held, None)], gone_at=None)
    assert await history.load("held") is None
    assert list(await history.load_many(["gone", "held"])) == ["gone"]
    assert ids_of((await history.children("p", cursor=None, limit=9)).items) == ["gone"]
    assert ids_of(await pages(history, ALL, Order(), 9)) == ["gone"]
    assert await history.members(["g", "h"]) == {"g": {"active": 1}}
    group = await history.load_group("g")
    assert group is not None
    assert group.counts == {"active": 1}
    assert await history.load_group("h") is None


async def test_a_session_is_let_go_in_its_last_version_only(engine: Engine, history: SQLHistory) -> None:
    shelve(engine, [(a_session("s1", version=3), None)], gone_at=None)
    assert not await history.let_go("s1", 4)
    assert not await history.let_go("nobody", 1)
    assert await history.load("s1") is None
    assert await history.let_go("s1", 3)
    assert await history.let_go("s1", 3)
    assert await history.load("s1") is not None
    await history.keep("s1", 2)
    assert await history.load("s1") is not None
    await history.keep("s1", 3)
    assert await history.load("s1") is None


async def test_many_sessions_are_let_go_together(engine: Engine, history: SQLHistory) -> None:
    shelve(engine, [(a_session(f"s{n}", version=n % 2 + 1), None) for n in range(900)], gone_at=None)
    answers = await asyncio.gather(*(history.let_go(f"s{n}", 1) for n in range(900)), history.let_go("s2", 1))
    assert answers == [n % 2 == 0 for n in range(900)] + [True]
    assert await history.count(ALL, NOW) == 450
    asking = asyncio.create_task(history.let_go("s1", 2))
    await asyncio.sleep(0)
    asking.cancel()
    assert await history.let_go("s3", 2)


async def test_what_belongs_to_a_session_comes_whole_and_in_order(engine: Engine, history: SQLHistory) -> None:
    run = a_run("s1", inputs_json=b'{"x":1}')
    entries = [an_entry("b"), an_entry("a"), an_entry("c", "run-2")]
    events = [replace(an_event("e", session, group_id="g", version=n), seq=n) for n, session in enumerate("abcab", 10)]
    shelve(
        engine,
        [(a_session("s1", state={"n": 1}), run)],
        checkpoints=[a_checkpoint("s1", number) for number in (2, 1, 10)] + [a_checkpoint("s2", 1)],
        journal=[("s1", entry) for entry in entries],
        events=events,
    )
    assert await history.load("s1") == Snapshot(a_session("s1", state={"n": 1}), run)
    assert [one.number for one in await history.list_checkpoints("s1", after=1, limit=9)] == [2, 10]
    assert (await history.list_checkpoints("s1", after=0, limit=1))[0].state_json is None
    assert await history.load_checkpoint("s1", 10) == a_checkpoint("s1", 10)
    assert await history.load_journal("s1", "run-1") == entries[:2]
    assert await history.list_events(limit=9) == events
    assert await history.list_events(session_id="a", limit=9) == [events[0], events[3]]
    assert await history.list_events(session_id="a", after=10, limit=9) == [events[3]]
    assert await history.list_events(group_id="g", limit=2, newest=True) == events[3:]
    assert await history.list_events(limit=0) == []


async def test_events_of_a_store_without_one_order_come_by_time(engine: Engine, history: SQLHistory) -> None:
    moments = {1: 5.0, 2: 3.0, 3: 4.0, 4: 4.0}
    shelve(engine, [], events=[replace(an_event("e", f"s{seq}", ts=ts), seq=seq) for seq, ts in moments.items()])
    assert [event.seq for event in await history.list_events(limit=9, by_time=True)] == [2, 3, 4, 1]
    assert [event.seq for event in await history.list_events(limit=2, by_time=True)] == [2, 3]
    assert [event.seq for event in await history.list_events(limit=2, by_time=True, newest=True)] == [4, 1]


async def test_children_are_paged_with_the_cursors_of_every_store(engine: Engine, history: SQLHistory) -> None:
    children = [a_session(f"c{n}", parent_id="p", created_at=NOW + n // 3) for n in range(10)]
    shelve(engine, [(child, None) for child in children])
    async with MemoryStore() as model:
        await model.commit(*map(creating, children))
        first = await model.children("p", cursor=None, limit=4)
        assert await history.children("p", cursor=None, limit=4) == first
        assert await history.children("p", cursor=first.next_cursor, limit=9) == await model.children(
            "p", cursor=first.next_cursor, limit=9
        )


async def test_a_long_answer_stops_when_nobody_waits(
    engine: Engine, history: SQLHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve(engine, [(a_session(f"s{n}", metadata={"n": n}), None) for n in range(60)])
    monkeypatch.setattr(history_scan, "_PIECE", 5)
    looking = asyncio.Event()
    loop, seen = asyncio.get_running_loop(), []
    read = codec.decode_session
    hold = asyncio.Event()

    def slowly(document: bytes, state: bytes) -> Session:
        seen.append(document)
        loop.call_soon_threadsafe(looking.set)
        if len(seen) == 5:
            asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(30)
        return read(document, state)

    monkeypatch.setattr(codec, "decode_session", slowly)
    counting = asyncio.create_task(history.count(parse("meta.n>=0"), NOW))
    await looking.wait()
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    hold.set()
    assert await history.load("nobody") is None
    threads = history._threads
    assert threads is not None
    await asyncio.to_thread(threads.shutdown)
    assert len(seen) == 5


async def test_a_database_that_does_not_answer_is_store_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'archive.sqlite3'}")
    history = SQLHistory(database)
    assert await history.load("s1") is None
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE archived_sessions"))
    with pytest.raises(StoreUnavailable, match="can't be used"):
        await history.load("s1")
    with pytest.raises(StoreUnavailable):
        await history.let_go("s1", 1)
    await history.close()
    await database.close()


@given(
    gone=st.lists(st.booleans(), min_size=1, max_size=60),
    order=st.sampled_from(ORDERS),
    q=st.sampled_from(("", "status:final", "-group:*", "age>2000s", "meta.tier>=1", "train", "channel:cli")),
    limit=st.integers(3, 12),
    step=st.integers(5, 20),
    at_once=st.sampled_from((1, 3, 256)),
)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_sessions_in_memory_and_in_sql_are_listed_as_if_in_one_store(
    engine: Engine,
    history: SQLHistory,
    monkeypatch: pytest.MonkeyPatch,
    gone: list[bool],
    order: Order,
    q: str,
    limit: int,
    step: int,
    at_once: int,
) -> None:
    monkeypatch.setattr(merged_windows, "AT_ONCE", at_once)
    empty(engine)
    query, people = parse(q), a_population(len(gone))
    shelve(engine, [pair for pair, is_gone in zip(people, gone, strict=True) if is_gone])
    async with MemoryStore() as live, MemoryStore() as whole:
        await whole.commit(*(creating(session, run) for session, run in people))
        for (session, run), is_gone in zip(people, gone, strict=True):
            if not is_gone:
                await live.commit(creating(session, run))
        both = ArchivedStore(live, history)
        found: list[Session] = []
        cursor: str | None = None
        while True:
            page = await both.list_sessions(query, order, cursor=cursor, limit=limit, now=NOW)
            found.extend(page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.items) == limit
        assert found == await pages(whole, query, order, 99)
        for offset in range(0, len(gone) + 2, step):
            wanted = await whole.window(query, order, offset=offset, limit=limit, now=NOW)
            assert await both.window(query, order, offset=offset, limit=limit, now=NOW) == wanted
        assert await both.count(query, NOW) == len(found)
