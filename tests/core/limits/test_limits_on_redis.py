"""Room for sessions is shared through Redis too: exactly on one server, and in a cluster for ids that Nexus makes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import LimitExceeded
from nexus.model import Caller
from tests.core.stores.redis import servers


async def _race(url: str) -> tuple[int, int]:
    """Three processes' worth of creations at once; how many were refused, and how many sessions there are."""
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(AsyncNexus(store=url, max_live_sessions=4, max_group_sessions=3))
            for _ in range(3)
        ]
        services = [app.service(Caller(actor="ann", channel="sdk")) for app in apps]
        made = await asyncio.gather(
            *(service.create_session() for service in services for _ in range(5)), return_exceptions=True
        )
        refused = sum(isinstance(each, LimitExceeded) for each in made)
        with pytest.raises(LimitExceeded):
            await services[0].create_session(session_id="chosen")
        assert not [each for each in made if isinstance(each, Exception) and not isinstance(each, LimitExceeded)]
        return refused, (await services[0].list_sessions()).total or 0


async def test_processes_on_one_redis_share_the_room_exactly(tmp_path: Path) -> None:
    with servers.single(tmp_path) as server:
        assert await _race(server.url) == (11, 4)


async def test_processes_on_a_cluster_share_the_room_exactly_for_ids_that_are_made(tmp_path: Path) -> None:
    with servers.cluster(tmp_path) as nodes:
        assert await _race(servers.cluster_url(nodes)) == (11, 4)
