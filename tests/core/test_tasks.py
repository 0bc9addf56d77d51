"""Whoever ends a task in the background learns how it ended, and is not kept from being cancelled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from nexus.tasks import end


async def _forever() -> None:
    await asyncio.Event().wait()


async def _stubborn(told: asyncio.Event, go: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        told.set()
        await go.wait()


async def _broken() -> None:
    raise ValueError("it broke")


async def test_a_task_has_ended_when_it_returns() -> None:
    task = asyncio.create_task(_forever())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()
    await end(task)
    await end(None)


async def test_what_a_task_ended_with_is_told() -> None:
    task = asyncio.create_task(_broken())
    await asyncio.wait([task])
    with pytest.raises(ValueError, match="it broke"):
        await end(task)


async def test_who_is_cancelled_while_it_waits_is_cancelled() -> None:
    told, go = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(_stubborn(told, go))
    await asyncio.sleep(0)
    ending = asyncio.create_task(end(task))
    await told.wait()
    ending.cancel()
    await asyncio.wait([ending])
    assert ending.cancelled()
    go.set()
    await asyncio.wait([task])
    assert task.cancelled()
