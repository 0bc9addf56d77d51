"""Subscriptions of the 2026-07-28 revision."""

from __future__ import annotations

import asyncio

from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated, ToolsListChanged

from tests.channels.mcp.mcp_places import PATIENCE, Place, served
from tests.channels.mcp.mcp_workflows import new_app


async def test_a_listener_is_told_when_its_session_changes_and_when_one_is_made(store: str) -> None:
    async with served(new_app(store)) as (url, _), new_app(store) as second:
        place = Place("2026-07-28", url, second.service(second.local_caller("sdk")))
        await place.look.create_session(session_id="watched")
        async with (
            place.client() as client,
            client.listen(resources_list_changed=True, resource_subscriptions=["nexus://sessions/watched"]) as stream,
        ):
            seen: list[object] = []
            await place.look.create_session(session_id="other")
            await place.look.patch_session("watched", {"a": 1})
            async with asyncio.timeout(PATIENCE):
                async for event in stream:
                    seen.append(event)
                    if len(seen) == 2:
                        break
    assert ResourcesListChanged() in seen
    assert ResourceUpdated("nexus://sessions/watched") in seen


async def test_a_listener_is_told_when_a_workflow_is_registered(store: str) -> None:
    app = new_app(store)
    async with served(app) as (url, _):
        place = Place("2026-07-28", url, app.service(app.local_caller("sdk")))
        async with place.client() as client, client.listen(tools_list_changed=True) as stream:
            app.register(lambda: 1, "fresh")
            await place.look.create_session()
            async with asyncio.timeout(PATIENCE):
                async for event in stream:
                    assert event == ToolsListChanged()
                    break


async def test_a_server_that_stops_ends_its_streams_in_the_protocols_way(store: str) -> None:
    async with served(new_app(store)) as (url, point):
        place = Place("2026-07-28", url, None)  # type: ignore[arg-type]
        async with place.client() as client, client.listen(tools_list_changed=True) as stream:
            point.close_streams()
            async with asyncio.timeout(PATIENCE):
                assert [event async for event in stream] == []
