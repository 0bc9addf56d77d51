"""The writer's thread: what goes into one transaction, and who pays for what."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nexus.errors import StoreUnavailable
from nexus.stores.base import Conflict
from nexus.stores.sqlite import SQLiteStore
from nexus.stores.sqlite.checkpointer import Checkpointer
from nexus.stores.sqlite.lane import Lane
from nexus.stores.sqlite.writer import MOST_CHANGES
from nexus.testing.builders import a_session, creating, updating
from nexus.testing.contract.harness import must_load

Scenario = Callable[[SQLiteStore], Coroutine[Any, Any, None]]


def on_store(tmp_path: Path, scenario: Scenario) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            await scenario(store)

    asyncio.run(run())


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many changes each transaction had, as they are made."""
    sizes: list[int] = []
    written = Checkpointer.written

    def note(self: Checkpointer, changes: int) -> None:
        sizes.append(changes)
        written(self, changes)

    monkeypatch.setattr(Checkpointer, "written", note)
    return sizes


def test_commits_of_one_turn_of_the_loop_share_a_transaction(tmp_path: Path, transactions: list[int]) -> None:
    async def scenario(store: SQLiteStore) -> None:
        await asyncio.gather(*(store.commit(creating(a_session(f"s{n}"))) for n in range(100)))
        assert transactions == [100]

    on_store(tmp_path, scenario)


def test_a_transaction_has_a_limit(tmp_path: Path, transactions: list[int]) -> None:
    async def scenario(store: SQLiteStore) -> None:
        await asyncio.gather(*(store.commit(creating(a_session(f"s{n}"))) for n in range(MOST_CHANGES + 10)))
        assert transactions == [MOST_CHANGES, 10]

    on_store(tmp_path, scenario)


def test_one_commit_is_never_split_however_large(tmp_path: Path, transactions: list[int]) -> None:
    async def scenario(store: SQLiteStore) -> None:
        large = [creating(a_session(f"s{n}")) for n in range(MOST_CHANGES * 2)]
        await asyncio.gather(store.commit(*large), store.commit(creating(a_session("other"))))
        assert transactions == [MOST_CHANGES * 2, 1]

    on_store(tmp_path, scenario)


def test_a_commit_that_cant_be_written_fails_alone(tmp_path: Path) -> None:
    async def scenario(store: SQLiteStore) -> None:
        changes = [creating(a_session(f"s{n}", step=2**80 if n == 3 else n)) for n in range(8)]
        results = await asyncio.gather(*map(store.commit, changes), return_exceptions=True)
        assert [isinstance(result, BaseException) for result in results] == [n == 3 for n in range(8)]
        assert isinstance(results[3], OverflowError)
        assert sorted(await store.load_many([f"s{n}" for n in range(8)])) == [f"s{n}" for n in range(8) if n != 3]
        numbers = [event.seq for event in await store.list_events(limit=99)]
        assert numbers == list(range(1, 8))

    on_store(tmp_path, scenario)


def test_updates_of_one_session_in_one_transaction_follow_each_other(tmp_path: Path, transactions: list[int]) -> None:
    async def scenario(store: SQLiteStore) -> None:
        chain = [creating(a_session("s1"))]
        for step in range(1, 20):
            before = chain[-1].after
            assert before is not None
            chain.append(updating(before.session, step=step))
        await asyncio.gather(*map(store.commit, chain))
        assert transactions == [20]
        stored = (await must_load(store, "s1")).session
        assert (stored.version, stored.step) == (20, 19)
        assert [event.version for event in await store.list_events(session_id="s1", limit=99)] == list(range(1, 21))

    on_store(tmp_path, scenario)


def test_a_conflict_with_a_commit_of_the_same_transaction_shows_what_that_one_stored(tmp_path: Path) -> None:
    async def scenario(store: SQLiteStore) -> None:
        session = a_session("s1")
        first, second = updating(session, state={"n": 1}), updating(session, state={"n": 2})
        calls = (store.commit(creating(session)), store.commit(first), store.commit(second))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[2], Conflict)
        assert results[2].current == first.after

    on_store(tmp_path, scenario)


def test_closing_waits_for_commits_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"

    async def scenario() -> None:
        async with SQLiteStore(path) as store:
            tasks = [asyncio.ensure_future(store.commit(creating(a_session(f"s{n}")))) for n in range(700)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (700,)


def test_a_commit_whose_caller_was_cancelled_is_made_whole(tmp_path: Path) -> None:
    async def scenario(store: SQLiteStore) -> None:
        task = asyncio.ensure_future(store.commit(creating(a_session("a")), creating(a_session("b"))))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.commit(creating(a_session("c")))
        assert sorted(await store.load_many(["a", "b", "c"])) == ["a", "b", "c"]

    on_store(tmp_path, scenario)


def test_two_stores_of_one_process_share_the_file(tmp_path: Path) -> None:
    async def scenario(one: SQLiteStore) -> None:
        async with SQLiteStore(one.path) as two:
            await asyncio.gather(
                *((one, two)[n % 2].commit(creating(a_session(f"s{n}"), counters={"n": 1.0})) for n in range(60))
            )
            assert await one.counters() == await two.counters() == {"n": 60.0}
            cursor = (await one.read_events(None, 1)).cursor
            waiting = asyncio.create_task(one.wait_events(cursor, 60.0))
            await two.commit(creating(a_session("last")))
            assert await waiting

    on_store(tmp_path, scenario)


def test_a_store_is_opened_once_at_a_time_and_can_be_opened_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SQLiteStore(tmp_path / "nexus.sqlite3")
        async with store:
            with pytest.raises(StoreUnavailable, match="is open already"):
                await store.__aenter__()
            await store.commit(creating(a_session("s1")))
        async with store:
            assert await store.load("s1") is not None

    asyncio.run(scenario())


def test_closing_ends_a_wait_for_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            cursor = (await store.read_events(None, 1)).cursor
            waiting = asyncio.create_task(store.wait_events(cursor, 60.0))
            await asyncio.sleep(0)
        assert await waiting is False

    asyncio.run(scenario())


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


def endless(connection: sqlite3.Connection, stop: Callable[[], None], begun: Callable[[], object]) -> int:
    begun()
    count: int = connection.execute(ENDLESS).fetchone()[0]
    return count


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_a_query_ends_when_its_caller_has_gone_or_the_store_closes(tmp_path: Path, how: str) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            lane: Lane = store._open.scan()
            begun = asyncio.Event()
            task = asyncio.ensure_future(lane.scan(endless, lambda: loop.call_soon_threadsafe(begun.set)))
            await begun.wait()
            if how == "cancelled":
                task.cancel()
                assert await lane.run(lambda connection: connection.execute("SELECT 7").fetchone()) == (7,)
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result, asyncio.CancelledError if how == "cancelled" else StoreUnavailable)

    asyncio.run(scenario())


def test_the_log_is_copied_and_started_afresh_while_commits_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []
    copy = Checkpointer._copy

    def note(self: Checkpointer) -> None:
        self._next_restart = self._limit = 1 << 16
        copy(self)
        copied.append(1)

    monkeypatch.setattr(Checkpointer, "_copy", note)
    monkeypatch.setattr("nexus.stores.sqlite.checkpointer._EVERY", 50)

    async def scenario(store: SQLiteStore) -> None:
        log = store.path.with_name(store.path.name + "-wal")
        for first in range(0, 3000, 50):
            states = ({"text": "x" * 900} for _ in range(50))
            await store.commit(*(creating(a_session(f"s{first + n}", state=s)) for n, s in enumerate(states)))
        assert copied
        # Sixty transactions wrote some 8 MB; a log that was never started afresh would hold them all.
        assert log.stat().st_size < 4 << 20
        assert len(await store.load_many([f"s{n}" for n in range(3000)])) == 3000

    on_store(tmp_path, scenario)


def test_an_id_that_is_no_text_is_not_there_and_spoils_no_other_load(tmp_path: Path) -> None:
    async def scenario(store: SQLiteStore) -> None:
        await store.commit(creating(a_session("s1")))
        found = await asyncio.gather(store.load("\ud800"), store.load("s1"), store.load("s2"))
        assert [snapshot and snapshot.session.id for snapshot in found] == [None, "s1", None]
        assert list(await store.load_many(["\ud800", "s1"])) == ["s1"]

    on_store(tmp_path, scenario)


def test_loads_of_one_session_share_nothing(tmp_path: Path) -> None:
    async def scenario(store: SQLiteStore) -> None:
        await store.commit(creating(a_session("s1", metadata={"tags": []})))
        one, two = await asyncio.gather(must_load(store, "s1"), must_load(store, "s1"))
        one.session.metadata["tags"].append("mine")
        assert two.session.metadata == {"tags": []}

    on_store(tmp_path, scenario)


def test_an_opening_that_is_cancelled_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"

    async def open_it() -> None:
        async with SQLiteStore(path):
            await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.ensure_future(open_it())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with SQLiteStore(path) as store:
            await store.commit(creating(a_session("s1")))
        assert not path.with_name(path.name + "-wal").exists()

    asyncio.run(scenario())
