"""A commit of a run whose answer is lost, and given up on, is done once; and no run fails because its store is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.model import RunStatus, Status
from nexus.stores.base import Change, Committed, Conflict, Message
from nexus.stores.memory import MemoryStore
from tests.core.workflows.support import PATIENCE, checkpoints, ended, events, until

COMMITS = ("run.call", "run.step", "run.received", "run.suspended", "run.completed", "run.failed")
"""The kinds of commits that a run makes, by an event of each."""


class Lossy(MemoryStore):
    """Loses the answer to one commit and gives up on it.

    Args:
        kind: The type of an event of that commit.
        how: ``done``: it was done. ``undone``: it never is. ``late``: it is done right before whatever is sent next.
    """

    def __init__(self, kind: str = "", how: str = "done") -> None:
        super().__init__()
        self.kind, self.how = kind, how
        self.away = False
        self.lost = 0
        self._late: tuple[Change, ...] = ()

    async def commit(self, *changes: Change) -> Committed:
        self._answer()
        if self._late:
            late, self._late = self._late, ()
            try:
                await super().commit(*late)
            except Conflict:
                pytest.fail("nothing can have come in between")
        if self.lost or not any(event.type == self.kind for change in changes for event in change.events):
            return await super().commit(*changes)
        self.lost += 1
        if self.how == "done":
            await super().commit(*changes)
        if self.how == "late":
            self._late = changes
        raise StoreUnavailable("no answer came")

    async def inbox(self, session_id: str) -> list[Message]:
        self._answer()
        return await super().inbox(session_id)

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")


@asynccontextmanager
async def an_app(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[AsyncNexus]:
    """An app on that store, with a workflow that commits in every way."""
    monkeypatch.setattr("nexus.partition.open_store", lambda *_, **__: store)
    app = AsyncNexus(store="memory://", **settings)

    @app.workflow("everything")
    async def everything(run: Any, fails: bool = False) -> dict[str, Any]:
        run.state["called"] = await run.call(lambda: 7)
        async for number in run.steps(range(3)):
            run.state["sum"] = run.state.get("sum", 0) + number
        await run.checkpoint()
        first = await run.wait_for("here already")
        second = await run.wait_for("later")
        if fails:
            raise ValueError("as asked")
        return {"first": first, "second": second, **run.state}

    async with app:
        yield app


async def story(app: AsyncNexus, *, fails: bool = False) -> list[tuple[str, int | None]]:
    """Run it; what happened in the session, with the version that each event was committed with."""
    await app.create_session(session_id="s1")
    await app.signal_session("s1", "here already", 1)
    result = await app.execute_workflow("everything", "s1", {"fails": fails})
    assert result.status is RunStatus.SUSPENDED
    await app.signal_session("s1", "later", 2)
    result = await ended(app, result)
    if fails:
        assert (result.status, result.error) == (RunStatus.FAILED, "ValueError: as asked")
    else:
        assert result.outputs == {"first": 1, "second": 2, "called": 7, "sum": 3}
    session = await app.get_session("s1")
    assert session.status is (Status.FAILED if fails else Status.ACTIVE)
    assert await app.store.inbox("s1") == []
    return [(event.type, event.version) for event in await events(app, "s1")]


@pytest.mark.parametrize("how", ["done", "undone", "late"])
@pytest.mark.parametrize("kind", COMMITS)
async def test_a_commit_of_a_run_whose_answer_is_lost_is_done_once(
    kind: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = kind == "run.failed"
    async with an_app(MemoryStore(), monkeypatch) as app:
        undisturbed = await story(app, fails=fails)
        kept = await checkpoints(app, "s1")
    store = Lossy(kind, how)
    async with an_app(store, monkeypatch) as app:
        assert await story(app, fails=fails) == undisturbed
        assert await checkpoints(app, "s1") == kept
    assert store.lost == 1


@pytest.mark.parametrize("how", ["done", "undone", "late"])
async def test_a_report_whose_answer_is_lost_is_made_once(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Lossy("run.progress", how)
    async with an_app(store, monkeypatch) as app:

        @app.workflow("telling")
        async def telling(run: Any) -> None:
            run.progress(1, 2)
            async with asyncio.timeout(PATIENCE):
                while not [event for event in await events(app, "s1") if event.type == "run.progress"]:
                    await asyncio.sleep(0.01)

        await app.execute_workflow("telling", "s1")
        assert len(await events(app, "s1", "run.progress")) == 1
    assert store.lost == 1


@pytest.mark.parametrize("how", ["done", "undone", "late"])
async def test_a_run_is_handed_over_once_when_the_answer_is_lost(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Lossy("run.released", how)
    monkeypatch.setattr(Lossy, "__aexit__", _stay_open)
    async with an_app(store, monkeypatch) as app:

        @app.workflow("long")
        async def long(run: Any) -> None:
            async for _ in run.steps(range(1_000_000)):
                await asyncio.sleep(0)

        result = await app.execute_workflow("long", "s1", background=True)
        await until(app, "s1", lambda session: session.step > 3)
        await app.close()
        released = [event for event in await store.list_events(limit=10_000_000) if event.type == "run.released"]
        assert len(released) == 1
        snapshot = await store.load(result.session_id)
        assert snapshot is not None
        assert snapshot.run is not None
        assert (snapshot.run.status, snapshot.run.worker) == (RunStatus.IN_PROGRESS, "")
    assert store.lost == 1


async def _stay_open(*_: object) -> None:
    """A test looks into the store after its app is closed."""


def _before_a_wait(run: Any, away: Callable[[], None]) -> Any:
    away()
    return run.wait_for("go")


def _before_a_step(run: Any, away: Callable[[], None]) -> Any:
    async def steps() -> str:
        async for number in run.steps(range(3)):
            if number == 1:
                away()
        return "payload"

    return steps()


@pytest.mark.parametrize("then", [_before_a_wait, _before_a_step])
async def test_a_store_that_is_away_for_longer_than_runs_wait_fails_none(
    then: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Lossy()
    async with an_app(store, monkeypatch, recovery_interval=0.3) as app:
        lives = 0
        left = asyncio.Event()

        @app.workflow("patient")
        async def patient(run: Any) -> Any:
            nonlocal lives
            lives += 1
            try:
                return await then(run, lambda: setattr(store, "away", lives == 1))
            finally:
                left.set()

        await app.create_session(session_id="s1")
        await app.signal_session("s1", "go", "payload")
        running = asyncio.create_task(app.execute_workflow("patient", "s1"))
        async with asyncio.timeout(PATIENCE):
            await left.wait()
            store.away = False
            assert (await running).outputs == "payload"
        assert lives == 2
        assert (await app.get_session("s1")).status is Status.ACTIVE
