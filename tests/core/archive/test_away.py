"""While the archive is away, work on live sessions goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.model import Status
from tests.core.archive.catching_up import archived
from tests.core.archive.postgres import Postgres
from tests.core.stores.redis.servers import single


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with single(tmp_path / "valkey") as server:
        yield server.url


async def test_sessions_are_made_changed_and_ended_with_all_below_them_while_the_archive_is_away(url: str) -> None:
    with Postgres() as postgres:
        app = AsyncNexus(store=url, session_persistence=True, database_url=postgres.database())
        async with app:
            await app.start()
            parent = await app.create_session()
            child = await app.create_session(parent_session=parent)
            group = await app.session_manager.create_group("g")
            member = await app.create_session(group=group)
            await archived(app.store.health)
            postgres.stop()
            await app.create_session()
            await app.update_session(parent, {"n": 1})
            assert (await app.end_session(parent)).status is Status.COMPLETED
            assert (await app.get_session(child)).status is Status.COMPLETED
            await app.session_manager.end_group("g")
            assert (await app.get_session(member)).status is Status.COMPLETED
            await app.session_manager.wait_for_group("g", timeout=10)
            with pytest.raises(StoreUnavailable):
                await app.session_manager.list_sessions()
            postgres.start()
            await archived(app.store.health)
