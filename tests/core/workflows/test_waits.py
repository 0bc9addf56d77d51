"""``run.wait_for``: a run that waits holds nothing, and goes on wherever the signal finds it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidTransition, SessionBusy, WaitTimeout
from nexus.model import RunStatus, Status
from nexus.testing import FakeClock
from tests.core.workflows.support import ended, events, until

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def suspended(session: Any) -> bool:
    return session.status is Status.SUSPENDED


def add_approval(app: AsyncNexus) -> None:
    @app.workflow("approve-sync")
    def sync(run: Any) -> Any:
        run.state["asked"] = run.state.get("asked", 0) + 1
        answer = run.wait_for("approval")
        run.state["answer"] = answer
        return {"answer": answer, "asked": run.state["asked"]}

    @app.workflow("approve-async")
    async def asynchronous(run: Any) -> Any:
        run.state["asked"] = run.state.get("asked", 0) + 1
        answer = await run.wait_for("approval")
        run.state["answer"] = answer
        return {"answer": answer, "asked": run.state["asked"]}


@KINDS
async def test_a_run_that_waits_is_suspended_and_goes_on_with_the_payload(app: AsyncNexus, kind: str) -> None:
    add_approval(app)
    result = await app.execute_workflow(f"approve-{kind}")
    session = await app.get_session(result.session_id)
    assert (result.status, session.status) == (RunStatus.SUSPENDED, Status.SUSPENDED)
    assert session.state == {"asked": 1}
    for thread in (thread for thread in threading.enumerate() if thread.name.startswith("run-")):
        thread.join(10)
        assert not thread.is_alive()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith(("run-", "nexus-run-"))]
    await app.signal_session(result.session_id, "approval", {"by": "me"})
    done = await ended(app, result)
    assert (done.status, done.outputs) == (RunStatus.COMPLETED, {"answer": {"by": "me"}, "asked": 1})
    assert (await app.get_session(result.session_id)).state == {"asked": 1, "answer": {"by": "me"}}


@KINDS
async def test_a_signal_that_came_first_is_received_without_waiting(app: AsyncNexus, kind: str) -> None:
    add_approval(app)
    session_id = await app.create_session()
    await app.signal_session(session_id, "approval", 1)
    await app.signal_session(session_id, "approval", 2)
    result = await app.execute_workflow(f"approve-{kind}", session_id)
    assert (result.status, result.outputs) == (RunStatus.COMPLETED, {"answer": 1, "asked": 1})
    assert await events(app, session_id, "run.suspended") == []
    again = await app.execute_workflow(f"approve-{kind}", session_id)
    assert again.outputs == {"answer": 2, "asked": 2}


async def test_a_signal_of_another_name_wakes_nothing(app: AsyncNexus) -> None:
    add_approval(app)
    result = await app.execute_workflow("approve-sync")
    await app.signal_session(result.session_id, "other")
    assert suspended(await app.get_session(result.session_id))
    await app.signal_session(result.session_id, "approval")
    assert (await ended(app, result)).outputs == {"answer": None, "asked": 1}


async def test_signals_are_received_in_the_order_in_which_they_came(app: AsyncNexus) -> None:
    @app.workflow("collect")
    async def collect(run: Any) -> Any:
        async for _ in run.steps(range(5)):
            run.state.setdefault("got", []).append(await run.wait_for("item"))
        return run.state["got"]

    result = await app.execute_workflow("collect")
    for number in range(5):
        await app.signal_session(result.session_id, "item", number)
    done = await until(app, result.session_id, lambda session: session.status is Status.ACTIVE)
    assert done.state == {"got": [0, 1, 2, 3, 4]}
    assert done.step == 5


async def test_no_signal_is_lost_while_the_run_is_being_suspended(app: AsyncNexus) -> None:
    @app.workflow("race")
    async def race(run: Any) -> Any:
        async for _ in run.steps(range(30)):
            run.state["sum"] = run.state.get("sum", 0) + await run.wait_for("item")
        return run.state["sum"]

    session_id = await app.create_session()
    result = await app.execute_workflow("race", session_id, background=True)
    await asyncio.gather(*(app.signal_session(session_id, "item", 1) for _ in range(30)))
    await until(app, session_id, lambda session: session.status is Status.ACTIVE)
    assert (await ended(app, result)).outputs == 30


async def test_a_wait_that_is_overdue_raises_and_the_workflow_may_go_on() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:

        @app.workflow("patient")
        async def patient(run: Any) -> Any:
            run.state["n"] = run.state.get("n", 0) + 1
            try:
                await run.wait_for("never", timeout=60)
            except WaitTimeout as late:
                return [late.message, run.state["n"]]

        result = await app.execute_workflow("patient")
        run = await app.service(app.local_caller("sdk")).get_run(result.session_id)
        assert run is not None
        assert run.wait is not None
        assert run.wait.deadline == clock.now() + 60
        clock.advance(61)
        await until(app, result.session_id, lambda session: session.status is Status.ACTIVE)
        assert (await ended(app, result)).outputs == ["no signal 'never' came in time", 1]


async def test_a_wait_of_no_time_takes_what_is_there_and_suspends_nothing(app: AsyncNexus) -> None:
    @app.workflow("poll")
    def poll(run: Any) -> Any:
        try:
            return run.wait_for("maybe", timeout=0)
        except WaitTimeout:
            return "nothing"

    session_id = await app.create_session()
    assert (await app.execute_workflow("poll", session_id)).outputs == "nothing"
    await app.signal_session(session_id, "maybe", "something")
    assert (await app.execute_workflow("poll", session_id)).outputs == "something"


async def test_what_was_recorded_before_a_wait_is_not_repeated_after_it(app: AsyncNexus) -> None:
    done: list[Any] = []

    def before() -> int:
        done.append("before")
        return len(done)

    @app.workflow("effects")
    async def effects(run: Any) -> Any:
        first = await run.call(before)
        async for number in run.steps(range(3)):
            if number == 1:
                await run.wait_for("go")
            await run.call(lambda number=number: done.append(number))
        return first

    result = await app.execute_workflow("effects")
    assert done == ["before", 0]
    await app.signal_session(result.session_id, "go")
    assert (await ended(app, result)).outputs == 1
    assert done == ["before", 0, 1, 2]


async def test_patches_made_while_it_waits_are_seen_and_kept(app: AsyncNexus) -> None:
    @app.workflow("patched")
    async def patched(run: Any) -> Any:
        run.state["mine"] = run.state.get("mine", 0) + 1
        await run.wait_for("go")
        seen = dict(run.state)
        run.state["after"] = True
        return seen

    result = await app.execute_workflow("patched")
    await app.update_session(result.session_id, {"theirs": 1})
    await app.signal_session(result.session_id, "go")
    assert (await ended(app, result)).outputs == {"mine": 1, "theirs": 1}
    assert (await app.get_session(result.session_id)).state == {"mine": 1, "theirs": 1, "after": True}


async def test_a_patch_after_a_wait_survives_a_resume_that_replays_the_wait(app: AsyncNexus) -> None:
    attempts = []

    @app.workflow("replayed")
    async def replayed(run: Any) -> Any:
        run.state["mine"] = run.state.get("mine", 0) + 1
        await run.wait_for("go")
        run.state["after"] = run.state.get("after", 0) + 1
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError
        return run.state

    result = await app.execute_workflow("replayed")
    await app.signal_session(result.session_id, "go")
    await ended(app, result)
    await app.update_session(result.session_id, {"theirs": 1})
    done = await app.resume_workflow("replayed", result.session_id)
    assert (await app.get_session(result.session_id)).state == {"mine": 1, "after": 1, "theirs": 1}
    assert done.step == 0


async def test_the_wait_may_be_anywhere_in_an_async_body(app: AsyncNexus) -> None:
    @app.workflow("grouped")
    async def grouped(run: Any) -> Any:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run.wait_for("go"))
        return task.result()

    result = await app.execute_workflow("grouped")
    assert result.status is RunStatus.SUSPENDED
    await app.signal_session(result.session_id, "go", 5)
    assert (await ended(app, result)).outputs == 5


async def test_a_suspended_session_is_busy_and_can_be_ended(store: str) -> None:
    async with AsyncNexus(store=store, session_lock_timeout=0.05) as app:
        add_approval(app)
        result = await app.execute_workflow("approve-sync")
        with pytest.raises(SessionBusy):
            await app.execute_workflow("approve-sync", result.session_id)
        with pytest.raises(SessionBusy):
            await app.resume_workflow("approve-sync", result.session_id)
        await app.end_session(result.session_id, "cancelled")
        assert (await ended(app, result)).status is RunStatus.CANCELLED
        with pytest.raises(InvalidTransition):
            await app.signal_session(result.session_id, "approval")


@pytest.mark.parametrize(("signal", "timeout"), [("", None), (5, None), ("x", -1), ("x", "1"), ("x", float("nan"))])
async def test_a_wait_that_makes_no_sense_fails_the_run(app: AsyncNexus, signal: Any, timeout: Any) -> None:
    @app.workflow("odd")
    async def odd(run: Any) -> None:
        await run.wait_for(signal, timeout)

    assert str((await app.execute_workflow("odd")).error).startswith("InvalidInput: wait_for:")
