"""Undoing the last change of a session."""

from __future__ import annotations

import asyncio

import pytest

from nexus import AsyncNexus, InvalidTransition, VersionConflict
from nexus.local import LocalService
from nexus.testing import FakeClock


async def test_an_extension_is_taken_back_to_the_second(service: LocalService) -> None:
    before = await service.create_session(session_id="s")
    extended = await service.extend_session("s", 500)
    after = await service.undo_session("s", if_version=extended.version)
    assert after.expires_at == before.expires_at
    assert after.version == extended.version + 1


async def test_an_ended_session_is_open_again_as_it_was(service: LocalService) -> None:
    before = await service.create_session(session_id="s", state={"kept": [1, {}]})
    await service.end_session("s", status="completed", reason="a slip")
    after = await service.undo_session("s")
    assert (after.status, after.state, after.ended_at) == ("active", {"kept": [1, {}]}, None)
    assert after.expires_at == before.expires_at


async def test_counters_are_as_before(service: LocalService) -> None:
    await service.create_group("g")
    await service.create_session(session_id="s", group="g")
    before = await service.statistics()
    await service.end_session("s")
    await service.undo_session("s")
    after = await service.statistics()
    assert (after.by_status, after.total, after.avg_duration) == (before.by_status, before.total, before.avg_duration)
    assert (await service.get_group("g")).counts.get("active") == 1


async def test_what_came_since_is_never_lost(service: LocalService) -> None:
    await service.create_session(session_id="s")
    ended = await service.extend_session("s", 5)
    await service.patch_session("s", {"more": True})
    with pytest.raises(VersionConflict):
        await service.undo_session("s", if_version=ended.version)
    with pytest.raises(InvalidTransition, match=r"session\.updated"):
        await service.undo_session("s")


async def test_an_undo_is_not_undone_again(service: LocalService) -> None:
    await service.create_session(session_id="s")
    await service.end_session("s")
    await service.undo_session("s")
    with pytest.raises(InvalidTransition, match=r"session\.reopened"):
        await service.undo_session("s")


async def test_a_session_that_would_be_expired_by_now_stays_ended(service: LocalService, clock: FakeClock) -> None:
    await service.create_session(session_id="s")
    await service.end_session("s")
    clock.advance(101)
    with pytest.raises(InvalidTransition, match="would be expired"):
        await service.undo_session("s")
    assert (await service.get_session("s")).status == "completed"


async def test_an_extension_past_the_old_deadline_stays(service: LocalService, clock: FakeClock) -> None:
    await service.create_session(session_id="s")
    await service.extend_session("s", 500)
    clock.advance(150)
    with pytest.raises(InvalidTransition, match="would be expired"):
        await service.undo_session("s")


async def test_an_expired_session_is_no_operators_doing(service: LocalService, clock: FakeClock) -> None:
    await service.create_session(session_id="s")
    clock.advance(101)
    assert (await service.get_session("s")).status == "expired"
    with pytest.raises(InvalidTransition, match=r"session\.expired"):
        await service.undo_session("s")


async def test_the_descendants_that_ended_with_it_are_open_again(service: LocalService) -> None:
    await service.create_session(session_id="top")
    for name, parent in (("left", "top"), ("right", "top"), ("below", "left")):
        await service.create_session(session_id=name, parent_session=parent)
    await service.end_session("right", reason="by itself")
    await service.end_session("top")
    await service.undo_session("top")
    statuses = {name: (await service.get_session(name)).status for name in ("top", "left", "below", "right")}
    assert statuses == {"top": "active", "left": "active", "below": "active", "right": "completed"}


@pytest.fixture
async def running(app: AsyncNexus) -> asyncio.Event:
    """A started app with a workflow that stops at step 3 until the event is set."""
    go_on = asyncio.Event()

    @app.workflow("counting")
    async def counting(run: object, n: int = 6) -> dict[str, int]:
        total = 0
        async for number in run.steps(range(n)):  # type: ignore[attr-defined]
            if number == 3:
                await go_on.wait()
            total = run.state["total"] = run.state.get("total", 0) + number  # type: ignore[attr-defined]
        return {"total": total}

    await app.start()
    return go_on


async def test_a_run_that_was_stopped_goes_on_and_its_key_gets_the_outcome(
    app: AsyncNexus, service: LocalService, running: asyncio.Event
) -> None:
    await service.execute("counting", session_id="s", background=True, idempotency_key="once")
    await _until(service, 3)
    await service.end_session("s", status="completed")
    undone = await service.undo_session("s")
    assert undone.status == "in_progress"
    running.set()
    result = await service.execute("counting", session_id="s", idempotency_key="once")
    assert (result.status, result.outputs, result.step) == ("completed", {"total": 15}, 6)


async def _until(service: LocalService, step: int) -> None:
    async with asyncio.timeout(10):
        while (await service.get_session("s")).step < step:
            await asyncio.sleep(0.01)
