"""Each store with the executor that it has: SQLite with ``LocalExecutor``, Valkey with ``DocketExecutor``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from tests.core.stores.redis.servers import Server, single
from tests.core.workflows.executors.crew import Place


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a worker; each has a prefix of its own."""
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A file."""
    monkeypatch.setenv("STEP_LOG", str(tmp_path / "steps"))
    return Place(f"sqlite:///{tmp_path}/nexus.sqlite3", "unused:", tmp_path, docket=False)


@pytest.fixture
def on_valkey(valkey: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A server; at the end nothing of docket's is left behind but what is always there."""
    monkeypatch.setenv("STEP_LOG", str(tmp_path / "steps"))
    place = Place(valkey.url, f"test-{uuid4().hex[:12]}:", tmp_path, docket=True)
    yield place
    assert left_behind(valkey.port, place.prefix) == []


@pytest.fixture(params=["local", "docket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Either."""
    chosen: Place = request.getfixturevalue("on_valkey" if request.param == "docket" else "on_sqlite")
    return chosen


def left_behind(port: int, prefix: str) -> list[str]:
    """Keys of docket's that would stay for ever: not always there, and of no message that somebody will still get."""
    name = f"{prefix}docket"
    known = {f"{name}:{part}" for part in ("stream", "workers", "task-workers:run")}
    with redis.Redis(port=port) as client:
        for _, fields in client.xrange(f"{name}:stream"):
            key = fields[b"key"].decode()
            known |= {f"{name}:runs:{key}", f"{name}:progress:{key}"}
        keys = [key.decode() for key in client.scan_iter(f"{name}*", count=1000)]
        return sorted(key for key in keys if key not in known and client.ttl(key) == -1)
