"""``run.call`` and ``run.checkpoint``: what is recorded is not done again."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus
from tests.core.workflows.support import checkpoints, events


class Effect:
    """Counts how often it was done, and gives the count."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, add: int = 0) -> int:
        self.times += 1
        return self.times + add

    async def later(self, add: int = 0) -> int:
        await asyncio.sleep(0)
        return self(add)


class Once:
    """Raises the first time."""

    def __init__(self) -> None:
        self.raised = False

    def __call__(self) -> None:
        if not self.raised:
            self.raised = True
            raise RuntimeError("once")


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("asynchronous_effect", [False, True])
async def test_a_recorded_call_is_not_repeated_on_resume(app: AsyncNexus, kind: str, asynchronous_effect: bool) -> None:
    effect, once = Effect(), Once()
    fn = effect.later if asynchronous_effect else effect

    @app.workflow("call-sync")
    def sync(run: Any) -> Any:
        first = run.call(fn)
        second = run.call(fn, add=100)
        once()
        return [first, second]

    @app.workflow("call-async")
    async def asynchronous(run: Any) -> Any:
        first = await run.call(fn)
        second = await run.call(fn, 100)
        once()
        return [first, second]

    failed = await app.execute_workflow(f"call-{kind}")
    assert failed.status is RunStatus.FAILED
    done = await app.resume_workflow(f"call-{kind}", failed.session_id)
    assert done.outputs == [1, 102]
    assert effect.times == 2


async def test_calls_in_a_step_that_was_not_completed_are_not_repeated_and_those_of_others_are_told_apart(
    app: AsyncNexus,
) -> None:
    effect, once = Effect(), Once()

    @app.workflow("stepwise")
    async def stepwise(run: Any) -> Any:
        async for outer in run.steps(range(2)):
            async for inner in run.steps(range(2)):
                got = await run.call(effect)
                if (outer, inner) == (1, 0):
                    once()
                run.state.setdefault("got", []).append([outer, inner, got])
        return run.state["got"]

    failed = await app.execute_workflow("stepwise", checkpoint_interval=100)
    assert len(await app.store.load_journal(failed.session_id, failed.run_id)) == 1
    done = await app.resume_workflow("stepwise", failed.session_id)
    assert done.outputs == [[0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]]
    assert effect.times == 4
    # Going back to the checkpoint of the failure would ask for what had been recorded in that step, and for no other.
    kept = await app.store.load_journal(failed.session_id, failed.run_id)
    assert [entry.value for entry in kept] == [b"3"]


async def test_a_call_that_raised_is_done_again(app: AsyncNexus) -> None:
    attempts = []

    def effect() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("down")
        return "up"

    @app.workflow("retried")
    def retried(run: Any) -> Any:
        return run.call(effect)

    failed = await app.execute_workflow("retried")
    assert failed.error == "OSError: down"
    assert (await app.resume_workflow("retried", failed.session_id)).outputs == "up"


async def test_a_call_gives_json_the_first_time_as_on_resume(app: AsyncNexus) -> None:
    @dataclasses.dataclass
    class Found:
        path: Path
        sizes: tuple[int, ...]

    @app.workflow("json")
    def body(run: Any) -> Any:
        return type(run.call(Found, Path("/x"), (1, 2))).__name__, run.call(Found, Path("/x"), (1, 2))

    assert (await app.execute_workflow("json")).outputs == ["dict", {"path": "/x", "sizes": [1, 2]}]


async def test_a_result_that_can_not_be_recorded_fails_the_run(app: AsyncNexus) -> None:
    @app.workflow("odd")
    def odd(run: Any) -> Any:
        return run.call(object)

    assert "object can't be written as JSON" in str((await app.execute_workflow("odd")).error)


async def test_calls_that_run_together_keep_their_results_apart(app: AsyncNexus) -> None:
    once, order = Once(), []
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        order.append("slow")
        return "slow"

    async def quick() -> str:
        order.append("quick")
        gate.set()
        return "quick"

    @app.workflow("together")
    async def together(run: Any) -> Any:
        results = await asyncio.gather(run.call(slow), run.call(quick))
        once()
        return results

    failed = await app.execute_workflow("together")
    assert (await app.resume_workflow("together", failed.session_id)).outputs == ["slow", "quick"]
    assert order == ["quick", "slow"]


async def test_a_synchronous_call_does_not_block_the_loop_of_an_async_workflow(app: AsyncNexus) -> None:
    loop = asyncio.get_running_loop()

    def needs_the_loop() -> str:
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "free"), loop).result(10)

    @app.workflow("free")
    async def free(run: Any) -> Any:
        return await run.call(needs_the_loop)

    assert (await app.execute_workflow("free")).outputs == "free"


async def test_an_explicit_checkpoint_keeps_the_state_and_counts_once(app: AsyncNexus) -> None:
    once = Once()

    @app.workflow("explicit")
    def explicit(run: Any) -> Any:
        run.state["n"] = run.state.get("n", 0) + 1
        run.checkpoint()
        run.state["lost"] = True
        once()
        run.state.pop("lost")
        return run.state

    failed = await app.execute_workflow("explicit")
    assert (await app.get_session(failed.session_id)).state == {"n": 1}
    assert await checkpoints(app, failed.session_id) == [(1, 0)]
    done = await app.resume_workflow("explicit", failed.session_id)
    assert done.outputs == {"n": 1}
    assert len(await checkpoints(app, failed.session_id)) == 1


async def test_a_checkpoint_inside_a_step_keeps_the_half_of_it_that_is_done(app: AsyncNexus) -> None:
    once = Once()

    @app.workflow("half")
    async def half(run: Any) -> Any:
        async for number in run.steps(range(3)):
            run.state["first"] = run.state.get("first", 0) + 1
            await run.checkpoint()
            if number == 1:
                once()
            run.state["second"] = run.state.get("second", 0) + 1
        return run.state

    failed = await app.execute_workflow("half")
    assert (await app.get_session(failed.session_id)).state == {"first": 2, "second": 1}
    assert failed.step == 1
    done = await app.resume_workflow("half", failed.session_id)
    assert (done.outputs, done.step) == ({"first": 3, "second": 3}, 3)


async def test_each_call_is_an_event_with_the_functions_name(app: AsyncNexus) -> None:
    @app.workflow("named")
    def named(run: Any) -> None:
        run.call(len, [])

    result = await app.execute_workflow("named")
    assert [event.data["name"] for event in await events(app, result.session_id, "run.call")] == ["len"]


async def test_progress_is_shown_while_it_runs_and_the_last_report_is_never_lost(app: AsyncNexus) -> None:
    reported = asyncio.Event()

    @app.workflow("reporting")
    async def reporting(run: Any) -> None:
        await run.progress(1, 200, "begun")
        await asyncio.wait_for(reported.wait(), 10)
        for done in range(2, 201):
            await run.progress(done, 200, "going on")

    @app.on_event
    async def heard(event: Any) -> None:
        if event.type == "run.progress" and event.data["done"] == 1:
            reported.set()

    result = await app.execute_workflow("reporting")
    run = await app.service(app.local_caller("sdk")).get_run(result.session_id)
    assert run is not None
    assert run.progress is not None
    assert (run.progress.done, run.progress.total, run.progress.note) == (200, 200, "going on")
    assert 1 <= len(await events(app, result.session_id, "run.progress")) < 20


@pytest.mark.parametrize(("done", "total", "note"), [("1", None, None), (1, float("nan"), None), (1, 2, 3)])
async def test_progress_that_says_nothing_fails_the_run(app: AsyncNexus, done: Any, total: Any, note: Any) -> None:
    @app.workflow("odd")
    def odd(run: Any) -> None:
        run.progress(done, total, note)

    assert str((await app.execute_workflow("odd")).error).startswith("InvalidInput: progress:")
