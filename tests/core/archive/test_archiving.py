"""Everything that is committed to a store on Redis is archived: once, in order, whoever does it and whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, select

from nexus.archive import ledger, remaking, tables
from nexus.archive.archiver import Archiver
from nexus.archive.database import Database
from nexus.archive.restoring import Restorer
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.stores.archiving import Marks, StoreLost
from nexus.stores.redis import RedisStore
from nexus.testing.builders import a_checkpoint, a_session, creating, deleting
from tests.core.archive.churn import (
    Churn,
    an_archiver,
    archived,
    claims_of,
    contents,
    differences,
    drain,
    position,
)
from tests.core.archive.postgres import Postgres
from tests.core.stores.redis.servers import ask, single


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server.port


@pytest.fixture
async def store(port: int) -> AsyncIterator[RedisStore]:
    async with RedisStore(f"redis://127.0.0.1:{port}/0", prefix=f"test:{uuid4().hex}:") as store:
        yield store


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def same(store: RedisStore, database: Database) -> None:
    assert differences(await contents(store), await archived(database)) == []
    live, kept = await claims_of(store, database)
    assert live == kept


async def mark_of(store: RedisStore) -> str:
    return (await store.outboxes[0].marks()).mark or ""


async def test_every_kind_of_change_arrives(store: RedisStore, database: Database) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    churn = Churn(store, seed=1)
    for _ in range(4):
        await churn.commit(60)
        await drain(store, archiver)
        await same(store, database)


async def test_what_was_there_before_is_copied_once(store: RedisStore, database: Database) -> None:
    churn = Churn(store, seed=2)
    await churn.commit(150)
    archiver = an_archiver(store, database)
    await drain(store, archiver)
    await same(store, database)
    assert (await store.outboxes[0].marks()).copied == "done"


async def test_commits_during_the_copy_of_what_was_there_before_are_not_lost(
    store: RedisStore, database: Database
) -> None:
    churn = Churn(store, seed=3)
    await churn.commit(80)
    archiver = an_archiver(store, database)
    outbox = store.outboxes[0]
    await archiver.turn()
    cursor = await outbox.copy(None, 11)
    while cursor is not None:
        await churn.commit(3)
        await archiver.turn()
        # Another process goes on where the first one stopped.
        cursor = await outbox.copy(cursor, 11)
    await drain(store, archiver)
    await same(store, database)


async def test_a_process_that_knows_of_no_archive_archives_too(
    store: RedisStore, database: Database, port: int
) -> None:
    prefix = store._keys.root.decode().partition("{")[0]
    async with RedisStore(store.url, prefix=prefix) as other:
        await other.commit(creating(a_session("before")))
        archiver = an_archiver(store, database)
        await archiver.turn()
        await other.commit(creating(a_session("after")))
    await drain(store, archiver)
    await same(store, database)


async def test_what_is_read_twice_is_applied_once(store: RedisStore, database: Database) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    await Churn(store, seed=4).commit(80)
    outbox = store.outboxes[0]
    read = await outbox.read(await mark_of(store), await position(database), 1000)
    # It is applied and not dropped, as by a process that dies in between.
    assert await database.write(lambda one: ledger.apply_behind(one, "0", "", read.entries, 0.0))
    assert (await outbox.lag()).entries == len(read.entries)
    await drain(store, an_archiver(store, database, "another"))
    assert (await outbox.lag()).entries == 0
    await same(store, database)


async def test_one_who_reads_and_applies_late_applies_nothing(store: RedisStore, database: Database) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    churn = Churn(store, seed=5)
    await churn.commit(40)
    at = await position(database)
    late = await store.outboxes[0].read(await mark_of(store), at, 1000)
    await churn.commit(40)
    await drain(store, archiver)
    assert not await database.write(lambda one: ledger.apply_behind(one, "0", at, late.entries, 0.0))
    await same(store, database)


async def test_two_archivers_at_once_change_nothing(store: RedisStore, database: Database) -> None:
    archivers = [an_archiver(store, database, who) for who in ("one", "two", "three")]
    await archivers[0].turn()
    churn = Churn(store, seed=6)
    done = asyncio.Event()

    async def work(turns: int) -> None:
        while not done.is_set() or (await store.outboxes[0].lag()).entries:
            await archivers[turns].turn()

    workers = [asyncio.create_task(work(number)) for number in range(3)]
    await churn.commit(250)
    done.set()
    await asyncio.gather(*workers)
    await same(store, database)


async def test_a_store_that_went_back_behind_what_was_archived_is_right(store: RedisStore, database: Database) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    churn = Churn(store, seed=7)
    await churn.commit(60)
    await drain(store, archiver)
    # A failover to a replica that lacks the newest commits: what it has is what it had then.
    client = store._open.client
    keys = await client.call("KEYS", store._keys.root + b"*")
    dumped = dict(zip(keys, await client.calls([("DUMP", key) for key in keys]), strict=True))
    await churn.commit(60)
    await drain(store, archiver)
    await client.call("DEL", *await client.call("KEYS", store._keys.root + b"*"))
    async with RedisStore(store.url, prefix=store._keys.root.decode().partition("{")[0]) as other:
        for key, body in dumped.items():
            if body is not None:
                await other._open.client.call("RESTORE", key, 0, body, "REPLACE")
        again = an_archiver(other, database, "after")
        await Churn(other, seed=8, head="t").commit(40)
        await drain(other, again)
        live, kept = await contents(other), await archived(database)
        lost = {key for key in kept if key not in live}
        assert all(key.startswith("session ") for key in lost), "what was made in the lost time stays archived"
        assert differences({**live, "events": 0}, {key: kept[key] for key in live} | {"events": 0}) == []
        assert live["events"].items() <= kept["events"].items(), "of two events of one number Redis's is the right one"
        await Churn(other, seed=9, head="u").commit(10)
        assert max((await contents(other))["events"]) > remaking.GENERATION, "no number is given twice from now on"


async def test_a_loss_that_comes_between_two_looks_costs_the_archive_nothing(
    store: RedisStore, database: Database
) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    await Churn(store, seed=12).commit(60)
    await drain(store, archiver)
    before, at, mark = await archived(database), await position(database), await mark_of(store)
    client = store._open.client
    await client.call("DEL", *await client.call("KEYS", store._keys.root + b"*"))
    # It has seen the mark just before, and goes on as if it were there.
    with pytest.raises(StoreLost):
        await archiver._apply(Marks(mark=mark, reached=at, copied="done"), at)
    assert not await archiver._start_over(mark, at)
    assert differences(before, await archived(database)) == []
    # What is late is no word on the stream that is there by then.
    await drain(store, an_archiver(store, database, "another"))
    entries, reached = (await store.outboxes[0].lag()).entries, (await store.outboxes[0].marks()).reached
    await store.outboxes[0].drop(at)
    assert ((await store.outboxes[0].lag()).entries, (await store.outboxes[0].marks()).reached) == (entries, reached)


async def test_a_session_whose_id_was_used_before_keeps_nothing_of_the_old_one_but_its_events(
    store: RedisStore, database: Database
) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    churn = Churn(store, seed=9)
    await churn.commit(30)
    await drain(store, archiver)
    name, old = next((name, one) for name, one in churn.live.items() if one.session.checkpoints)
    events = len(await store.list_events(session_id=name, limit=1000))
    await store.commit(deleting(old.session))
    await drain(store, archiver)
    await store.commit(creating(a_session(name, created_at=1.0)))
    await drain(store, archiver)
    kept = await archived(database)
    assert kept[f"session {name}"]["checkpoints"] == kept[f"session {name}"]["journal"] == []
    of_it = [event for event in kept["events"].values() if event.session_id == name]
    assert len(of_it) == events + 2


async def test_a_database_that_is_away_holds_up_no_commit_and_gets_all_of_it_later(
    store: RedisStore,
) -> None:
    with Postgres() as server:
        database = Database(server.database())
        archiver = an_archiver(store, database)
        churn = Churn(store, seed=10)
        await churn.commit(20)
        await drain(store, archiver)
        archiver.start()
        server.stop()
        await churn.commit(60)
        with pytest.raises(StoreUnavailable):
            await database.read(ledger.last_seq)
        assert (await store.outboxes[0].lag()).entries > 30
        server.start()
        async with asyncio.timeout(30):
            while (await store.outboxes[0].lag()).entries:
                await asyncio.sleep(0.05)
        await archiver.stop()
        await same(store, database)
        await database.close()


async def test_what_was_let_go_long_ago_is_forgotten_where_a_retention_says_so(
    store: RedisStore, database: Database
) -> None:
    now = [1000.0]
    restorer = Restorer(database, "one", "system:one", lambda: now[0])
    archiver = Archiver(store.outboxes[0], database, restorer, "one", lambda: now[0], retention=100.0)
    await archiver.turn()
    for name in ("old", "new", "live"):
        await store.commit(creating(a_session(name), checkpoints=(a_checkpoint(name, 1),)))
    await store.commit(deleting(a_session("old")))
    await drain(store, archiver)
    now[0] = 1090.0
    await store.commit(deleting(a_session("new")))
    await drain(store, archiver)
    now[0] = 1160.0
    await drain(store, archiver)

    def left(connection: Connection) -> tuple[set[str], set[str], set[str]]:
        of = {table: set(connection.execute(select(column)).scalars()) for table, column in COLUMNS.items()}
        return of["sessions"], of["checkpoints"], of["events"]

    assert await database.read(left) == ({"new", "live"},) * 3


COLUMNS = {
    "sessions": tables.sessions.c.id,
    "checkpoints": tables.checkpoints.c.session_id,
    "events": tables.events.c.session_id,
}


async def test_another_database_is_refused(store: RedisStore, database: Database, tmp_path: object) -> None:
    await drain(store, an_archiver(store, database))
    other = Database(f"sqlite:///{tmp_path}/other.sqlite3")
    with pytest.raises(InvalidInput, match="archived in another database") as refused:
        await an_archiver(store, other, "other").turn()
    assert refused.value.details["field"] == "database_url"
    await other.close()


async def test_a_database_that_archives_another_store_is_refused(
    store: RedisStore, database: Database, port: int
) -> None:
    await drain(store, an_archiver(store, database))
    async with RedisStore(store.url, prefix=f"test:{uuid4().hex}:") as other:
        with pytest.raises(InvalidInput, match="a database of its own"):
            await an_archiver(other, database).turn()


async def test_archiving_that_is_switched_off_and_on_again_catches_up(
    store: RedisStore, database: Database, port: int
) -> None:
    archiver = an_archiver(store, database)
    await archiver.turn()
    churn = Churn(store, seed=11)
    await churn.commit(40)
    await drain(store, archiver)
    ask(port, "HSET", store._keys.meta.decode(), "archive", "")
    await churn.commit(40)
    assert not await archiver.turn()
    assert (await store.outboxes[0].lag()).entries == 0
    fresh = an_archiver(store, database, "again")
    await fresh._restorer.attach(store.outboxes[0])
    await drain(store, fresh)
    kept = await archived(database)
    assert differences({**await contents(store), "events": 0}, {**kept, "events": 0}) == []
