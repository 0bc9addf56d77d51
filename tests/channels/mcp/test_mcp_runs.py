"""Runs that outlive their calls, progress, and several servers on one store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.channels.mcp.conftest import Door
from tests.channels.mcp.mcp_places import ERAS, PATIENCE, Place, mode_of, over_pipes, place_on, served, serving
from tests.channels.mcp.mcp_workflows import new_app


async def test_a_call_that_is_cancelled_leaves_its_run_to_finish(door: Door, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with door() as place, place.client() as client:
        call = asyncio.create_task(client.call_tool("hold", {"until": str(gate), "session_id": "long"}))
        await place.event("run.started", "long")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        shown = await client.call_tool("nexus_session_get", {"session_id": "long"})
        assert shown.structured_content["status"] == "in_progress"
        gate.touch()
        await place.event("run.completed", "long")
        after = await client.call_tool("nexus_session_get", {"session_id": "long"})
    assert after.structured_content["status"] == "active"
    assert after.structured_content["state"] == {"held": True}


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_goes_away_leaves_its_run_to_finish(store: str, era: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with place_on(store, era, "http") as place:
        await _call_and_leave(place, gate)
        assert (await place.session("left")).status == "in_progress"
        gate.touch()
        await place.event("run.completed", "left")
        async with place.client() as another:
            result = await another.call_tool("nexus_session_get", {"session_id": "left"})
    assert result.structured_content["state"] == {"held": True}


async def test_a_run_whose_stdio_server_ended_with_its_client_goes_on_in_another_process(
    store: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with place_on(store, ERAS[0], "stdio") as place:
        await _call_and_leave(place, gate)
        async with serving(new_app(store)):
            gate.touch()
            await place.event("run.completed", "left")
        assert (await place.session("left")).state == {"held": True}


async def _call_and_leave(place: Place, gate: Path) -> None:
    async def call() -> None:
        async with place.client() as client:
            await client.call_tool("hold", {"until": str(gate), "session_id": "left"})

    calling = asyncio.create_task(call())
    await place.event("run.started", "left")
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_without_progress_answers_before_its_client_gives_up(store: str, era: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with served(new_app(store), wait=0.05) as (url, _), new_app(store) as second:
        place = Place(era, url, second.service(second.local_caller("sdk")))
        async with place.client() as client:
            result = await client.call_tool("hold", {"until": str(gate)})
            session_id = result.structured_content["session_id"]
            gate.touch()
            await place.event("run.completed", session_id)
            after = await client.call_tool("nexus_session_get", {"session_id": session_id})
    assert not result.is_error
    assert result.structured_content["status"] == "in_progress"
    assert result.structured_content["workflow"] == "hold"
    assert session_id in str(result.content[1])
    assert after.structured_content["state"] == {"held": True}


async def test_progress_that_a_run_tells_reaches_the_client_that_asked(door: Door) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with door() as place, place.client() as client:
        result = await client.call_tool("count", {"to": 3}, progress_callback=note)
    assert result.structured_content["status"] == "completed"
    assert seen == sorted(set(seen))
    assert seen[-1] == (3, 3, "at 3")


async def test_the_steps_of_a_durable_loop_are_progress(http_door: Door) -> None:
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with http_door() as place, place.client() as client:
        await client.call_tool("walk", {"steps": 4}, progress_callback=note)
    assert seen == sorted(set(seen))
    assert seen[-1] == 4


async def test_two_servers_on_one_store_share_the_session(store: str) -> None:
    async with place_on(store, ERAS[0], "http") as one, place_on(store, ERAS[1], "http") as two:
        pipes = Place(ERAS[0], over_pipes(store), one.look)
        async with one.client() as first, two.client() as second, pipes.client() as third:
            made = await first.call_tool("process", {"action": "one"})
            session_id = made.structured_content["session_id"]
            await second.call_tool("process", {"action": "two", "session_id": session_id})
            last = await third.call_tool("process", {"action": "three", "session_id": session_id})
    assert last.structured_content["outputs"]["actions"] == ["one", "two", "three"]


async def test_calls_that_want_one_session_at_once_take_turns(http_door: Door) -> None:
    async with http_door() as place, place.client() as client:
        await asyncio.gather(
            *(client.call_tool("process", {"action": str(n), "session_id": "shared"}) for n in range(8))
        )
        session = await place.session("shared")
    assert sorted(session.state["actions"]) == [str(n) for n in range(8)]


async def test_a_session_that_stays_busy_is_said_to_be(store: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with served(new_app(store, session_lock_timeout=0.05)) as (url, _), new_app(store) as second:
        place = Place(ERAS[0], url, second.service(second.local_caller("sdk")))
        async with place.client() as client, place.client() as other:
            holding = asyncio.create_task(client.call_tool("hold", {"until": str(gate), "session_id": "busy"}))
            await place.event("run.started", "busy")
            refused = await other.call_tool("process", {"action": "x", "session_id": "busy"})
            gate.touch()
            held = await asyncio.wait_for(holding, PATIENCE)
    assert refused.is_error
    assert refused.structured_content["code"] == "session_busy"
    assert held.structured_content["status"] == "completed"


def test_the_two_eras_are_the_clients_own_modes() -> None:
    assert [mode_of(era) for era in ERAS] == ["2026-07-28", "legacy"]
