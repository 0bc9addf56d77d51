"""Resuming and forking: from where a session stands, and from any of its checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import (
    CheckpointNotFound,
    InvalidInput,
    InvalidTransition,
    SessionBusy,
    SessionNotFound,
    WorkflowNotFound,
)
from nexus.model import RunStatus, Status
from nexus.testing import FakeClock
from tests.core.workflows.support import checkpoints, events

Add = Callable[..., list[int]]


@pytest.fixture
def add(app: AsyncNexus) -> Add:
    """Registers ``count``: it notes each step in its state, and raises at those given, once each."""

    def register(*fails: int) -> list[int]:
        left, seen = set(fails), list[int]()

        @app.workflow("count")
        async def count(run: Any, n: int = 6, label: str = "") -> Any:
            async for number in run.steps(range(n)):
                if number in left:
                    left.remove(number)
                    raise RuntimeError(f"at {number}")
                seen.append(number)
                run.state.setdefault("steps", []).append(number)
                run.state["call"] = await run.call(lambda number=number: number * 10)
            return {"steps": run.state["steps"], "label": label}

        return seen

    return register


async def test_a_resume_from_a_checkpoint_puts_back_its_state_and_step(app: AsyncNexus, add: Add) -> None:
    seen = add()
    first = await app.execute_workflow("count")
    assert first.last_checkpoint == "checkpoint-6"
    again = await app.resume_from_checkpoint(first.session_id, "checkpoint-2")
    assert again.outputs["steps"] == [0, 1, 2, 3, 4, 5]
    assert (again.step, again.last_checkpoint, again.run_id) == (6, "checkpoint-10", first.run_id)
    assert seen == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]
    history = await app.service(app.local_caller("sdk")).list_checkpoints(first.session_id)
    assert [c.number for c in history.items if c.superseded] == [3, 4, 5, 6]


async def test_calls_made_after_a_checkpoint_are_made_again_when_one_goes_back_to_it(app: AsyncNexus) -> None:
    made: list[str] = []

    @app.workflow("calling")
    def calling(run: Any) -> Any:
        run.call(made.append, "first")
        run.checkpoint()
        run.call(made.append, "second")
        run.checkpoint()
        return len(made)

    result = await app.execute_workflow("calling")
    await app.resume_from_checkpoint(result.session_id, "checkpoint-1")
    assert made == ["first", "second", "second"]


async def test_going_back_into_the_middle_of_a_step_finds_what_had_been_done_of_it(app: AsyncNexus) -> None:
    made: list[str] = []

    @app.workflow("halves")
    async def halves(run: Any) -> Any:
        async for number in run.steps(range(3)):
            run.state["first"] = run.state.get("first", 0) + 1
            await run.call(made.append, f"first {number}")
            await run.checkpoint()
            await run.call(made.append, f"second {number}")
            run.state["second"] = run.state.get("second", 0) + 1
        return run.state

    result = await app.execute_workflow("halves")
    made.clear()
    again = await app.resume_from_checkpoint(result.session_id, "checkpoint-3")
    assert again.outputs == {"first": 3, "second": 3}
    assert made == ["second 1", "first 2", "second 2"]


async def test_what_no_checkpoint_needs_any_more_is_forgotten(store: str) -> None:
    async with AsyncNexus(store=store, max_checkpoints=3) as app:

        @app.workflow("halves")
        async def halves(run: Any) -> None:
            async for number in run.steps(range(20)):
                await run.call(str, number)
                await run.checkpoint()

        result = await app.execute_workflow("halves")
        assert 0 < len(await app.store.load_journal(result.session_id, result.run_id)) <= 6


async def test_going_back_to_where_a_run_waited_waits_again(app: AsyncNexus) -> None:
    @app.workflow("waiting")
    async def waiting(run: Any) -> Any:
        run.state["n"] = run.state.get("n", 0) + 1
        run.state["got"] = await run.wait_for("go")
        return run.state

    session_id = await app.create_session()
    await app.signal_session(session_id, "go", 1)
    first = await app.execute_workflow("waiting", session_id)
    assert first.outputs == {"n": 1, "got": 1}
    again = await app.resume_from_checkpoint(session_id, "checkpoint-1")
    assert again.status is RunStatus.SUSPENDED
    assert (await app.get_session(session_id)).state == {"n": 1}


async def test_new_inputs_are_laid_over_the_recorded_ones(app: AsyncNexus, add: Add) -> None:
    add(3)
    failed = await app.execute_workflow("count", inputs={"n": 5, "label": "old"})
    done = await app.resume_workflow("count", failed.session_id, inputs={"label": "new"})
    assert done.outputs == {"steps": [0, 1, 2, 3, 4], "label": "new"}
    again = await app.resume_from_checkpoint(failed.session_id, "checkpoint-1")
    assert again.outputs["label"] == "old"


async def test_new_inputs_that_do_not_fit_change_nothing(app: AsyncNexus, add: Add) -> None:
    add(3)
    failed = await app.execute_workflow("count")
    before = await app.get_session(failed.session_id)
    with pytest.raises(InvalidInput, match="'n'"):
        await app.resume_workflow("count", failed.session_id, inputs={"n": "many"})
    assert (await app.get_session(failed.session_id)).version == before.version


async def test_only_the_workflow_that_ran_can_be_resumed(app: AsyncNexus, add: Add) -> None:
    add(3)
    app.register(lambda: None, "other")
    failed = await app.execute_workflow("count")
    with pytest.raises(InvalidInput, match="'count' has run"):
        await app.resume_workflow("other", failed.session_id)


async def test_a_workflow_that_nobody_knows_is_not_found_whatever_has_run_there(app: AsyncNexus, add: Add) -> None:
    add(2)
    failed = await app.execute_workflow("count")
    with pytest.raises(WorkflowNotFound):
        await app.resume_workflow("cuont", failed.session_id)


async def test_what_can_not_be_resumed_is_refused(app: AsyncNexus, add: Add) -> None:
    add()
    done = await app.execute_workflow("count")
    with pytest.raises(InvalidTransition, match="no unfinished run"):
        await app.resume_workflow("count", done.session_id)
    with pytest.raises(CheckpointNotFound):
        await app.resume_from_checkpoint(done.session_id, "checkpoint-99")
    with pytest.raises(CheckpointNotFound, match="checkpoint_id"):
        await app.resume_from_checkpoint(done.session_id, "99")
    with pytest.raises(SessionNotFound):
        await app.resume_workflow("count", "nobody")
    await app.end_session(done.session_id)
    with pytest.raises(InvalidTransition):
        await app.resume_from_checkpoint(done.session_id, "checkpoint-1")


async def test_a_cancelled_session_can_be_resumed_from_a_checkpoint(app: AsyncNexus, add: Add) -> None:
    add(3)
    failed = await app.execute_workflow("count")
    await app.end_session(failed.session_id, "cancelled")
    done = await app.resume_from_checkpoint(failed.session_id, "checkpoint-2")
    assert done.status is RunStatus.COMPLETED
    assert (await app.get_session(failed.session_id)).status is Status.ACTIVE


async def test_an_expired_session_goes_on_with_its_failed_run() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", clock=clock, session_timeout=60) as app:
        fails = [1]

        @app.workflow("flaky")
        def flaky(run: Any) -> Any:
            if fails:
                raise RuntimeError(fails.pop())
            return "done"

        failed = await app.execute_workflow("flaky")
        clock.advance(61)
        done = await app.resume_workflow("flaky", failed.session_id)
        assert done.outputs == "done"


async def test_a_session_without_an_unfinished_run_is_only_opened_again(app: AsyncNexus, add: Add) -> None:
    seen = add()
    done = await app.execute_workflow("count")
    await app.end_session(done.session_id, "cancelled")
    again = await app.resume_workflow("count", done.session_id)
    assert again == done
    assert (await app.get_session(done.session_id)).status is Status.ACTIVE
    assert len(seen) == 6


async def test_a_resume_in_the_background_returns_at_once(app: AsyncNexus, add: Add) -> None:
    add(3)
    failed = await app.execute_workflow("count")
    result = await app.resume_workflow("count", failed.session_id, background=True)
    assert (result.status, result.run_id) == (RunStatus.IN_PROGRESS, failed.run_id)
    done = await app.parts.runs.wait(failed.session_id, failed.run_id, 20)
    assert done.status is RunStatus.COMPLETED


async def test_a_live_run_is_joined_and_not_run_twice(app: AsyncNexus) -> None:
    gate, begun = asyncio.Event(), []

    @app.workflow("gated")
    async def gated(run: Any) -> Any:
        begun.append(1)
        await run.checkpoint()
        await gate.wait()
        return "done"

    result = await app.execute_workflow("gated", background=True)
    async with app.parts.engine.watch(result.session_id) as watch:
        while (await app.get_session(result.session_id)).last_checkpoint is None:
            await watch.wait(20)
    joined = asyncio.ensure_future(app.resume_workflow("gated", result.session_id, "checkpoint-1"))
    at_once = await app.resume_workflow("gated", result.session_id, background=True)
    assert (at_once.run_id, at_once.status) == (result.run_id, RunStatus.IN_PROGRESS)
    with pytest.raises(SessionBusy):
        await app.resume_workflow("gated", result.session_id, inputs={})
    gate.set()
    assert (await joined).outputs == "done"
    assert begun == [1]


async def test_a_live_run_that_has_passed_the_checkpoint_is_joined_by_its_workflow_and_not_put_back(
    app: AsyncNexus,
) -> None:
    gate, begun = asyncio.Event(), []

    @app.workflow("gated")
    async def gated(run: Any) -> Any:
        begun.append(1)
        await run.checkpoint()
        run.state["on"] = True
        await run.checkpoint()
        await gate.wait()
        return "done"

    result = await app.execute_workflow("gated", background=True)
    async with app.parts.engine.watch(result.session_id) as watch:
        while (await app.get_session(result.session_id)).last_checkpoint != "checkpoint-2":
            await watch.wait(20)
    joined = asyncio.ensure_future(app.resume_workflow("gated", result.session_id, "checkpoint-1"))
    with pytest.raises(SessionBusy):
        await app.resume_from_checkpoint(result.session_id, "checkpoint-1")
    gate.set()
    assert (await joined).outputs == "done"
    assert begun == [1]


async def test_a_fork_goes_on_by_itself_and_leaves_its_source_untouched(app: AsyncNexus, add: Add) -> None:
    seen = add(4)
    failed = await app.execute_workflow("count")
    before = await app.get_session(failed.session_id)
    fork = await app.fork_session(failed.session_id, "checkpoint-2")
    assert (fork.status, fork.state["steps"], fork.step) == (Status.ACTIVE, [0, 1], 2)
    done = await app.resume_workflow("count", fork.id)
    assert done.outputs["steps"] == [0, 1, 2, 3, 4, 5]
    assert done.run_id != failed.run_id
    assert seen == [0, 1, 2, 3, 2, 3, 4, 5]
    assert (await app.get_session(failed.session_id)).to_dict() == before.to_dict()


async def test_a_fork_keeps_what_was_recorded_before_its_checkpoint(app: AsyncNexus) -> None:
    made: list[str] = []

    @app.workflow("calling")
    def calling(run: Any) -> Any:
        run.call(made.append, "first")
        run.checkpoint()
        run.call(made.append, "second")
        raise RuntimeError

    failed = await app.execute_workflow("calling")
    fork = await app.fork_session(failed.session_id, "checkpoint-1")
    await app.resume_workflow("calling", fork.id)
    assert made == ["first", "second", "second"]


async def test_the_checkpoint_of_an_earlier_run_brings_back_that_run(app: AsyncNexus, add: Add) -> None:
    add()
    first = await app.execute_workflow("count", inputs={"n": 3, "label": "first"})
    await app.execute_workflow("count", first.session_id, {"n": 2, "label": "second"})
    again = await app.resume_from_checkpoint(first.session_id, "checkpoint-2")
    assert again.run_id == first.run_id
    assert again.outputs == {"steps": [0, 1, 2], "label": "first"}


async def test_a_workflow_that_is_no_longer_there_can_not_be_resumed(store: str) -> None:
    async with AsyncNexus(store=store) as first:

        @first.workflow("gone")
        def gone() -> None:
            raise RuntimeError

        failed = await first.execute_workflow("gone")
    async with AsyncNexus(store=store) as second:
        for background in (False, True):
            with pytest.raises(WorkflowNotFound):
                await second.resume_workflow("gone", failed.session_id, background=background)


async def test_inputs_that_no_longer_fit_fail_the_run_and_say_so(store: str) -> None:
    async with AsyncNexus(store=store) as first:

        @first.workflow("changing")
        def before(size: int) -> None:
            raise RuntimeError

        failed = await first.execute_workflow("changing", inputs={"size": 1})
    async with AsyncNexus(store=store) as second:

        @second.workflow("changing")
        def after(length: int) -> None: ...

        again = await second.resume_workflow("changing", failed.session_id)
        assert again.status is RunStatus.FAILED
        assert "there is no input 'size'" in str(again.error)


async def test_a_resume_is_told_by_its_events(app: AsyncNexus, add: Add) -> None:
    add(3)
    failed = await app.execute_workflow("count")
    await app.resume_from_checkpoint(failed.session_id, "checkpoint-2")
    resumed = (await events(app, failed.session_id, "session.resumed"))[0]
    assert resumed.data == {"checkpoint_id": "checkpoint-2", "run_id": failed.run_id, "step": 2}
    assert len(await checkpoints(app, failed.session_id)) == 7
