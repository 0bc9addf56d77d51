"""State and outputs: merged with what others change, JSON only, bounded."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus
from nexus.workflows.documents import put_back


async def test_a_plain_workflow_commits_its_state_when_it_ends(app: AsyncNexus) -> None:
    @app.workflow("multi-step-process")
    def multi_step(run: Any, step: int, data: str = "") -> dict[str, Any]:
        run.state.setdefault("steps", []).append(step)
        return {"steps": run.state["steps"]}

    session_id = await app.create_session()
    for step in (1, 2, 3):
        result = await app.execute_workflow("multi-step-process", session_id, {"step": step})
    assert result.outputs == {"steps": [1, 2, 3]}
    assert (await app.get_session(session_id)).state == {"steps": [1, 2, 3]}


async def test_patches_of_others_during_a_run_are_kept_and_seen_by_it(app: AsyncNexus) -> None:
    seen = []

    @app.workflow("patched")
    async def patched(run: Any) -> None:
        async for number in run.steps(range(3)):
            seen.append(run.state.get("theirs"))
            await app.update_session(run.session_id, {"theirs": number, "both": "theirs", "gone": None})
            run.state["mine"] = number
            run.state["both"] = f"mine {number}"

    session_id = await app.create_session(state={"gone": 1, "still": 2})
    await app.execute_workflow("patched", session_id)
    assert seen == [None, 0, 1]
    assert (await app.get_session(session_id)).state == {"still": 2, "theirs": 2, "both": "mine 2", "mine": 2}


async def test_a_failed_run_leaves_patches_of_others_alone(app: AsyncNexus) -> None:
    @app.workflow("failing")
    async def failing(run: Any) -> None:
        run.state["mine"] = 1
        await app.update_session(run.session_id, {"theirs": 1})
        raise RuntimeError

    result = await app.execute_workflow("failing")
    assert (await app.get_session(result.session_id)).state == {"theirs": 1}


async def test_the_log_of_a_failed_run_has_no_control_codes(app: AsyncNexus, caplog: pytest.LogCaptureFixture) -> None:
    @app.workflow("coloured")
    async def coloured(run: Any) -> None:
        raise RuntimeError("bad \x1b[31m é\nsecond line")

    result = await app.execute_workflow("coloured")
    assert result.error == "RuntimeError: bad \x1b[31m é\nsecond line"
    assert caplog.messages[-1].endswith(r"RuntimeError: bad \x1b[31m é\nsecond line")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), "state.deep.x[1]"),
        (object(), "state.deep.x[1]"),
        (Path("/x"), "state.deep.x[1]"),
        ({1: 2}, "state.deep.x[1]"),
        ("\ud800", "state.deep.x[1]"),
    ],
)
async def test_state_that_is_not_json_fails_the_run_and_names_the_path(app: AsyncNexus, value: Any, path: str) -> None:
    @app.workflow("bad-step")
    def bad_step(run: Any) -> None:
        for number in run.steps(range(3)):
            run.state["n"] = number
            if number == 1:
                run.state["deep"] = {"x": [0, value]}

    @app.workflow("bad-end")
    async def bad_end(run: Any) -> None:
        run.state["deep"] = {"x": [0, value]}

    for name, step, state in (("bad-step", 1, {"n": 0}), ("bad-end", 0, {})):
        result = await app.execute_workflow(name)
        assert result.status is RunStatus.FAILED
        assert path in str(result.error)
        assert result.step == step
        assert (await app.get_session(result.session_id)).state == state


async def test_integers_of_any_size_key_order_and_empty_lists_come_back_as_they_went_in(app: AsyncNexus) -> None:
    value = {"z": 2**100, "a": [], "m": {"y": {}, "b": -(2**70)}, "f": 1.0}

    @app.workflow("exact")
    def exact(run: Any) -> Any:
        run.state.update(value)
        return value

    result = await app.execute_workflow("exact")
    state = (await app.get_session(result.session_id)).state
    assert repr(state) == repr(value) == repr(result.outputs)


async def test_a_state_over_the_limit_fails_the_run_with_what_was_kept(store: str) -> None:
    async with AsyncNexus(store=store, max_state_bytes=1000) as app:

        @app.workflow("large")
        def large(run: Any) -> None:
            for number in run.steps(range(20)):
                run.state[f"key{number}"] = "x" * 100

        result = await app.execute_workflow("large")
        assert "over the limit of 1,000" in str(result.error)
        assert 0 < result.step < 10
        assert len((await app.get_session(result.session_id)).state) == result.step


async def test_outputs_over_the_limit_fail_the_run(store: str) -> None:
    async with AsyncNexus(store=store, max_state_bytes=1000) as app:

        @app.workflow("large")
        def large() -> str:
            return "x" * 2000

        result = await app.execute_workflow("large")
        assert (result.status, result.outputs) == (RunStatus.FAILED, None)
        assert "outputs is 2,002 bytes" in str(result.error)


@dataclasses.dataclass
class Point:
    x: int
    where: Path


async def test_outputs_may_be_what_stands_for_json(app: AsyncNexus) -> None:
    @app.workflow("converted")
    async def converted() -> Any:
        return {"at": datetime(2026, 1, 2, tzinfo=UTC), "points": [Point(1, Path("/x"))]}

    result = await app.execute_workflow("converted")
    assert result.outputs == {"at": "2026-01-02T00:00:00Z", "points": [{"x": 1, "where": "/x"}]}


@pytest.mark.parametrize("value", [object(), {"x": float("inf")}, {"x": lambda: 1}])
async def test_outputs_that_are_not_json_fail_the_run(app: AsyncNexus, value: Any) -> None:
    @app.workflow("bad")
    def bad(run: Any) -> Any:
        for _ in run.steps([1, 2]):
            run.state["n"] = run.state.get("n", 0) + 1
        return value

    result = await app.execute_workflow("bad")
    assert result.status is RunStatus.FAILED
    assert "outputs" in str(result.error)
    assert (result.step, (await app.get_session(result.session_id)).state) == (2, {"n": 2})


async def test_the_run_tells_where_it_runs_and_for_whom(app: AsyncNexus) -> None:
    @app.workflow("told")
    def told(run: Any, size: int) -> Any:
        return [run.session_id, run.run_id, run.workflow, run.channel, run.inputs, run.step, run.cancelled]

    result = await app.execute_workflow("told", inputs={"size": 3})
    assert result.outputs == [result.session_id, result.run_id, "told", "sdk", {"size": 3}, 0, False]


async def test_state_may_be_replaced_as_a_whole(app: AsyncNexus) -> None:
    @app.workflow("replaced")
    def replaced(run: Any) -> None:
        run.state = {"new": 1}

    session_id = await app.create_session(state={"old": 1})
    await app.execute_workflow("replaced", session_id)
    assert (await app.get_session(session_id)).state == {"new": 1}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_whatever_a_body_raises_fails_its_run_and_nothing_else(
    app: AsyncNexus, kind: str, error: BaseException
) -> None:
    def sync() -> None:
        raise error

    async def asynchronous() -> None:
        raise error

    app.register(sync if kind == "sync" else asynchronous, "raising")
    result = await app.execute_workflow("raising")
    assert result.status is RunStatus.FAILED
    assert str(result.error).startswith(type(error).__name__)


async def test_a_workflow_that_forgets_to_be_async_is_told_so(app: AsyncNexus) -> None:
    async def inner() -> None: ...

    @app.workflow("forgetful")
    def forgetful() -> Any:
        return inner()

    assert "async def" in str((await app.execute_workflow("forgetful")).error)


def test_putting_back_keeps_the_objects_that_stand_for_the_same() -> None:
    state: dict[str, Any] = {"a": {"b": [1, {"c": 1}]}, "gone": 1, "kind": {"x": 1}}
    inner, items, deep = state["a"], state["a"]["b"], state["a"]["b"][1]
    source = {"kind": [1], "a": {"b": [0, {"c": 2}, 3]}}
    put_back(state, source)
    assert state == source
    assert list(state) == ["kind", "a"]
    assert state["a"] is inner
    assert inner["b"] is items
    assert items[1] is deep
