"""SQLite files that are damaged, cut short, older, or another program's: opened or refused, never a bare error."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import strategies as st

from nexus import AsyncNexus
from nexus.errors import NexusError
from nexus.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS
from tests.fuzz.fuzzing import bounded, clear, fuzz


async def _made(path: Path) -> None:
    async with AsyncNexus(store=f"sqlite:///{path}") as app:
        service = app.service(app.local_caller("sdk"))
        await service.create_group("g")
        for number in range(12):
            made = await service.create_session(state={"text": "x" * 300 * number}, group="g", user_id=f"u{number}")
            await service.patch_session(made.id, {"n": number})
            if number % 3 == 0:
                await service.end_session(made.id)


async def use(path: Path) -> None:
    """Everything that a store is asked for in a day."""
    async with AsyncNexus(store=f"sqlite:///{path}") as app:
        service = app.service(app.local_caller("sdk"))
        for work in (
            lambda: service.list_sessions("x status:active"),
            service.list_groups,
            lambda: service.recent_events(limit=50),
            service.statistics,
            service.list_tokens,
            lambda: service.create_session(session_id="new", state={"a": 1}),
        ):
            try:
                await work()
            except NexusError as error:
                clear(error)
        for session in (await service.list_sessions(limit=50)).items:
            assert isinstance(session.state, dict)
            await service.list_events(session.id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sqlite")
    asyncio.run(_made(made / "sample.db"))
    return made


def damaged(data: bytes, cut: float, flips: list[tuple[float, int]], holes: list[tuple[float, bytes]]) -> bytes:
    """A file's bytes with places given as shares of its length: it is not there yet when examples are drawn."""
    broken = bytearray(data)
    for share, bit in flips:
        broken[int(share * (len(broken) - 1))] ^= 1 << bit
    for share, filling in holes:
        at = int(share * (len(broken) - 1))
        broken[at : at + len(filling)] = filling
    return bytes(broken[: int(cut * len(broken))])


def try_file(path: Path, data: bytes, target: str) -> None:
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    path.write_bytes(data)
    with bounded(target):
        asyncio.run(use(path))


share = st.floats(0, 1)


@fuzz(
    30,
    st.just(1.0) | share,
    st.lists(st.tuples(share | share.map(lambda at: at / 400), st.integers(0, 7)), max_size=12),
    st.lists(st.tuples(share, st.binary(min_size=1, max_size=64) | st.just(b"\0" * 4096)), max_size=3),
)
def test_a_damaged_file_is_used_or_refused(
    folder: Path, cut: float, flips: list[tuple[float, int]], holes: list[tuple[float, bytes]]
) -> None:
    data = damaged((folder / "sample.db").read_bytes(), cut, flips, holes)
    try_file(folder / "broken.db", data, "damaged sqlite")


@fuzz(10, st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: b"SQLite format 3\0" + data))
def test_any_bytes_are_refused_as_a_store(folder: Path, data: bytes) -> None:
    try_file(folder / "noise.db", data, "no sqlite")


_column = st.sampled_from(["id", "name", "document", "version", "key", "state"])


@fuzz(
    10,
    st.lists(st.sampled_from(["sessions", "events", "feed", "users", "claims"]), max_size=3, unique=True),
    st.lists(_column, min_size=1, max_size=3, unique=True),
    st.sampled_from([0, 1, 2, len(MIGRATIONS), len(MIGRATIONS) + 1, 2**31 - 1, -1]),
    st.sampled_from([0, 1, APPLICATION_ID]),
)
def test_another_program_s_database_is_refused(
    folder: Path, tables: list[str], columns: list[str], version: int, mark: int
) -> None:
    path = folder / "foreign.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for table in tables:
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(f"PRAGMA application_id = {mark}")
    connection.commit()
    connection.close()
    try_file(path, path.read_bytes(), "foreign sqlite")


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_file_of_each_older_version_is_brought_forward(folder: Path, version: int) -> None:
    path = folder / f"older-{version}.db"
    connection = sqlite3.connect(path)
    for step in MIGRATIONS[:version]:
        for statement in step:
            connection.execute(statement)
    if version:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    asyncio.run(use(path))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    connection.close()
