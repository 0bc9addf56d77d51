"""What a store on Redis has lost is put back from the archive: all of it, once, and never over something newer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from nexus.archive import remaking, restoring
from nexus.archive.database import Database
from nexus.archive.history_sql import SQLHistory
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.errors import StoreUnavailable
from nexus.lifecycle import Moment, Rules, runs
from nexus.lifecycle.counting import MINUTES, deltas
from nexus.model import Status
from nexus.model.change import UNOWNED
from nexus.stores.archiving import StoreLost
from nexus.stores.base import Conflict
from nexus.stores.redis import RedisStore
from nexus.testing.builders import (
    NOW,
    a_checkpoint,
    a_group,
    a_run,
    a_session,
    creating,
    creating_group,
    deleting,
    updating,
)
from tests.core.archive.churn import Churn, an_archiver, archived, contents, differences, drain, restored
from tests.core.archive.postgres import Postgres
from tests.core.stores.redis.servers import ask, single

MOMENT = Moment(now=NOW, actor="local:tester", channel="api")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server.port


class Bench:
    """Processes of one archived store, as far as one test needs several."""

    def __init__(self, port: int, database_url: str, stack: AsyncExitStack) -> None:
        self.port, self.database_url = port, database_url
        self.prefix = f"test:{uuid4().hex}:"
        self._stack = stack

    def live(self) -> RedisStore:
        """A process that knows of no archive."""
        return RedisStore(f"redis://127.0.0.1:{self.port}/0", prefix=self.prefix)

    async def plain(self) -> RedisStore:
        """The same, open."""
        return await self._stack.enter_async_context(self.live())

    async def kept(self) -> KeptStore:
        """A process with ``session_persistence``, open."""
        live = self.live()
        return await self._stack.enter_async_context(KeptStore(live, Keeper(live, Database(self.database_url))))

    def lose(self) -> None:
        """Redis loses all of the store."""
        keys = ask(self.port, "KEYS", f"{self.prefix}*")
        ask(self.port, "DEL", *keys)


@pytest.fixture
async def bench(port: int, database_url: str) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(port, database_url, stack)


def live_of(store: KeptStore) -> RedisStore:
    assert isinstance(store.live, RedisStore)
    return store.live


async def archive_all(store: KeptStore) -> None:
    live = live_of(store)
    await drain(live, an_archiver(live, store.keeper.database))


async def filled(store: KeptStore, seed: int = 1, commits: int = 150) -> dict[str, Any]:
    """Fill and archive a store; its contents."""
    await Churn(store, seed=seed).commit(commits)
    await archive_all(store)
    return await contents(live_of(store))


def usable(before: dict[str, Any]) -> dict[str, Any]:
    """What has to be put back: no session that was completed, unless in an open group, as those of the churn are."""
    done = {key for key, value in before.items() if key.startswith("session ")
            and value["snapshot"].session.status is Status.COMPLETED
            and value["snapshot"].session.group_id is None}  # fmt: skip
    return {key: value for key, value in before.items() if key not in done}


def counted(before: dict[str, Any]) -> dict[str, float]:
    """The counters of what has to be put back."""
    found: Counter[str] = Counter()
    for key, value in usable(before).items():
        if key.startswith("session "):
            found.update(deltas(None, value["snapshot"].session, NOW))
    return {name: value for name, value in found.items() if not name.startswith(MINUTES)}


async def test_all_that_was_archived_is_back_as_it_was(bench: Bench) -> None:
    store = await bench.kept()
    for group in ("g1", "g2"):
        await store.commit(creating_group(a_group(group)))
    before = await filled(store)
    claims = {key: await store.claim(key) for key in (f"user:s{number}\\0" for number in range(50))}
    bench.lose()
    some = next(key for key in usable(before) if key.startswith("session "))
    assert await store.load(some.removeprefix("session ")) is not None
    after = await contents(live_of(store))
    expected = restored(usable(before))
    assert differences({key: after.get(key) for key in expected}, expected) == []
    assert {key for key in after if key.startswith("session ")} == set(expected)
    assert after["counters"] == pytest.approx(counted(before))
    assert after["documents"] == before["documents"]
    for group in ("g1", "g2"):
        was, now = before[f"group {group}"], after[f"group {group}"]
        assert now == replace(was, version=remaking.next_generation(was.version))
        members = [one["snapshot"].session for one in expected.values()]
        found = await store.load_group(group)
        assert found is not None
        assert found.total == sum(session.group_id == group for session in members)
    assert {key: await store.claim(key) for key in claims} == {
        key: owner if f"session {owner}" in expected else None for key, owner in claims.items()
    }
    assert min(after["events"]) > max(before["events"])


async def test_the_archive_has_what_was_put_back(bench: Bench) -> None:
    store = await bench.kept()
    await filled(store, seed=2, commits=60)
    bench.lose()
    assert await store.keeper.whole() is False
    await archive_all(store)
    live, kept = await contents(live_of(store)), await archived(store.keeper.database)
    events, of_before = kept.pop("events"), live.pop("events")
    assert differences(live, kept) == []
    assert of_before.items() <= events.items()


async def test_what_was_completed_is_left_to_history(bench: Bench) -> None:
    store = await bench.kept()
    done = a_session("done", status=Status.COMPLETED, ended_at=NOW + 1)
    await store.commit(creating(done))
    await store.commit(creating(a_session("failed", status=Status.FAILED)))
    await archive_all(store)
    bench.lose()
    assert await store.load("failed") is not None
    assert await store.load("done") is None
    assert "session done" not in await archived(store.keeper.database)


async def test_what_was_completed_is_history_beside_an_open_group_too_and_no_counter_counts_it(bench: Bench) -> None:
    store = await bench.kept()
    await store.commit(creating_group(a_group("open")))
    await store.commit(creating_group(a_group("over", ended_at=NOW + 2)))
    over: dict[str, Any] = {"status": Status.COMPLETED, "ended_at": NOW + 1}
    alone, grouped = a_session("alone", **over), a_session("grouped", group_id="over", **over)
    counts, live = a_session("counts", group_id="open", **over), a_session("live")
    for session in (alone, grouped, counts, live):
        await store.commit(creating(session, counters=deltas(None, session, NOW)))
    await archive_all(store)
    bench.lose()
    assert await store.load("live") is not None
    there = await archived(store.keeper.database)
    assert {key for key in there if key.startswith("session ")} == {"session counts", "session live"}
    found = {**await store.counters(), **await store.counters("group:")}
    assert found["status:completed"] == found["duration:count"] == found["group:open:completed"] == 1.0
    assert not found.get("group:over:completed")


async def test_what_was_about_to_be_deleted_when_all_was_lost_is_counted_no_more(bench: Bench) -> None:
    store = await bench.kept()
    over: dict[str, Any] = {"status": Status.CANCELLED, "ended_at": NOW + 1}
    for session in (a_session("old", **over), a_session("kept", **over)):
        await store.commit(creating(session, counters=deltas(None, session, NOW)))
    await archive_all(store)
    # Retention lets it go before it deletes it, and is cut short in between.
    assert await SQLHistory(store.keeper.database).let_go("old", 1)
    bench.lose()
    assert await store.load("kept") is not None
    assert await store.load("old") is None
    assert (await store.counters())["status:cancelled"] == 1.0


async def test_a_commit_that_meets_the_loss_goes_through_on_what_was_put_back(bench: Bench) -> None:
    store = await bench.kept()
    session = a_session("s")
    await store.commit(creating(session))
    await archive_all(store)
    bench.lose()
    with pytest.raises(Conflict) as conflict:
        await store.commit(updating(session))
    current = conflict.value.current
    assert current is not None
    assert current.session.version == remaking.GENERATION
    await store.commit(updating(current.session))


async def test_the_first_commit_of_a_process_that_meets_the_loss_waits_and_is_archived(bench: Bench) -> None:
    store, fresh = await bench.kept(), await bench.kept()
    await store.commit(creating(a_session("s")))
    await archive_all(store)
    bench.lose()
    await fresh.commit(creating(a_session("new")))
    await archive_all(store)
    assert {"session s", "session new"} <= (await archived(store.keeper.database)).keys()


async def test_what_came_after_the_loss_is_not_overwritten(bench: Bench) -> None:
    store = await bench.kept()
    await store.commit(creating(a_session("s", state={"from": "before"})))
    await store.commit(creating(a_session("t"), claims=()))
    await archive_all(store)
    bench.lose()
    other = await bench.plain()
    await other.commit(creating(a_session("s", state={"from": "after"}), counters={"created": 1.0}))
    assert await store.load("t") is not None
    snapshot = await store.load("s")
    assert snapshot is not None
    assert snapshot.session.state == {"from": "after"}
    assert (await store.counters())["created"] == 1.0


async def test_a_process_without_persistence_commits_nothing_until_all_is_back(bench: Bench) -> None:
    store, other = await bench.kept(), await bench.plain()
    session = a_session("s")
    await other.commit(creating(session))
    await archive_all(store)
    bench.lose()
    with pytest.raises(StoreLost):
        await other.commit(creating(a_session("t")))
    assert await store.load("s") is not None
    await other.commit(creating(a_session("t")))


async def test_who_executes_from_before_the_loss_is_fenced(bench: Bench) -> None:
    store = await bench.kept()
    run = a_run("s", worker="zombie", epoch=7)
    session = a_session("s", status=Status.IN_PROGRESS, run_id=run.id, epoch=7)
    await store.commit(creating(session, run))
    await archive_all(store)
    # Two commits are lost: a take-over, and a step of the one who took over.
    taken = updating(session, replace(run, worker="second", epoch=8), epoch=8)
    await store.commit(taken)
    assert taken.after is not None
    lost = updating(taken.after.session, taken.after.run)
    await store.commit(lost)
    bench.lose()
    back = await store.load("s")
    assert back is not None
    assert back.run is not None
    assert back.run.worker == UNOWNED
    assert lost.after is not None
    with pytest.raises(Conflict):
        await store.commit(updating(lost.after.session))
    again = runs.take(back, MOMENT, Rules(), "third")
    assert again is not None
    assert again.after is not None
    assert again.after.session.epoch not in (7, 8, 9)
    await store.commit(again)


async def test_one_that_dies_half_way_is_followed_by_another(bench: Bench) -> None:
    store = await bench.kept()
    before = await filled(store, seed=3, commits=80)
    bench.lose()
    outbox = live_of(store).outboxes[0]
    assert await outbox.begin_restore("dies", 1, 0.3)
    assert not await outbox.begin_restore("another", 1, 0.3)
    names = [key.removeprefix("session ") for key in usable(before) if key.startswith("session ")]
    kept = await store.keeper.database.read(lambda one: remaking.load(one, names[: len(names) // 2]))
    for one in kept:
        await outbox.put_back(one.change(NOW, "dies"), lost=True)
    assert await store.load(names[-1]) is not None
    assert set(restored(usable(before))) == {key for key in await contents(live_of(store)) if "session" in key}


async def test_a_loss_while_the_last_one_is_made_good_begins_anew(bench: Bench) -> None:
    store = await bench.kept()
    await store.commit(creating(a_session("s")))
    await archive_all(store)
    bench.lose()
    outbox = live_of(store).outboxes[0]
    assert await outbox.begin_restore("first", 1, 10)
    bench.lose()
    assert not await outbox.keep_restore("first", 10)
    assert not await outbox.finish_restore("first", "mark", "", {})
    assert await store.load("s") is not None


async def test_several_processes_put_back_together(bench: Bench) -> None:
    stores = [await bench.kept() for _ in range(3)]
    before = await filled(stores[0], seed=4, commits=120)
    bench.lose()
    names = [key.removeprefix("session ") for key in usable(before) if key.startswith("session ")]
    found = await asyncio.gather(*(stores[number % 3].load(name) for number, name in enumerate(names)))
    assert all(found)
    after = await contents(live_of(stores[0]))
    expected = restored(usable(before))
    assert differences({key: after.get(key) for key in expected}, expected) == []
    assert after["counters"] == pytest.approx(counted(before))


async def test_one_that_is_overtaken_changes_nothing_any_more(bench: Bench) -> None:
    store, late = await bench.kept(), await bench.kept()
    await filled(store, seed=6, commits=60)
    bench.lose()
    outbox = live_of(late).outboxes[0]
    assert await outbox.begin_restore("late", 1, 0.1)
    await store.keeper.whole()
    done = a_session("done", status=Status.COMPLETED, ended_at=NOW + 1)
    await store.commit(creating(done))
    await archive_all(store)
    before = await contents(live_of(store))
    mark = (await outbox.marks()).mark or ""
    restorer = restoring.Restorer(late.keeper.database, "late", "system:late", lambda: NOW)
    with pytest.raises(StoreLost):
        await restorer._put_back(outbox, mark, "a position")
    assert differences(before, await contents(live_of(store))) == []
    assert "session done" in await archived(store.keeper.database)


async def test_a_process_that_starts_finds_all_of_it(bench: Bench) -> None:
    before = await filled(await bench.kept(), seed=5, commits=60)
    bench.lose()
    store = await bench.kept()
    assert {key for key in await contents(live_of(store)) if "session" in key} == set(restored(usable(before)))


async def test_a_process_that_ends_leaves_nothing_to_others_that_it_can_archive_itself(bench: Bench) -> None:
    live = bench.live()
    async with KeptStore(live, Keeper(live, Database(bench.database_url))) as store:
        await store.commit(creating(a_session("s")))
    database = Database(bench.database_url)
    assert "session s" in await archived(database)
    await database.close()


async def test_one_live_session_that_is_missing_is_put_back_when_it_is_used(bench: Bench) -> None:
    store = await bench.kept()
    await store.commit(creating(a_session("s", state={"n": 1})))
    await store.commit(creating(a_session("t")))
    await archive_all(store)
    ask(bench.port, "DEL", live_of(store)._keys.record("s").decode())
    snapshot = await store.load("s")
    assert snapshot is not None
    assert snapshot.session.state == {"n": 1}
    untouched = await store.load("t")
    assert untouched is not None
    assert untouched.session.version == 1


async def test_a_session_that_was_deleted_is_not_put_back_however_far_the_archive_is_behind(bench: Bench) -> None:
    store = await bench.kept()
    session = a_session("s")
    await store.commit(creating(session))
    await archive_all(store)
    await store.commit(deleting(session))
    live = live_of(store)
    archiver = an_archiver(live, store.keeper.database)
    archiver.start()
    assert await store.load("s") is None
    await archiver.stop()


async def test_while_the_database_is_away_what_was_lost_is_unavailable_and_comes_back_with_it(port: int) -> None:
    async with AsyncExitStack() as stack:
        with Postgres() as server:
            bench = Bench(port, server.database(), stack)
            store = await bench.kept()
            await store.commit(creating(a_session("s")))
            await archive_all(store)
            server.stop()
            assert await store.load("nobody") is None, "what the store has not lost needs no archive"
            opened = await bench.kept()
            await opened.commit(creating(a_session("u")))
            bench.lose()
            with pytest.raises(StoreUnavailable):
                await store.load("s")
            assert not (await store.health()).ok
            with pytest.raises(StoreUnavailable):
                await store.commit(creating(a_session("t")))
            server.start()
            assert await store.load("s") is not None
            assert (await store.health()).ok
            await stack.aclose()


async def test_sessions_with_large_checkpoints_come_back_in_portions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_PORTION", 1000)
    store = await bench.kept()
    for number in range(20):
        saved = tuple(a_checkpoint(f"s{number}", one, state={"x": "y" * 300}) for one in range(1, 1 + number % 4))
        await store.commit(creating(a_session(f"s{number}"), checkpoints=saved))
    await archive_all(store)
    before = await contents(live_of(store))
    bench.lose()
    await store.keeper.whole()
    expected = restored(before)
    assert (
        differences(
            {key: value for key, value in (await contents(live_of(store))).items() if key in expected}, expected
        )
        == []
    )


async def test_a_newer_archive_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'archive.sqlite3'}"
    first = Database(url)
    await first.prepare()
    await first.write(lambda one: one.exec_driver_sql("UPDATE archive_version SET version_num = '9999'"))
    await first.close()
    second = Database(url)
    with pytest.raises(StoreUnavailable, match="version 9999"):
        await second.prepare()
    await second.close()
