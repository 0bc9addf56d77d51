"""Several processes on one file, and processes that die."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from nexus.query import parse
from nexus.stores.base import Store
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.builders import NOW, a_session, creating
from tests.core.stores.processes import heard, heard_later, other_process, tell

WRITER = """
    name, count = (await hear()).split()
    async with SQLiteStore(path) as store:
        say("ready")
        await hear()
        async def one(n):
            await store.commit(creating(a_session(f"{name}-{n}"), counters={"total": 1.0}))
            while True:
                shared = (await store.load("shared")).session
                change = updating(shared, state={"n": shared.state["n"] + 1})
                try:
                    await store.commit(change)
                    return
                except Conflict:
                    pass
        for first in range(0, int(count), 5):
            await asyncio.gather(*(one(n) for n in range(first, first + 5)))
        say("done")
"""

# Writes without end, and says each commit once it was acknowledged.
TIRELESS = """
    first = int(await hear())
    async with SQLiteStore(path) as store:
        session = a_session(f"patched-{first}", state={"n": 0})
        await store.commit(creating(session))
        async def create():
            for n in range(first, first + 1_000_000):
                pair = creating(a_session(f"a-{n}"), counters={"pairs": 1.0}), creating(a_session(f"b-{n}"))
                await store.commit(*pair)
                say("created", n)
        async def patch():
            current = session
            while True:
                n = current.state["n"] + 1
                change = updating(current, state={"n": n}, parts={
                    "checkpoints": (a_checkpoint(current.id, n),), "journal": (an_entry(f"k{n}"),)})
                await store.commit(change)
                current = change.after.session
                say("patched", n)
        await asyncio.gather(create(), patch())
"""


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def every_event(store: Store) -> list[int]:
    return [event.seq for event in await store.list_events(limit=1_000_000)]


def test_processes_that_write_at_once_lose_nothing_and_number_events_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"

    async def scenario() -> None:
        async with SQLiteStore(path) as store:
            await store.commit(creating(a_session("shared", state={"n": 0})))
            with ExitStack() as stack:
                writers = [stack.enter_context(other_process(path, WRITER)) for _ in range(3)]
                for number, writer in enumerate(writers):
                    tell(writer, f"p{number} 40")
                for writer in writers:
                    assert await heard_later(writer) == "ready"
                for writer in writers:
                    tell(writer)
                for number in range(40):
                    await store.commit(creating(a_session(f"own-{number}"), counters={"total": 1.0}))
                for writer in writers:
                    assert await heard_later(writer) == "done"
            assert await store.counters() == {"total": 160.0}
            assert await store.count(parse(""), NOW) == 161
            shared = await store.load("shared")
            assert shared is not None
            assert (shared.session.state, shared.session.version) == ({"n": 120}, 121)
            assert await every_event(store) == list(range(1, 282))

    asyncio.run(scenario())
    check_integrity(path)


def test_a_process_that_is_killed_while_it_writes_loses_no_acknowledged_commit(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"
    created: set[int] = set()
    patched: dict[int, int] = {}
    for round_number in range(6):
        first = round_number * 1_000_000
        with other_process(path, TIRELESS) as process:
            tell(process, str(first))
            for _ in range(20 + 37 * round_number):
                word, number = heard(process).split()
                if word == "created":
                    created.add(int(number))
                else:
                    patched[first] = int(number)
            process.kill()
            # What it had said before it died was acknowledged, too.
            while (line := heard(process)).count(" ") == 1:
                word, number = line.split()
                if word == "created":
                    created.add(int(number))
                else:
                    patched[first] = int(number)
        check_integrity(path)
        asyncio.run(check_acknowledged(path, created, patched))


async def check_acknowledged(path: Path, created: set[int], patched: dict[int, int]) -> None:
    async with SQLiteStore(path) as store:
        names = [f"{side}-{number}" for number in created for side in "ab"]
        assert set(await store.load_many(names)) == set(names)
        for first, least in patched.items():
            snapshot = await store.load(f"patched-{first}")
            assert snapshot is not None
            n = snapshot.session.state["n"]
            assert n >= least
            assert snapshot.session.version == n + 1
            # The state, its checkpoint and its journal are of one commit.
            assert len(await store.list_checkpoints(f"patched-{first}", after=0, limit=100_000)) == n
            assert len(await store.load_journal(f"patched-{first}", "run-1")) == n
        pairs = (await store.counters())["pairs"]
        assert await store.count(parse("id:a-*"), NOW) == await store.count(parse("id:b-*"), NOW) == pairs
        events = await every_event(store)
        assert events == list(range(1, len(events) + 1))


def test_a_commit_wakes_a_reader_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"
    script = """
        async with SQLiteStore(path) as store:
            cursor = (await store.read_events(None, 1)).cursor
            say("ready")
            for _ in range(20):
                assert await store.wait_events(cursor, 60.0)
                batch = await store.read_events(cursor, 99)
                cursor = batch.cursor
                say(*(event.session_id for event in batch.events))
    """

    async def scenario() -> None:
        async with SQLiteStore(path) as store:
            with other_process(path, script) as reader:
                assert await heard_later(reader) == "ready"
                for number in range(20):
                    await store.commit(creating(a_session(f"s{number}")))
                    assert await heard_later(reader) == f"s{number}"

    asyncio.run(scenario())


@pytest.mark.parametrize("waits", ["holding the lock", "killed while holding it"])
def test_a_commit_waits_for_a_lock_that_another_process_holds(tmp_path: Path, waits: str) -> None:
    path = tmp_path / "nexus.sqlite3"
    script = """
        import sqlite3
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE feed SET last_seq = last_seq")
        say("locked")
        await hear()
        connection.execute("COMMIT")
        say("free")
        await hear()
    """

    async def scenario() -> None:
        async with SQLiteStore(path) as store:
            with other_process(path, script) as holder:
                assert await heard_later(holder) == "locked"
                commit = asyncio.create_task(store.commit(creating(a_session("s1"))))
                # Readers don't wait for it.
                assert await store.load("s1") is None
                assert not commit.done()
                if waits == "holding the lock":
                    tell(holder)
                else:
                    holder.kill()
                await commit
            assert await store.load("s1") is not None

    asyncio.run(scenario())


def test_a_forked_child_opens_the_file_anew_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "nexus.sqlite3"
    script = """
        async with SQLiteStore(path) as store:
            await store.commit(creating(a_session("parent")))
            writing = [asyncio.ensure_future(store.commit(creating(a_session(f"p{n}")))) for n in range(50)]
            await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                async def in_child():
                    try:
                        await store.load("parent")
                    except StoreUnavailable as error:
                        assert "fork" in error.message
                    async with SQLiteStore(path) as own:
                        await asyncio.gather(*(own.commit(creating(a_session(f"c{n}"))) for n in range(50)))
                    say("child done")
                    os._exit(0)
                asyncio.events._set_running_loop(None)
                asyncio.run(in_child())
            await asyncio.gather(*writing)
            await asyncio.get_running_loop().run_in_executor(None, os.waitpid, child, 0)
            await store.commit(creating(a_session("last")))
            found = await store.load_many([f"{side}{n}" for side in "pc" for n in range(50)] + ["parent", "last"])
            say(len(found))
    """
    with other_process(path, script) as process:
        assert [heard(process), heard(process)] == ["child done", "102"]
        process.wait()
    check_integrity(path)
    assert [file.name for file in tmp_path.iterdir()] == ["nexus.sqlite3"]
