"""Files that can't be used are refused in plain words, and what is made is private and whole."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nexus.errors import StoreUnavailable
from nexus.stores.sqlite import SQLiteStore
from nexus.stores.sqlite.connection import connect_first, writing
from nexus.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS, migrate
from nexus.testing.builders import NOW, a_session, creating
from tests.core.stores.processes import heard, other_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nexus.sqlite3"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may look into, which ``tmp_path`` is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def refusal(store: SQLiteStore) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        async with store:
            pass
    return caught.value


def refused(path: Path, reason: str, *words: str) -> None:
    error = asyncio.run(refusal(SQLiteStore(path)))
    assert (error.details["reason"], error.details["store"]) == (reason, str(path))
    for word in (str(path), *words):
        assert word in error.message


def with_store(path: Path, call: Callable[[SQLiteStore], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with SQLiteStore(path) as store:
            await call(store)

    asyncio.run(scenario())


async def fill(store: SQLiteStore) -> None:
    await store.commit(*(creating(a_session(f"s{n}", state={"text": "x" * 500})) for n in range(200)))


def test_the_file_and_its_folder_are_made_private_and_left_without_a_log(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "nexus.sqlite3"
    seen: set[int] = set()

    async def look(store: SQLiteStore) -> None:
        await fill(store)
        seen.update(stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir())

    with_store(path, look)
    assert seen == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_commits_survive_loss_of_power_by_the_connections_real_settings(path: Path) -> None:
    async def look(store: SQLiteStore) -> None:
        def settings(connection: sqlite3.Connection) -> list[object]:
            names = ("journal_mode", "synchronous", "wal_autocheckpoint", "journal_size_limit", "page_size")
            return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

        assert await store._open.writer.run(settings) == ["wal", 2, 0, 64 << 20, 2048]
        facts = (await store.health()).facts
        assert (facts["journal_mode"], facts["synchronous"], facts["format"]) == ("wal", "full", str(len(MIGRATIONS)))

    with_store(path, look)


def test_a_relative_path_stays_the_same_file_when_the_working_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("here.sqlite3")
    monkeypatch.chdir("/")
    assert store.path == tmp_path / "here.sqlite3"
    assert store.url == f"sqlite:///{tmp_path}/here.sqlite3"


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)
    refused(path, "damaged", "is not a Nexus store")
    assert path.read_bytes().startswith(b"Dear diary")


def test_a_damaged_file_is_refused_or_says_so_when_it_is_read(path: Path) -> None:
    with_store(path, fill)
    whole = bytearray(path.read_bytes())
    whole[2048 * 4 :] = b"\xff" * (len(whole) - 2048 * 4)
    path.write_bytes(whole)

    async def read(store: SQLiteStore) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            await store.load_many([f"s{n}" for n in range(200)])
        assert caught.value.details["reason"] == "damaged"
        assert "is damaged" in caught.value.message

    try:
        with_store(path, read)
    except StoreUnavailable as error:
        assert error.details["reason"] == "damaged"  # noqa: PT017 - either is right, depending on SQLite's version


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    refused(path, "foreign", "another program")
    assert path.read_bytes() == before


def test_a_file_that_a_newer_version_wrote_is_refused_with_both_versions(path: Path) -> None:
    with_store(path, fill)
    newer = len(MIGRATIONS) + 6
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    refused(path, "newer", f"format {newer}", f"up to {len(MIGRATIONS)}", "update Nexus")


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir()
    refused(path, "missing", "can't be opened")


def test_a_file_in_place_of_the_folder_is_refused(path: Path) -> None:
    path.write_text("not a folder")
    refused(path / "nexus.sqlite3", "missing", "can't be opened")


READ_ONLY = """
    os.setuid(65534)
    try:
        async with SQLiteStore(path):
            say("opened")
    except StoreUnavailable as error:
        say(error.details["reason"], "|", error.message)
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_store_that_may_not_be_written_is_refused(open_folder: Path, what: str) -> None:
    path = open_folder / "nexus.sqlite3"
    if what == "file":
        with_store(path, fill)
        path.chmod(0o444)
    with other_process(path, READ_ONLY) as process:
        said = heard(process)
    assert said.startswith("readonly | ")
    assert str(path) in said
    assert "permissions" in said or "Permission" in said


def test_a_locked_file_is_given_up_on_after_the_lock_timeout(path: Path) -> None:
    with_store(path, fill)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = asyncio.run(refusal(SQLiteStore(path, lock_timeout=0.05)))
    assert error.details["reason"] == "locked"
    assert "locked by another process" in error.message


def test_a_commit_gives_up_on_a_lock_and_the_next_one_goes_through(path: Path) -> None:
    async def scenario() -> None:
        async with SQLiteStore(path, lock_timeout=0.05) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable, match="locked"):
                    await store.commit(creating(a_session("s1")))
                assert await store.load("s1") is None
            await store.commit(creating(a_session("s1")))

    asyncio.run(scenario())


def test_a_file_that_was_removed_or_replaced_is_noticed_and_loses_no_commit(path: Path) -> None:
    async def look(store: SQLiteStore) -> None:
        await fill(store)
        path.rename(path.with_name("moved.sqlite3"))
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.commit(creating(a_session("lost")))
        assert not (await store.health()).ok
        path.touch()
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.commit(creating(a_session("lost")))

    with_store(path, look)


def test_a_full_disk_is_named_and_what_was_stored_stays(path: Path) -> None:
    async def look(store: SQLiteStore) -> None:
        await fill(store)

        def limit(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA max_page_count = 1")

        await store._open.writer.run(limit)
        with pytest.raises(StoreUnavailable) as caught:
            await store.commit(creating(a_session("big", state={"text": "x" * 500_000})))
        assert caught.value.details["reason"] == "full"
        assert "free some space" in caught.value.message
        assert await store.load("big") is None
        assert len(await store.load_many([f"s{n}" for n in range(200)])) == 200

    with_store(path, look)


QUOTA = """
    import resource
    async with SQLiteStore(path) as store:
        await store.commit(creating(a_session("before")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, -1))
        try:
            await store.commit(creating(a_session("big", state={"text": "x" * 500_000})))
        except StoreUnavailable as error:
            say(error.details["reason"], await store.load("big"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        await store.commit(creating(a_session("after")))
        say(len(await store.load_many(["before", "big", "after"])))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs limits of the system")
def test_a_write_that_the_system_refuses_is_undone_and_the_store_goes_on(path: Path) -> None:
    with other_process(path, QUOTA) as process:
        assert [heard(process), heard(process)] == ["failed None", "2"]


def test_a_file_is_brought_up_to_date_step_by_step_in_one_go(path: Path) -> None:
    with_store(path, fill)
    steps = [*MIGRATIONS, ("CREATE TABLE second (n INTEGER)",), ("INSERT INTO second VALUES (7)",)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with writing(connection):
            migrate(connection, path, steps)
        assert connection.execute("SELECT n FROM second").fetchall() == [(7,)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 2,)
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (200,)


def test_a_step_that_fails_leaves_the_file_at_its_version(path: Path) -> None:
    with_store(path, fill)
    steps = [*MIGRATIONS, ("CREATE TABLE second (n INTEGER)",), ("INSERT INTO nowhere VALUES (7)",)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"), writing(connection):
            migrate(connection, path, steps)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'second'").fetchone() == (0,)


def test_a_file_from_before_the_audit_gets_one(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, writing(connection):
        migrate(connection, path, MIGRATIONS[:2])
        connection.execute("UPDATE feed SET last_seq = 7")

    async def begin(store: SQLiteStore) -> None:
        (before,) = await store.audit_heads()
        assert (before.count, before.hash) == (0, "")
        await fill(store)
        (after,) = await store.audit_heads()
        assert after.count == 200
        assert (await store.read_events("7", 1)).events[0].seq == 8

    with_store(path, begin)


def test_a_new_file_says_whose_it_is_and_of_which_version(path: Path) -> None:
    with closing(connect_first(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with_store(path, fill)


def test_what_one_opening_stored_the_next_one_finds(path: Path) -> None:
    with_store(path, fill)

    async def look(store: SQLiteStore) -> None:
        assert len(await store.load_many([f"s{n}" for n in range(200)])) == 200
        assert (await store.read_events("0", 1000)).events[-1].seq == 200
        assert await store.due(NOW, 1) == []

    with_store(path, look)
