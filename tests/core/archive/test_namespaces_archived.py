"""Archives of namespaces: each by itself, and gone with its namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, make_url, select

from nexus import AsyncNexus
from nexus.archive import tables
from nexus.namespaces import estate
from tests.core.archive.catching_up import archived
from tests.core.stores.redis.servers import single


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with single(tmp_path / "valkey") as server:
        yield server.url


def schemas(database_url: str) -> list[str]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    try:
        return [name for name in inspect(engine).get_schema_names() if name.startswith("nexus_ns_")]
    finally:
        engine.dispose()


def _states(connection: Connection) -> list[dict[str, int]]:
    return [json.loads(state) for state in connection.execute(select(tables.sessions.c.state)).scalars()]


async def test_history_is_kept_apart_and_goes_with_its_namespace(
    url: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estate, "LETTING_GO", 0.0)
    app = AsyncNexus(store=url, session_persistence=True, database_url=database_url)
    async with app:
        await app.start()
        root = app.service(app.local_caller("cli"))
        services = [root]
        for name in ("acme", "umbrella"):
            await root.create_namespace(name)
            services.append(app.service(await app.enter(app.local_caller("cli"), name)))
        for place, service in enumerate(services):
            await service.create_session(session_id="s", state={"place": place})
        for service in services:
            await archived(service.health)
        parts = [app.parts, *(app._open_spaces.find(name) for name in ("acme", "umbrella"))]
        states = [await part.store.keeper.database.read(_states) for part in parts]  # type: ignore[attr-defined]
        assert states == [[{"place": 0}], [{"place": 1}], [{"place": 2}]]
        beside = [path.name for path in tmp_path.glob("archive.ns/*.sqlite")]
        kept = beside if database_url.startswith("sqlite") else schemas(database_url)
        assert len(kept) == 2
        await root.remove_namespace("acme", everything=True)
        beside = [path.name for path in tmp_path.glob("archive.ns/*.sqlite")]
        kept = beside if database_url.startswith("sqlite") else schemas(database_url)
        assert len(kept) == 1
        assert "umbrella" in kept[0]
        assert (await services[2].get_session("s")).state == {"place": 2}
