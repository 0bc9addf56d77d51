"""Durable loops: what is committed when, what a failure keeps, and where a resume goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus
from tests.core.workflows.support import checkpoints, events


class Failing:
    """Raises once for each of the numbers given."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = set(numbers)
        self.seen: list[int] = []

    def __call__(self, number: int) -> None:
        if number in self.numbers:
            self.numbers.remove(number)
            raise RuntimeError(f"at {number}")
        self.seen.append(number)


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


def add(app: AsyncNexus, fails: Failing, *, asynchronous_items: bool = False) -> None:
    """A workflow ``sum`` that adds numbers up in its state."""

    def items(count: int) -> Any:
        return numbers(count) if asynchronous_items else range(count)

    @app.workflow("sum-sync")
    def sync(run: Any, count: int) -> Any:
        for number in run.steps(items(count)):
            fails(number)
            run.state["sum"] = run.state.get("sum", 0) + number
        return run.state["sum"]

    @app.workflow("sum-async")
    async def asynchronous(run: Any, count: int) -> Any:
        async for number in run.steps(items(count)):
            fails(number)
            run.state["sum"] = run.state.get("sum", 0) + number
        return run.state["sum"]


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
@pytest.mark.parametrize("asynchronous_items", [False, True])
async def test_a_loop_over_any_iterable_takes_every_step_once(
    app: AsyncNexus, kind: str, asynchronous_items: bool
) -> None:
    fails = Failing()
    add(app, fails, asynchronous_items=asynchronous_items)
    result = await app.execute_workflow(f"sum-{kind}", inputs={"count": 5})
    assert (result.status, result.outputs, result.step) == (RunStatus.COMPLETED, 10, 5)
    assert fails.seen == [0, 1, 2, 3, 4]


@KINDS
@pytest.mark.parametrize(
    ("interval", "expected"),
    [(1, [(n, n) for n in range(1, 8)]), (3, [(1, 3), (2, 6), (3, 7)]), (100, [(1, 7)])],
)
async def test_a_checkpoint_is_committed_every_interval_and_once_more_at_the_end(
    app: AsyncNexus, kind: str, interval: int, expected: list[tuple[int, int]]
) -> None:
    add(app, Failing())
    result = await app.execute_workflow(f"sum-{kind}", inputs={"count": 7}, checkpoint_interval=interval)
    assert await checkpoints(app, result.session_id) == expected
    assert result.last_checkpoint == f"checkpoint-{len(expected)}"


@KINDS
@pytest.mark.parametrize("interval", [1, 4, 100])
async def test_a_run_that_raises_keeps_its_completed_steps_and_resumes_behind_them(
    app: AsyncNexus, kind: str, interval: int
) -> None:
    fails = Failing(5, 8)
    add(app, fails)
    failed = await app.execute_workflow(f"sum-{kind}", inputs={"count": 10}, checkpoint_interval=interval)
    session = await app.get_session(failed.session_id)
    assert (failed.status, failed.error, failed.step) == (RunStatus.FAILED, "RuntimeError: at 5", 5)
    assert (session.status.value, session.error, session.state) == ("failed", "RuntimeError: at 5", {"sum": 10})
    again = await app.resume_workflow(f"sum-{kind}", failed.session_id)
    assert (again.status, again.step, again.error) == (RunStatus.FAILED, 8, "RuntimeError: at 8")
    done = await app.resume_workflow(f"sum-{kind}", failed.session_id)
    assert (done.status, done.outputs, done.step) == (RunStatus.COMPLETED, 45, 10)
    assert done.run_id == failed.run_id
    assert fails.seen == list(range(10))


@KINDS
async def test_nothing_of_the_unfinished_step_is_kept(app: AsyncNexus, kind: str) -> None:
    def body(run: Any, number: int) -> None:
        run.state.setdefault("begun", []).append(number)
        if number == 2:
            raise RuntimeError

    @app.workflow("half-sync")
    def sync(run: Any) -> None:
        for number in run.steps(range(4)):
            body(run, number)

    @app.workflow("half-async")
    async def asynchronous(run: Any) -> None:
        async for number in run.steps(range(4)):
            body(run, number)

    result = await app.execute_workflow(f"half-{kind}")
    assert (result.error, result.step) == ("RuntimeError", 2)
    assert (await app.get_session(result.session_id)).state == {"begun": [0, 1]}


async def test_what_a_run_without_loops_did_before_it_raised_is_not_kept(app: AsyncNexus) -> None:
    @app.workflow("plain")
    def plain(run: Any) -> None:
        run.state["x"] = 1
        raise KeyError("missing")

    session_id = await app.create_session(state={"kept": True})
    result = await app.execute_workflow("plain", session_id)
    assert result.error == "KeyError: 'missing'"
    assert (await app.get_session(session_id)).state == {"kept": True}


async def test_code_before_a_loop_runs_again_on_resume_and_does_not_count_twice(app: AsyncNexus) -> None:
    fails, begun = Failing(2), []

    @app.workflow("twice")
    async def twice(run: Any) -> Any:
        begun.append(1)
        run.state["begun"] = run.state.get("begun", 0) + 1
        async for number in run.steps(range(4)):
            fails(number)
        return run.state["begun"]

    failed = await app.execute_workflow("twice")
    assert (await app.resume_workflow("twice", failed.session_id)).outputs == 1
    assert len(begun) == 2


async def test_loops_one_after_another_resume_in_the_right_one(app: AsyncNexus) -> None:
    fails = Failing(12)

    @app.workflow("two")
    def two(run: Any) -> Any:
        for number in run.steps(range(3)):
            fails(number)
        for number in run.steps(range(10, 15)):
            fails(number)
        return run.step

    failed = await app.execute_workflow("two", checkpoint_interval=2)
    assert failed.step == 5
    assert (await app.resume_workflow("two", failed.session_id)).outputs == 8
    assert fails.seen == [0, 1, 2, 10, 11, 12, 13, 14]


async def test_loops_inside_loops_resume_in_the_right_iteration(app: AsyncNexus) -> None:
    fails = Failing(11, 20)

    @app.workflow("nested")
    async def nested(run: Any) -> Any:
        async for outer in run.steps(range(3)):
            run.state["outer"] = run.state.get("outer", 0) + 1
            async for inner in run.steps(range(3)):
                fails(outer * 10 + inner)
                run.state.setdefault("seen", []).append(outer * 10 + inner)
        return run.state

    first = await app.execute_workflow("nested")
    assert first.step == 5
    await app.resume_workflow("nested", first.session_id)
    done = await app.resume_workflow("nested", first.session_id)
    assert done.outputs == {"outer": 3, "seen": [0, 1, 2, 10, 11, 12, 20, 21, 22]}
    assert fails.seen == done.outputs["seen"]
    assert done.step == 12


@KINDS
async def test_an_iteration_that_is_left_by_break_counts_when_the_run_ends(app: AsyncNexus, kind: str) -> None:
    @app.workflow("break-sync")
    def sync(run: Any) -> Any:
        for number in run.steps(range(10)):
            run.state["last"] = number
            if number == 3:
                break
        return number

    @app.workflow("break-async")
    async def asynchronous(run: Any) -> Any:
        async for number in run.steps(range(10)):
            run.state["last"] = number
            if number == 3:
                break
        return number

    result = await app.execute_workflow(f"break-{kind}")
    assert (result.outputs, result.step) == (3, 4)
    assert (await app.get_session(result.session_id)).state == {"last": 3}


async def test_an_iteration_that_is_left_by_break_runs_again_on_resume_and_finds_the_same(app: AsyncNexus) -> None:
    fails = Failing(11)

    @app.workflow("search")
    def search(run: Any) -> Any:
        for number in run.steps(range(10)):
            run.state["looked"] = run.state.get("looked", 0) + 1
            if number == 2:
                found = number
                break
        for other in run.steps(range(10, 13)):
            fails(other)
        return [found, run.state["looked"]]

    failed = await app.execute_workflow("search")
    done = await app.resume_workflow("search", failed.session_id)
    assert done.outputs == [2, 3]
    assert fails.seen == [10, 11, 12]
    assert done.step == 6


async def test_state_that_is_held_in_a_variable_stays_the_sessions(app: AsyncNexus) -> None:
    @app.workflow("held")
    async def held(run: Any) -> Any:
        log = run.state.setdefault("log", [])
        async for number in run.steps(range(4)):
            if number == 2:
                await app.update_session(run.session_id, {"noise": number})
            log.append(number)
        return log is run.state["log"]

    result = await app.execute_workflow("held")
    assert result.outputs is True
    assert (await app.get_session(result.session_id)).state == {"noise": 2, "log": [0, 1, 2, 3]}


async def test_a_loop_may_be_left_to_one_iterable_only(app: AsyncNexus) -> None:
    @app.workflow("five")
    def five(run: Any) -> None:
        for _ in run.steps(5):
            pass

    @app.workflow("plain-for")
    async def plain_for(run: Any) -> None:
        for _ in run.steps([1]):
            pass

    assert "can't be looped over" in str((await app.execute_workflow("five")).error)
    assert "use `async for`" in str((await app.execute_workflow("plain-for")).error)


async def test_an_iterable_that_raises_fails_the_run_behind_the_steps_it_gave(app: AsyncNexus) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    @app.workflow("source")
    def body(run: Any) -> None:
        for number in run.steps(source()):
            run.state["n"] = number

    result = await app.execute_workflow("source")
    assert (result.error, result.step) == ("OSError: gone", 1)
    assert (await app.get_session(result.session_id)).state == {"n": 1}


async def test_each_commit_is_one_event_of_the_step_it_reached(app: AsyncNexus) -> None:
    add(app, Failing())
    result = await app.execute_workflow("sum-async", inputs={"count": 4}, checkpoint_interval=2)
    steps = [event.data["step"] for event in await events(app, result.session_id, "run.step")]
    assert steps == [2, 4]


async def test_only_the_newest_checkpoints_are_kept(store: str) -> None:
    async with AsyncNexus(store=store, max_checkpoints=3) as app:
        add(app, Failing())
        result = await app.execute_workflow("sum-async", inputs={"count": 8})
        assert await checkpoints(app, result.session_id) == [(6, 6), (7, 7), (8, 8)]
