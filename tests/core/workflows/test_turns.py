"""Several runs wanted in one session: turns, the queue behind a live run, and idempotency keys."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput, InvalidTransition, SessionBusy, SessionExpired, WaitTimeout, WorkflowNotFound
from nexus.model import RunStatus, Status
from nexus.testing import FakeClock
from tests.core.workflows.support import ended, events, until


class Gate:
    """Keeps the workflow ``gated`` running until it is opened."""

    def __init__(self, app: AsyncNexus) -> None:
        self.open = asyncio.Event()
        self.ran: list[int] = []
        app.register(self.gated)

    async def gated(self, run: Any, number: int = 0) -> Any:
        self.ran.append(number)
        await self.open.wait()
        run.state.setdefault("order", []).append(number)
        return number


async def test_runs_wanted_at_once_in_one_session_take_turns(app: AsyncNexus) -> None:
    live: list[int] = []

    @app.workflow("alone")
    async def alone(run: Any) -> Any:
        live.append(1)
        seen = len(live)
        async for _ in run.steps(range(2)):
            run.state["n"] = run.state.get("n", 0) + 1
        live.pop()
        return seen

    session_id = await app.create_session()
    results = await asyncio.gather(*(app.execute_workflow("alone", session_id) for _ in range(8)))
    assert {result.outputs for result in results} == {1}
    assert len({result.run_id for result in results}) == 8
    assert (await app.get_session(session_id)).state == {"n": 16}


async def test_runs_of_two_processes_in_one_session_take_turns(store: str) -> None:
    async with AsyncNexus(store=store) as one, AsyncNexus(store=store) as two:
        for app in (one, two):

            @app.workflow("add")
            async def add(run: Any) -> None:
                async for _ in run.steps(range(2)):
                    run.state["n"] = run.state.get("n", 0) + 1

        session_id = await one.create_session()
        await asyncio.gather(*(app.execute_workflow("add", session_id) for app in (one, two) * 4))
        assert (await one.get_session(session_id)).state == {"n": 16}


async def test_a_run_that_waits_too_long_for_its_turn_is_refused(store: str) -> None:
    async with AsyncNexus(store=store, session_lock_timeout=0.05) as app:
        gate = Gate(app)
        session_id = await app.create_session()
        live = await app.execute_workflow("gated", session_id, background=True)
        waiting = [app.execute_workflow("gated", session_id, {"number": 1}) for _ in range(3)]
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, SessionBusy)
            assert "0.05 s" in outcome.message
        gate.open.set()
        await ended(app, live)
        assert gate.ran == [0]


async def test_a_run_whose_turn_comes_in_time_runs(app: AsyncNexus) -> None:
    gate = Gate(app)
    session_id = await app.create_session()
    await app.execute_workflow("gated", session_id, background=True)
    waiting = asyncio.ensure_future(app.execute_workflow("gated", session_id, {"number": 1}))
    await until(app, session_id, lambda session: session.status is Status.IN_PROGRESS)
    gate.open.set()
    assert (await waiting).outputs == 1


async def test_background_runs_of_a_busy_session_queue_up_in_order(app: AsyncNexus) -> None:
    gate = Gate(app)
    session_id = await app.create_session()
    results = [await app.execute_workflow("gated", session_id, {"number": n}, background=True) for n in range(5)]
    assert {result.status for result in results} == {RunStatus.IN_PROGRESS}
    assert len(await app.store.inbox(session_id)) == 4
    gate.open.set()
    last = await ended(app, results[-1])
    assert last.outputs == 4
    assert (await app.get_session(session_id)).state == {"order": [0, 1, 2, 3, 4]}
    assert await app.store.inbox(session_id) == []


async def test_the_next_in_line_runs_after_a_run_that_failed(app: AsyncNexus) -> None:
    gate = asyncio.Event()

    @app.workflow("failing")
    async def failing() -> None:
        await gate.wait()
        raise RuntimeError

    app.register(lambda: "ran", "next")
    session_id = await app.create_session()
    await app.execute_workflow("failing", session_id, background=True)
    queued = await app.execute_workflow("next", session_id, background=True)
    gate.set()
    assert (await ended(app, queued)).outputs == "ran"


async def test_runs_that_wait_in_line_are_cancelled_with_their_session(app: AsyncNexus) -> None:
    gate = Gate(app)
    session_id = await app.create_session()
    live = await app.execute_workflow("gated", session_id, background=True)
    queued = await app.execute_workflow("gated", session_id, {"number": 1}, background=True)
    await app.end_session(session_id)
    assert (await ended(app, live)).status is RunStatus.CANCELLED
    assert (await ended(app, queued)).status is RunStatus.CANCELLED
    assert gate.ran == [0]


async def test_a_run_in_line_is_done_by_another_process_when_this_one_stops(store: str) -> None:
    async with AsyncNexus(store=store) as other:

        @other.workflow("gated")
        async def gated(number: int = 0) -> int:
            return number

        async with AsyncNexus(store=store) as app:
            Gate(app)
            session_id = await app.create_session()
            await app.execute_workflow("gated", session_id, background=True)
            queued = await app.execute_workflow("gated", session_id, {"number": 1}, background=True)
            await other.start()
            await app.close(grace=0)
        assert (await ended(other, queued)).outputs == 1


async def test_a_session_that_is_over_runs_nothing(app: AsyncNexus) -> None:
    app.register(lambda: None, "any")
    session_id = await app.create_session()
    await app.end_session(session_id)
    for background in (False, True):
        with pytest.raises(InvalidTransition):
            await app.execute_workflow("any", session_id, background=background)


async def test_an_expired_session_runs_nothing() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", clock=clock, session_timeout=10) as app:
        app.register(lambda: None, "any")
        session_id = await app.create_session()
        clock.advance(11)
        with pytest.raises(SessionExpired):
            await app.execute_workflow("any", session_id)


async def test_nothing_is_created_for_what_can_not_run(app: AsyncNexus) -> None:
    @app.workflow("strict")
    def strict(n: int) -> None: ...

    for name, inputs in (("nobody", {}), ("strict", {"n": "x"})):
        for background in (False, True):
            with pytest.raises((WorkflowNotFound, InvalidInput)):
                await app.execute_workflow(name, "new", inputs, background=background)
    with pytest.raises(InvalidInput, match="checkpoint_interval"):
        await app.execute_workflow("strict", "new", {"n": 1}, checkpoint_interval=0)
    assert not await app.session_manager.exists("new")


async def test_a_key_given_twice_gives_the_first_result_and_runs_nothing(app: AsyncNexus) -> None:
    ran = []

    @app.workflow("count")
    def count(n: int) -> Any:
        ran.append(n)
        return n

    session_id = await app.create_session()
    first = await app.execute_workflow("count", session_id, {"n": 1}, idempotency_key="k")
    await app.execute_workflow("count", session_id, {"n": 2})
    again = await app.execute_workflow("count", session_id, {"n": 3}, idempotency_key="k")
    other = await app.execute_workflow("count", session_id, {"n": 4}, idempotency_key="other")
    assert first == again
    assert other.outputs == 4
    assert ran == [1, 2, 4]
    elsewhere = await app.execute_workflow("count", inputs={"n": 5}, idempotency_key="k")
    assert elsewhere.outputs == 5
    assert await app.execute_workflow("count", inputs={"n": 6}, idempotency_key="k") == elsewhere
    assert (await app.execute_workflow("count", inputs={"n": 7}, idempotency_key="another")).outputs == 7
    assert ran == [1, 2, 4, 5, 7]


@pytest.mark.parametrize("background", [False, True])
async def test_a_key_given_many_times_at_once_runs_once(app: AsyncNexus, background: bool) -> None:
    ran = []

    @app.workflow("slow")
    async def slow(run: Any) -> Any:
        ran.append(1)
        async for _ in run.steps(range(3)):
            pass
        return len(ran)

    session_id = await app.create_session()
    calls = [app.execute_workflow("slow", session_id, idempotency_key="k", background=background) for _ in range(8)]
    results = await asyncio.gather(*calls)
    assert len({result.run_id for result in results}) == 1
    done = await app.execute_workflow("slow", session_id, idempotency_key="k")
    assert (done.outputs, ran) == (1, [1])


async def test_a_key_of_a_run_that_waits_in_line_is_taken_too(app: AsyncNexus) -> None:
    gate = Gate(app)
    session_id = await app.create_session()
    await app.execute_workflow("gated", session_id, background=True)
    queued = [
        await app.execute_workflow("gated", session_id, {"number": 1}, background=True, idempotency_key="k")
        for _ in range(3)
    ]
    assert len({result.run_id for result in queued}) == 1
    gate.open.set()
    assert (await app.execute_workflow("gated", session_id, idempotency_key="k")).outputs == 1
    assert gate.ran == [0, 1]


async def test_a_key_gives_the_failure_that_it_led_to_even_after_a_resume(app: AsyncNexus) -> None:
    fails = [1]

    @app.workflow("flaky")
    def flaky() -> str:
        if fails:
            raise RuntimeError(fails.pop())
        return "done"

    session_id = await app.create_session()
    failed = await app.execute_workflow("flaky", session_id, idempotency_key="k")
    assert (await app.resume_workflow("flaky", session_id)).outputs == "done"
    assert await app.execute_workflow("flaky", session_id, idempotency_key="k") == failed


async def test_a_key_gives_the_cancellation_of_a_run_whose_session_ended(app: AsyncNexus) -> None:
    Gate(app)
    session_id = await app.create_session()
    await app.execute_workflow("gated", session_id, background=True, idempotency_key="k")
    await app.end_session(session_id, "cancelled")
    again = await app.execute_workflow("gated", session_id, idempotency_key="k")
    assert again.status is RunStatus.CANCELLED


@pytest.mark.parametrize("key", ["", "x" * 256, 5, "a\nb"])
async def test_a_malformed_key_is_refused(app: AsyncNexus, key: Any) -> None:
    app.register(lambda: None, "any")
    with pytest.raises(InvalidInput, match="idempotency_key"):
        await app.execute_workflow("any", idempotency_key=key)


async def test_waiting_for_a_run_ends_when_the_time_is_over(app: AsyncNexus) -> None:
    gate = Gate(app)
    live = await app.execute_workflow("gated", background=True)
    with pytest.raises(WaitTimeout):
        await app.parts.runs.wait(live.session_id, live.run_id, 0.01)
    gate.open.set()
    await ended(app, live)


async def test_waiting_for_a_run_that_a_later_one_has_replaced_says_so(app: AsyncNexus) -> None:
    app.register(lambda: None, "any")
    first = await app.execute_workflow("any")
    await app.execute_workflow("any", first.session_id)
    with pytest.raises(InvalidTransition, match="only the last run's outcome"):
        await app.parts.runs.wait(first.session_id, first.run_id, 1)


async def test_a_run_inside_a_run_is_no_deadlock(app: AsyncNexus) -> None:
    @app.workflow("outer")
    async def outer(depth: int) -> int:
        if not depth:
            return 0
        inner = await app.execute_workflow("outer", inputs={"depth": depth - 1})
        return 1 + int(inner.outputs)

    results = await asyncio.gather(*(app.execute_workflow("outer", inputs={"depth": 2}) for _ in range(120)))
    assert {result.outputs for result in results} == {2}


async def test_a_finished_run_is_told_by_its_events(app: AsyncNexus) -> None:
    app.register(lambda: None, "any")
    result = await app.execute_workflow("any")
    kinds = [event.type for event in await events(app, result.session_id)]
    assert kinds == ["session.created", "run.started", "checkpoint.saved", "run.completed"]


async def test_a_caller_whose_run_ended_elsewhere_unseen_is_not_told_that_it_was_refused(app: AsyncNexus) -> None:
    gate = Gate(app)
    gate.open.set()
    first = await app.execute_workflow("gated", "s", {"number": 1})
    await app.execute_workflow("gated", "s", {"number": 2})
    lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    lost.set_result(None)
    with pytest.raises(WaitTimeout, match="went on in another process and is over") as told:
        await app.parts.runs._outcome(lost, "s", first.run_id)
    assert told.value.details["begun"] is True
