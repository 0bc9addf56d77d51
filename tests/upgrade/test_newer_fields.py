"""Two versions on one store: what a newer one has added to a record survives whatever an older one does to it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from nexus import AsyncNexus
from nexus.model import Group, Run, Session
from nexus.model.checkpoint import Checkpoint
from nexus.model.token import Token
from nexus.stores import codec
from nexus.stores.newer import JsonRecord, PackedRecord
from nexus.testing.builders import a_checkpoint, a_group, a_run, a_session
from tests.core.stores.redis.servers import Server, single

ADDED = {"priority": 3, "labels": ["new", {"deep": None}], "odd": 12345678901234567890}
VALUES = some.recursive(some.none() | some.booleans() | some.integers() | some.text(), some.lists, max_leaves=5)


class Placed:
    """A store whose records a newer version can be played upon."""

    url: str

    def add(self, session_id: str) -> None:
        """Write the new fields into the session, its run and its first checkpoint."""
        raise NotImplementedError

    def found(self, session_id: str) -> list[dict[str, Any]]:
        """The session, its run and its first checkpoint as they are stored."""
        raise NotImplementedError


def with_added(json: bytes, run: bytes, checkpoint: bytes) -> tuple[bytes, bytes, bytes]:
    """The records as the newer version would write them."""
    packed = [msgspec.msgpack.encode({**msgspec.msgpack.decode(each), **small()}) for each in (run, checkpoint)]
    return msgspec.json.encode({**msgspec.json.decode(json), **ADDED}), packed[0], packed[1]


def small() -> dict[str, Any]:
    """What MessagePack can hold of it."""
    return {key: value for key, value in ADDED.items() if key != "odd"}


def decoded(json: bytes, run: bytes, checkpoint: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(json), msgspec.msgpack.decode(run), msgspec.msgpack.decode(checkpoint)]


class OnSqlite(Placed):
    _READ = "SELECT s.document, s.run, c.document FROM sessions s JOIN checkpoints c ON c.session = s.key"

    def __init__(self, file: Path) -> None:
        self._file, self.url = file, f"sqlite:///{file}"

    def _rows(self, file: sqlite3.Connection, session_id: str) -> tuple[bytes, bytes, bytes]:
        row = file.execute(f"{self._READ} WHERE s.id = ? AND c.number = 1", (session_id,)).fetchone()
        return row[0], row[1], row[2]

    def add(self, session_id: str) -> None:
        with contextlib.closing(sqlite3.connect(self._file)) as file, file:
            document, run, checkpoint = with_added(*self._rows(file, session_id))
            file.execute("UPDATE sessions SET document = ?, run = ? WHERE id = ?", (document, run, session_id))
            file.execute("UPDATE checkpoints SET document = ? WHERE number = 1", (checkpoint,))

    def found(self, session_id: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self._file)) as file:
            return decoded(*self._rows(file, session_id))


class OnRedis(Placed):
    def __init__(self, server: Server) -> None:
        self._client, self.url = redis.Redis(port=server.port), server.url

    def _keys(self, session_id: str) -> tuple[Any, Any]:
        [record] = self._client.keys(f"*:r:{session_id}")
        [checkpoints] = self._client.keys(f"*:c:{session_id}")
        return record, checkpoints

    def _read(self, session_id: str) -> tuple[bytes, bytes, bytes]:
        record, checkpoints = self._keys(session_id)
        document, run = self._client.hmget(record, "d", "r")
        # Its first byte says whether it is pinned.
        return document, run, self._client.hget(checkpoints, "1")[1:]  # type: ignore[index,return-value]

    def add(self, session_id: str) -> None:
        record, checkpoints = self._keys(session_id)
        document, run, checkpoint = with_added(*self._read(session_id))
        self._client.hset(record, mapping={"d": document, "r": run})
        self._client.hset(checkpoints, "1", b"0" + checkpoint)

    def found(self, session_id: str) -> list[dict[str, Any]]:
        return decoded(*self._read(session_id))


@pytest.fixture(params=["sqlite", "redis"])
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Placed]:
    if request.param == "sqlite":
        yield OnSqlite(tmp_path / "nexus.sqlite3")
        return
    with single(tmp_path) as server:
        yield OnRedis(server)


async def test_whatever_an_older_version_does_leaves_what_a_newer_one_added(placed: Placed) -> None:
    async with AsyncNexus(store=placed.url) as app:

        @app.workflow("count")
        async def count(run: Any, to: int) -> int:
            async for _ in run.steps(range(to)):
                await asyncio.sleep(0)
            await run.wait_for("go")
            return to

        await app.execute_workflow("count", "mine", {"to": 2})
    placed.add("mine")
    async with AsyncNexus(store=placed.url) as older:
        older.workflow("count")(count)
        await older.create_session(session_id="plain")
        await older.update_session("mine", {"seen": True})
        for filters in ("", "state.seen=true", "mine", "step>=2"):
            listed = (await older.session_manager.list_sessions(filters)).items
            assert "mine" in [session.id for session in listed], filters
        await older.fork_session("mine", checkpoint_id="checkpoint-1")
        await older.signal_session("mine", "go", {})
        async with asyncio.timeout(20):
            while (await older.get_session("mine")).status.value != "active":
                await asyncio.sleep(0.01)
        session = await older.end_session("mine")
    document, run, checkpoint = placed.found("mine")
    assert (session.state["seen"], document["status"], run["status"]) == (True, "completed", "completed")
    assert checkpoint["pinned"]
    assert {key: document.get(key) for key in ADDED} == ADDED
    assert {key: run.get(key) for key in small()} == small()
    assert {key: checkpoint.get(key) for key in small()} == small()


@given(some.dictionaries(some.text(min_size=1), VALUES))
def test_any_field_that_is_not_known_comes_back_as_it_was(added: dict[str, Any]) -> None:
    token = Token(name="ci", scope="run", digest="d", created_at=1.0, created_by="me")
    session = replace(a_session("s"), state_json=b"{}")
    forms: list[tuple[Any, Any]] = [
        (JsonRecord(Session, frozenset({"state_json"})), session),
        (JsonRecord(Group, frozenset({"counts"})), a_group("g")),
        (JsonRecord(Token), token),
    ]
    for form, record in forms:
        unknown = {key: value for key, value in added.items() if key not in record.__struct_fields__}
        document = msgspec.json.encode({**msgspec.json.decode(form.encode(record)), **unknown})
        changed = replace(form.decode(document), created_at=2.0)
        again = msgspec.json.decode(form.encode(changed))
        assert {key: again[key] for key in unknown} == unknown
        assert again["created_at"] == 2.0
        assert replace(form.decode(form.encode(changed)), newer=b"", created_at=record.created_at) == record


@given(some.dictionaries(some.text(min_size=1), some.binary() | some.integers(0, 2**63) | some.lists(some.text())))
def test_the_same_holds_of_records_that_hold_bytes(added: dict[str, Any]) -> None:
    forms: list[tuple[Any, Any]] = [(PackedRecord(Run), a_run("s")), (PackedRecord(Checkpoint), a_checkpoint("s", 1))]
    for form, record in forms:
        unknown = {key: value for key, value in added.items() if key not in record.__struct_fields__}
        document = msgspec.msgpack.encode({**msgspec.msgpack.decode(form.encode(record)), **unknown})
        again = msgspec.msgpack.decode(form.encode(form.decode(document)))
        assert {key: again[key] for key in unknown} == unknown


def test_a_record_that_is_damaged_is_no_newer_one() -> None:
    with pytest.raises(msgspec.ValidationError):
        codec.decode_session(b'{"id":5,"unknown":1}', b"{}")
    with pytest.raises(msgspec.ValidationError):
        codec.decode_run(msgspec.msgpack.encode({"id": 5, "unknown": 1}))
