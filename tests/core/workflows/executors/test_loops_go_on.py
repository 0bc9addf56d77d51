"""What a process does again and again goes on after one turn that failed in a way that nobody foresaw."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import RunStatus, Status
from nexus.testing.builders import a_run, a_session, a_worker, creating
from nexus.workflows.executors.queue import Queue
from nexus.workflows.executors.recovery import Recovery
from tests.core.workflows.support import PATIENCE


class Failing:
    """Stands before a method of a store: the first call of a turn raises, those after it reach the store."""

    def __init__(self, store: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = getattr(store, name)
        self._failed = asyncio.Event()
        self.went_on = asyncio.Event()
        monkeypatch.setattr(store, name, self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise what is no error of Nexus, once."""
        if not self._failed.is_set():
            self._failed.set()
            raise OSError(28, "No space left on device")
        answer = await self._real(*args, **kwargs)
        self.went_on.set()
        return answer


@pytest.mark.parametrize("called", ["beat", "workers", "due", "read_events"])
async def test_a_turn_that_fails_is_followed_by_others(
    called: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncNexus(store=store, recovery_interval=0.3, session_cleanup_interval=0.1) as app:
        await app.start()
        failing = Failing(app.store, called, monkeypatch)
        await app.create_session(session_id="wakes-the-tail")
        async with asyncio.timeout(PATIENCE):
            await failing.went_on.wait()


async def test_a_look_for_waiting_runs_that_failed_is_followed_by_others(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncNexus(store=store) as app:
        failing = Failing(app.store, "runs_of", monkeypatch)
        queue = asyncio.create_task(Queue(app.store, _nothing, lambda: True, 0.1).run())
        async with asyncio.timeout(PATIENCE):
            await failing.went_on.wait()
        queue.cancel()


async def test_one_run_that_can_not_be_taken_over_keeps_no_other_from_it(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    async def take(session_id: str, _worker: str) -> None:
        if session_id == "bad":
            raise ValueError("a run that nobody can read")
        taken.append(session_id)

    async with AsyncNexus(store=store, embedded_worker=False) as app:
        await app.store.beat(a_worker("dead"), 0.0)
        monkeypatch.setattr(app.store, "runs_of", _two_runs)
        await Recovery(app.parts.engine, "me", take, lambda _session: False).look()
    assert taken == ["good"]


async def _nothing(_session_id: str) -> None: ...


async def _two_runs(_worker: str, _limit: int) -> list[str]:
    return ["bad", "good"]


async def test_a_run_that_a_worker_begins_while_it_is_being_forgotten_is_taken_over(store: str) -> None:
    taken: list[tuple[str, str]] = []

    async def take(session_id: str, worker: str) -> None:
        taken.append((session_id, worker))

    async with AsyncNexus(store=store, embedded_worker=False) as app:
        recovery = Recovery(app.parts.engine, "me", take, lambda _session: False)
        await app.store.beat(a_worker("cut-off"), 0.0)
        await recovery.look()
        assert await app.store.workers() == []
        run = a_run("late", status=RunStatus.IN_PROGRESS, worker="cut-off")
        await app.store.commit(creating(a_session("late", status=Status.IN_PROGRESS, run_id=run.id), run))
        for _ in range(2):
            await recovery.look()
    assert taken == [("late", "cut-off")]


async def test_a_run_of_a_worker_that_nobody_lists_is_taken_over_and_ends(store: str) -> None:
    app = AsyncNexus(store=store, recovery_interval=0.3)

    @app.workflow("add")
    async def add(run: Any) -> int:
        async for number in run.steps(range(3)):
            run.state["n"] = number
        return int(run.state["n"])

    async with app:
        run = a_run(
            "lost", status=RunStatus.IN_PROGRESS, workflow="add", inputs_json=b"{}", worker="forgotten", epoch=1
        )
        session = a_session("lost", status=Status.IN_PROGRESS, run_id=run.id, workflow="add", epoch=1)
        await app.store.commit(creating(session, run))
        assert await app.store.holders() == {"forgotten"}
        await app.start()
        async with asyncio.timeout(PATIENCE):
            while (await app.get_session("lost")).status is not Status.ACTIVE:
                await asyncio.sleep(0.02)
        assert (await app.get_session("lost")).state == {"n": 2}


async def test_a_worker_that_was_forgotten_and_is_listed_again_keeps_its_runs(store: str) -> None:
    taken: list[str] = []

    async def take(session_id: str, _worker: str) -> None:
        taken.append(session_id)

    async with AsyncNexus(store=store, embedded_worker=False, recovery_interval=0.001) as app:
        recovery = Recovery(app.parts.engine, "me", take, lambda _session: False)
        run = a_run("s", status=RunStatus.IN_PROGRESS, worker="cut-off")
        await app.store.commit(creating(a_session("s", status=Status.IN_PROGRESS, run_id=run.id), run))
        await recovery.adopt()
        await app.store.beat(a_worker("cut-off"), 3600.0)
        for _ in range(3):
            await recovery.adopt()
        assert taken == []
        await app.store.forget_worker("cut-off")
        async with asyncio.timeout(PATIENCE):
            while not taken:
                await recovery.adopt()
                await asyncio.sleep(0.001)
    assert taken == ["s"]
