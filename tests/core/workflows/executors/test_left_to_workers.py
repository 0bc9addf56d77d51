"""A process that leaves all runs to workers answers as one that executes them itself."""

from __future__ import annotations

import asyncio
import os
import signal

import httpx
import pytest

from nexus.errors import InvalidInput, SessionBusy, WaitTimeout, WorkflowNotFound
from nexus.model import RunStatus, Status
from tests.core.workflows.executors.crew import Place, at_work, end_of, me
from tests.core.workflows.support import PATIENCE, ended, until
from tests.running import free_port, wait_until_ready


async def test_calls_wait_for_what_a_worker_makes_of_them(place: Place) -> None:
    async with place.watcher() as server:
        with place.process("worker") as worker:
            await at_work(server, worker)
            done = await server.execute_workflow("sum", "mine", {"count": 5})
            assert (done.status, done.outputs, done.step) == (RunStatus.COMPLETED, 10, 5)
            assert (await server.execute_workflow("pid")).outputs == worker.pid
            failed = await server.execute_workflow("raises")
            assert (failed.status, failed.error) == (RunStatus.FAILED, "ValueError: no luck")
            asked = await server.execute_workflow("approve")
            assert asked.status is RunStatus.SUSPENDED
            await server.signal_session(asked.session_id, "go", 1)
            await until(server, asked.session_id, lambda session: session.status is Status.ACTIVE)
            assert (await ended(server, asked)).outputs == [1, worker.pid, worker.pid]
            again = await server.resume_workflow("raises", failed.session_id)
            assert (again.status, again.run_id) == (RunStatus.FAILED, failed.run_id)
            with pytest.raises(InvalidInput):
                await server.execute_workflow("sum", inputs={"cuont": 5})
            with pytest.raises(WorkflowNotFound):
                await server.execute_workflow("unknown")
            assert me() not in {entry.pid for entry in await server.store.workers()}


async def test_each_caller_gets_its_own_outcome_though_runs_follow_each_other_at_once(place: Place) -> None:
    async with place.watcher() as server:
        with place.process("worker") as worker:
            await at_work(server, worker)
            for _ in range(3):
                await server.execute_workflow("sum", "mine", {"count": 2, "pace": 0}, background=True)
            calls = (server.execute_workflow("sum", "mine", {"count": 2, "pace": 0}) for _ in range(10))
            results = await asyncio.gather(*calls)
            assert len({result.run_id for result in results}) == 10
            assert len({int(result.outputs) for result in results}) == 10
            kept = [await server.store.claim(f"idem:mine:\t{result.run_id}") for result in results]
            assert set(kept) == {None}


async def test_a_key_is_answered_and_a_busy_session_refused_as_ever(place: Place) -> None:
    async with place.watcher() as server, place.watcher(session_lock_timeout=0.3) as impatient:
        with place.process("worker") as worker:
            await at_work(server, worker)
            calls = (server.execute_workflow("sum", "mine", {"count": 5}, idempotency_key="once") for _ in range(4))
            results = await asyncio.gather(*calls)
            assert {result.run_id for result in results} == {results[0].run_id}
            assert place.begun()["mine"] == [0, 1, 2, 3, 4]
            await server.execute_workflow("sum", "busy", {"count": 10_000}, background=True)
            await until(server, "busy", lambda session: session.step >= 1)
            with pytest.raises(SessionBusy):
                await impatient.execute_workflow("pid", "busy")
            await server.end_session("busy")


async def test_where_no_worker_is_calls_are_told_so_and_background_runs_wait(place: Place) -> None:
    async with place.watcher(session_lock_timeout=0.2) as server:
        with pytest.raises(WaitTimeout) as refused:
            await server.execute_workflow("pid", "mine")
        assert "start nexus worker" in refused.value.message
        assert (await server.get_session("mine")).run_id is None
        waiting = await server.execute_workflow("pid", "mine", background=True)
        with place.process("worker") as worker:
            assert (await ended(server, waiting)).outputs == worker.pid


async def test_a_call_whose_worker_died_and_left_none_is_told_so_and_the_run_waits(place: Place) -> None:
    async with place.watcher(session_lock_timeout=0.5) as server:
        with place.process("worker") as worker:
            await at_work(server, worker)
            await server.create_session(session_id="mine")
            call = asyncio.create_task(server.execute_workflow("async-sum", "mine", {"count": 40, "pace": 0.02}))
            await until(server, "mine", lambda session: session.step >= 3)
            worker.kill()
            await end_of(worker)
        with pytest.raises(WaitTimeout) as told:
            await call
        assert "goes on when one is started" in told.value.message
        with place.process("worker"):
            session = await until(server, "mine", lambda session: session.status is Status.ACTIVE)
        assert session.state["sum"] == sum(range(40))


async def test_a_server_without_a_worker_serves_what_a_worker_executes(place: Place) -> None:
    port = free_port()
    with (
        place.process("serve", "--no-worker", "--port", str(port)) as server,
        place.process("worker", "--concurrency", "3", "--grace", "2") as worker,
    ):
        url = f"http://127.0.0.1:{port}"
        await asyncio.to_thread(wait_until_ready, url, server)
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            answers = await asyncio.gather(*(client.post("/workflows/pid/execute", json={}) for _ in range(8)))
            assert {answer.json()["outputs"] for answer in answers} == {worker.pid}
            asked = await client.post("/workflows/sum/execute", json={"session_id": "mine", "inputs": {"count": 4}})
            assert (asked.status_code, asked.json()["outputs"]) == (200, 6)
            left = await client.post("/workflows/pid/execute", json={"session_id": "left", "background": True})
            assert left.status_code == 202
        server.send_signal(signal.SIGTERM)
        worker.send_signal(signal.SIGTERM)
        assert (await end_of(server), await end_of(worker)) == (0, 0)


async def test_a_store_in_memory_can_leave_nothing_to_workers(place: Place) -> None:
    with pytest.raises(InvalidInput) as refused:
        async with place.app().derive(store="memory://", embedded_worker=False):
            pass
    assert refused.value.details["field"] == "embedded_worker"
    assert os.getpid() == me()
