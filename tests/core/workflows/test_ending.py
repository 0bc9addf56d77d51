"""Ending a session under a live run, callers that go away, and processes that stop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus, Status
from nexus.workflows.executors.local import LocalExecutor
from tests.core.workflows.support import PATIENCE, ended, events, until

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


async def begun(app: AsyncNexus, session_id: str) -> None:
    await until(app, session_id, lambda session: session.last_checkpoint is not None)


async def test_an_async_run_is_cancelled_soon_after_its_session_has_ended(store: str) -> None:
    async with AsyncNexus(store=store) as app, AsyncNexus(store=store) as other:
        unwound = asyncio.Event()

        @app.workflow("endless")
        async def endless(run: Any) -> None:
            await run.checkpoint()
            try:
                await asyncio.Event().wait()
            finally:
                assert run.cancelled
                unwound.set()

        result = await app.execute_workflow("endless", background=True)
        await begun(app, result.session_id)
        await other.end_session(result.session_id, "cancelled")
        await asyncio.wait_for(unwound.wait(), PATIENCE)
        assert (await ended(app, result)).status is RunStatus.CANCELLED


async def test_a_run_can_see_that_it_is_cancelled_and_leave_by_itself(app: AsyncNexus) -> None:
    left = asyncio.Event()

    @app.workflow("polite")
    async def polite(run: Any) -> str:
        await run.checkpoint()
        while not run.cancelled:
            await asyncio.sleep(0)
        left.set()
        return "left"

    result = await app.execute_workflow("polite", background=True)
    await begun(app, result.session_id)
    await app.end_session(result.session_id)
    await asyncio.wait_for(left.wait(), PATIENCE)
    outcome = await ended(app, result)
    assert (outcome.status, outcome.outputs) == (RunStatus.CANCELLED, None)


async def test_a_sync_run_is_stopped_when_it_asks_for_the_next_step(app: AsyncNexus) -> None:
    go_on, stopped = threading.Event(), threading.Event()

    @app.workflow("stepping")
    def stepping(run: Any) -> None:
        try:
            for number in run.steps(range(1000)):
                if number == 1:
                    assert go_on.wait(PATIENCE)
        except Exception:  # noqa: BLE001 - a stop is no error that a workflow could catch by this
            return
        finally:
            stopped.set()

    result = await app.execute_workflow("stepping", background=True)
    await begun(app, result.session_id)
    session = await app.end_session(result.session_id, "cancelled")
    go_on.set()
    assert await asyncio.to_thread(stopped.wait, PATIENCE)
    after = await app.get_session(result.session_id)
    assert (after.status, after.version, after.step) == (Status.CANCELLED, session.version, 1)


@KINDS
async def test_whoever_waits_for_a_run_hears_of_its_end_though_the_body_goes_on(app: AsyncNexus, kind: str) -> None:
    release, in_body = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @app.workflow("deaf-sync")
    def sync() -> None:
        loop.call_soon_threadsafe(in_body.set)
        release.wait(PATIENCE)

    @app.workflow("deaf-async")
    async def asynchronous() -> None:
        in_body.set()
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    session_id = await app.create_session()
    waiting = asyncio.ensure_future(app.execute_workflow(f"deaf-{kind}", session_id))
    await in_body.wait()
    await app.end_session(session_id, "cancelled")
    try:
        assert (await asyncio.wait_for(waiting, PATIENCE)).status is RunStatus.CANCELLED
    finally:
        release.set()


async def test_a_caller_that_goes_away_cancels_nothing(app: AsyncNexus) -> None:
    gate, in_body = asyncio.Event(), asyncio.Event()

    @app.workflow("gated")
    async def gated(run: Any) -> str:
        in_body.set()
        await gate.wait()
        return "done"

    session_id = await app.create_session()
    caller = asyncio.ensure_future(app.execute_workflow("gated", session_id))
    await in_body.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.set()
    session = await until(app, session_id, lambda session: session.status is Status.ACTIVE)
    assert session.error is None
    run = await app.service(app.local_caller("sdk")).get_run(session_id)
    assert run is not None
    assert run.status is RunStatus.COMPLETED


async def test_a_caller_that_goes_away_while_it_waits_for_its_turn_runs_nothing(app: AsyncNexus) -> None:
    gate, ran = asyncio.Event(), []

    @app.workflow("gated")
    async def gated(number: int) -> None:
        ran.append(number)
        await gate.wait()

    session_id = await app.create_session()
    live = await app.execute_workflow("gated", session_id, {"number": 0}, background=True)
    waiting = asyncio.ensure_future(app.execute_workflow("gated", session_id, {"number": 1}))
    await until(app, session_id, lambda session: session.status is Status.IN_PROGRESS)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.set()
    await ended(app, live)
    assert ran == [0]


@KINDS
async def test_a_process_that_stops_hands_its_runs_over_at_the_next_checkpoint(store: str, kind: str) -> None:
    seen: list[tuple[str, int]] = []
    go_on, loop = threading.Event(), asyncio.get_running_loop()
    at_three = asyncio.Event()

    def add(app: AsyncNexus, name: str) -> None:
        def step(number: int) -> None:
            seen.append((name, number))
            if number == 3 and name == "first":
                loop.call_soon_threadsafe(at_three.set)

        @app.workflow("long-sync", checkpoint_interval=100)
        def sync(run: Any) -> Any:
            for number in run.steps(range(6)):
                step(number)
                if number == 3:
                    assert go_on.wait(PATIENCE)
            return run.step

        @app.workflow("long-async", checkpoint_interval=100)
        async def asynchronous(run: Any) -> Any:
            async for number in run.steps(range(6)):
                step(number)
                while number == 3 and not go_on.is_set():
                    await asyncio.sleep(0)
            return run.step

    async with AsyncNexus(store=store) as second:
        first = AsyncNexus(store=store)
        await first.open()
        add(first, "first")
        add(second, "second")
        executor = first.parts.executor
        assert isinstance(executor, LocalExecutor)
        result = await first.execute_workflow(f"long-{kind}", background=True)
        await at_three.wait()
        closing = asyncio.ensure_future(first.close(grace=PATIENCE))
        while executor._services:  # when they are gone, the runs have been asked to stop
            await asyncio.sleep(0)
        await second.start()
        go_on.set()
        await closing
        done = await ended(second, result)
        assert (done.status, done.outputs) == (RunStatus.COMPLETED, 6)
        assert seen == [("first", n) for n in range(4)] + [("second", n) for n in (4, 5)]
        released = (await events(second, result.session_id, "run.released"))[0]
        assert released.data["step"] == 4
        run = await second.service(second.local_caller("sdk")).get_run(result.session_id)
        assert run is not None
        assert run.recoveries == 0
        assert [worker.id for worker in await second.store.workers()] != []
        assert len(await second.store.workers()) == 1


@KINDS
async def test_a_run_that_does_not_reach_a_checkpoint_is_handed_over_as_it_was_committed(store: str, kind: str) -> None:
    release, in_body = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    first = AsyncNexus(store=store)
    await first.open()

    @first.workflow("stuck-sync")
    def sync(run: Any) -> None:
        for number in run.steps(range(3)):
            run.state["n"] = number
            if number == 2:
                loop.call_soon_threadsafe(in_body.set)
                release.wait(PATIENCE)

    @first.workflow("stuck-async")
    async def asynchronous(run: Any) -> None:
        async for number in run.steps(range(3)):
            run.state["n"] = number
            if number == 2:
                in_body.set()
                await asyncio.Event().wait()

    result = await first.execute_workflow(f"stuck-{kind}", background=True)
    await in_body.wait()
    await first.close(grace=0)
    release.set()
    async with AsyncNexus(store=store) as second:
        second.register(lambda run: run.state["n"], f"stuck-{kind}")
        await second.start()
        done = await ended(second, result)
        assert (done.outputs, done.step) == (1, 2)


async def test_a_foreground_caller_of_a_process_that_stops_is_told_that_the_run_goes_on(store: str) -> None:
    in_body = asyncio.Event()
    app = AsyncNexus(store=store)
    await app.open()

    @app.workflow("stuck")
    async def stuck() -> None:
        in_body.set()
        await asyncio.Event().wait()

    waiting = asyncio.ensure_future(app.execute_workflow("stuck"))
    await in_body.wait()
    await app.close(grace=0)
    assert (await waiting).status is RunStatus.IN_PROGRESS
