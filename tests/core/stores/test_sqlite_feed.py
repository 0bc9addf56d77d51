"""How a waiting reader hears of other processes' commits."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from nexus.stores.sqlite import SQLiteStore
from nexus.stores.sqlite.feed import PollWatch, Watch, open_watch
from nexus.testing.builders import a_session, creating
from tests.core.stores.processes import heard_later, other_process, tell

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
LONG = 60.0

COMMITTER = """
    async with SQLiteStore(path) as store:
        say("ready")
        while (name := await hear()):
            await store.commit(creating(a_session(name)))
            say("committed")
"""


def no_watch(_: Path) -> Watch:
    return PollWatch(interval=0.001)


@pytest.mark.parametrize("watch", [open_watch, no_watch], ids=["inotify", "polling"])
def test_a_reader_is_woken_by_each_commit_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: object
) -> None:
    async def scenario() -> None:
        async with SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            store._open.feed._make_watch = watch  # type: ignore[assignment]
            cursor = (await store.read_events(None, 1)).cursor
            with other_process(store.path, COMMITTER) as committer:
                assert await heard_later(committer) == "ready"
                for number in range(10):
                    waiting = asyncio.create_task(store.wait_events(cursor, LONG))
                    tell(committer, f"s{number}")
                    assert await waiting
                    batch = await store.read_events(cursor, 9)
                    assert [event.session_id for event in batch.events] == [f"s{number}"]
                    cursor = batch.cursor
                    assert await heard_later(committer) == "committed"

    asyncio.run(scenario())


def test_a_commit_made_between_reading_and_waiting_is_not_slept_through(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            cursor = (await store.read_events(None, 1)).cursor
            with other_process(store.path, COMMITTER) as committer:
                assert await heard_later(committer) == "ready"
                tell(committer, "s1")
                assert await heard_later(committer) == "committed"
                assert await store.wait_events(cursor, LONG)

    asyncio.run(scenario())


def test_a_cursor_that_another_process_has_given_can_be_waited_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "nexus.sqlite3"
        async with SQLiteStore(path) as store, SQLiteStore(path) as other:
            committed = await other.commit(creating(a_session("s1")))
            cursor = str(committed.events[-1].seq)
            assert not await store.wait_events(cursor, 0.01)
            waiting = asyncio.create_task(store.wait_events(cursor, LONG))
            await other.commit(creating(a_session("s2")))
            assert await waiting

    asyncio.run(scenario())


def in_background(call: object) -> threading.Thread:
    thread = threading.Thread(target=call)  # type: ignore[arg-type]
    thread.start()
    return thread


@linux
def test_a_watch_sees_a_file_written_made_anew_and_written_again(tmp_path: Path) -> None:
    from nexus.stores.sqlite.inotify import InotifyWatch

    path = tmp_path / "log"
    watch = InotifyWatch(path)
    try:
        assert not watch.wait(0.001)
        path.write_bytes(b"1")
        assert watch.wait(LONG), "it appeared"
        while watch.wait(0.001):
            pass
        with path.open("ab") as log:
            log.write(b"2")
        assert watch.wait(LONG), "it was written"
        path.unlink()
        while watch.wait(0.001):
            pass
        path.write_bytes(b"3")
        assert watch.wait(LONG), "it was made anew"
        while watch.wait(0.001):
            pass
        os.truncate(path, 0)
        assert watch.wait(LONG), "the new one was written"
    finally:
        watch.close()


@pytest.mark.parametrize(
    "make", [partial(PollWatch, LONG), pytest.param(None, marks=linux)], ids=["polling", "inotify"]
)
def test_a_watch_is_woken_from_another_thread(tmp_path: Path, make: object) -> None:
    if make is None:
        from nexus.stores.sqlite.inotify import InotifyWatch

        path = tmp_path / "log"
        path.touch()
        watch: Watch = InotifyWatch(path)
        while watch.wait(0.001):
            pass
    else:
        watch = PollWatch(LONG)
    thread = in_background(watch.wake)
    assert not watch.wait(LONG)
    thread.join()
    watch.close()


def test_nothing_is_watched_until_somebody_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with SQLiteStore(tmp_path / "nexus.sqlite3") as store:
            await store.commit(creating(a_session("s1")))
            assert "nexus-sqlite-feed" not in {thread.name for thread in threading.enumerate()}
            assert await store.wait_events("0", LONG)

    asyncio.run(scenario())
