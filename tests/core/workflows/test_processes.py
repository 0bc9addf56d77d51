"""Runs and real processes: those that die, those that hang, and those that know other workflows."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from nexus import AsyncNexus, Nexus
from nexus.errors import WorkflowNotFound
from nexus.lifecycle import runs
from nexus.model import RunStatus, Status, Worker
from nexus.testing import FakeClock
from nexus.workflows.executors.liveness import is_dead, surely_dead, this_process
from nexus.workflows.executors.local import LocalExecutor
from tests.core.workflows.support import PATIENCE, ended, events, lines, note, start, until

DIES = """
import asyncio, os, sys
from nexus import AsyncNexus, Nexus

async def main(url, session, log, at):
    app = AsyncNexus(store=url, recovery_interval=600)

    @app.workflow("count", checkpoint_interval=3)
    async def count(run):
        async for number in run.steps(range(10)):
            with open(log, "a") as file:
                file.write(f"{number}\\n")
            run.state["sum"] = run.state.get("sum", 0) + number
            if number == int(at):
                os._exit(9)
        return run.state["sum"]

    async with app:
        await app.start()
        if session != "-":
            await app.execute_workflow("count", session)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""

HANGS = """
import asyncio, sys
from pathlib import Path
from nexus import AsyncNexus, Nexus

async def main(url, session, log, gate):
    app = AsyncNexus(store=url, recovery_interval=0.6)

    @app.workflow("count")
    def count(run):
        for number in run.steps(range(6)):
            with open(log, "a") as file:
                file.write(f"{number}\\n")
            run.state["by"] = "zombie"
            if number == 3:
                with open(gate) as opened:
                    opened.read()
        return "zombie"

    async with app:
        result = await app.execute_workflow("count", session)
        print(result.outputs, result.run_id, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""

SIGNALS = """
import asyncio, sys
from nexus import AsyncNexus, Nexus

async def main(url, session):
    async with AsyncNexus(store=url) as app:
        await app.signal_session(session, "go", {"from": "elsewhere"})

asyncio.run(main(*sys.argv[1:]))
"""

WORKS = """
import asyncio, os, sys
from nexus import AsyncNexus, Nexus

async def main(url):
    app = AsyncNexus(store=url)
    app.register(lambda size: [size, os.getpid()], "elsewhere")
    async with app:
        await app.start()
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def gone(process: subprocess.Popen[str]) -> int:
    return await asyncio.to_thread(process.wait, PATIENCE)


def counting(app: AsyncNexus, log: Path) -> None:
    @app.workflow("count", checkpoint_interval=3)
    async def count(run: Any) -> Any:
        async for number in run.steps(range(10)):
            note(log, number)
            run.state["sum"] = run.state.get("sum", 0) + number
        return run.state["sum"]


def local(app: AsyncNexus) -> LocalExecutor:
    executor = app.parts.executor
    assert isinstance(executor, LocalExecutor)
    return executor


async def test_a_run_whose_process_died_is_taken_over_at_once_on_this_machine(store: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with AsyncNexus(store=store, recovery_interval=600) as app:
        counting(app, log)
        await app.start()
        assert await gone(start(DIES, store, "mine", log, 7)) == 9
        session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
        assert (session.state, session.step) == ({"sum": 45}, 10)
        assert lines(log) == [str(n) for n in (*range(8), 6, 7, 8, 9)]
        recovered = (await events(app, "mine", "run.recovered"))[0]
        assert recovered.data["step"] == 6
        assert len(await app.store.workers()) == 1


async def test_a_run_that_kills_every_process_fails_as_poisoned(store: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for wanted in ("mine", "-", "-"):
        assert await gone(start(DIES, store, wanted, log, 4)) == 9
    async with AsyncNexus(store=store) as app:
        counting(app, log)
        await app.start()
        session = await until(app, "mine", lambda session: session.status is Status.FAILED)
        assert str(session.error).startswith("poisoned: 3 processes")
        assert (session.step, session.state) == (3, {"sum": 3})
        assert lines(log) == [str(n) for n in (0, 1, 2, 3, 4, 3, 4, 3, 4)]


async def test_a_process_that_hung_and_wakes_up_commits_nothing(store: str, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    os.mkfifo(gate)
    async with AsyncNexus(store=store, recovery_interval=0.6) as app:

        @app.workflow("count")
        async def count(run: Any) -> str:
            async for _ in run.steps(range(6)):
                run.state["by"] = "successor"
            return "successor"

        await app.create_session(session_id="mine")
        zombie = start(HANGS, store, "mine", log, gate)
        try:
            await until(app, "mine", lambda session: session.step == 3)
            zombie.send_signal(signal.SIGSTOP)
            await app.start()
            session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
            zombie.send_signal(signal.SIGCONT)
            await asyncio.to_thread(gate.write_text, "go on")
            output, _ = await asyncio.to_thread(zombie.communicate, None, PATIENCE)
        finally:
            zombie.kill()
        assert output.split() == ["successor", session.run_id]
        after = await app.get_session("mine")
        assert (after.version, after.state, after.step) == (session.version, {"by": "successor"}, 6)
        assert lines(log) == ["0", "1", "2", "3"]


async def test_a_signal_from_another_process_wakes_a_run(store: str) -> None:
    async with AsyncNexus(store=store) as app:

        @app.workflow("waiting")
        async def waiting(run: Any) -> Any:
            return await run.wait_for("go")

        result = await app.execute_workflow("waiting")
        assert await gone(start(SIGNALS, store, result.session_id)) == 0
        assert (await ended(app, result)).outputs == {"from": "elsewhere"}


async def test_a_background_run_of_a_workflow_that_only_another_process_knows_is_done_there(store: str) -> None:
    async with AsyncNexus(store=store) as app:
        await app.start()
        with pytest.raises(WorkflowNotFound):
            await app.execute_workflow("elsewhere", inputs={"size": 5}, background=True)
        worker = start(WORKS, store)
        try:
            assert worker.stdout is not None
            assert await asyncio.to_thread(worker.stdout.readline) == "ready\n"
            with pytest.raises(WorkflowNotFound):
                await app.execute_workflow("elsewhere", inputs={"size": 5})
            result = await app.execute_workflow("elsewhere", inputs={"size": 5}, background=True)
            assert (await ended(app, result)).outputs == [5, worker.pid]
            wrong = await app.execute_workflow("elsewhere", inputs={"sise": 5}, background=True)
            assert "did you mean 'size'" in str((await ended(app, wrong)).error)
        finally:
            worker.kill()
            await gone(worker)


def stranger(**fields: Any) -> Worker:
    known: dict[str, Any] = {
        "id": "work_stranger", "host": "elsewhere", "boot_id": "another", "pid": 1, "pid_start": "1", "started_at": 0.0,
    }  # fmt: skip
    return Worker(**{**known, **fields})


async def hold(app: AsyncNexus, session_id: str, worker: str) -> None:
    """Give the session a run that ``worker`` holds and nobody executes."""
    begin = partial(runs.start, run_id="run_x", workflow="count", inputs_json=b"{}", worker=worker)
    await app.parts.engine.apply(session_id, begin, app.local_caller("sdk"))


async def test_a_run_of_another_machine_is_left_alone_for_its_lease_and_then_taken_over(
    app: AsyncNexus, tmp_path: Path
) -> None:
    counting(app, tmp_path / "log")
    await app.store.beat(stranger(), 600)
    await app.create_session(session_id="mine")
    await hold(app, "mine", "work_stranger")
    await app.start()
    await local(app)._recovery.look()
    assert (await app.get_session("mine")).status is Status.IN_PROGRESS
    await app.store.beat(stranger(), 0)
    session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
    assert session.state == {"sum": 45}
    assert [event.type for event in await events(app, "mine", "run.recovered")] == ["run.recovered"]


async def test_a_dead_worker_stays_listed_while_a_run_of_it_is_left_that_nobody_here_knows(
    app: AsyncNexus, tmp_path: Path
) -> None:
    await app.create_session(session_id="mine")
    await hold(app, "mine", "work_stranger")
    await app.store.beat(stranger(), 0)
    await app.start()
    await local(app)._recovery.look()
    assert "work_stranger" in {worker.id for worker in await app.store.workers()}
    counting(app, tmp_path / "log")
    await until(app, "mine", lambda session: session.status is Status.ACTIVE)
    await local(app)._recovery.look()
    assert "work_stranger" not in {worker.id for worker in await app.store.workers()}


async def test_a_resume_takes_the_run_of_a_dead_process_over(app: AsyncNexus, tmp_path: Path) -> None:
    counting(app, tmp_path / "log")
    await app.create_session(session_id="mine")
    await hold(app, "mine", "work_nobody")
    done = await app.resume_workflow("count", "mine")
    assert (done.status, done.run_id, done.outputs) == (RunStatus.COMPLETED, "run_x", 45)


async def test_a_run_that_this_process_has_lost_sight_of_is_taken_up_again(tmp_path: Path) -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:
        counting(app, tmp_path / "log")
        await app.start()
        await app.create_session(session_id="mine")
        await hold(app, "mine", await local(app).enlist())
        await local(app)._recovery.reclaim()
        assert (await app.get_session("mine")).status is Status.IN_PROGRESS
        clock.advance(31)
        await local(app)._recovery.reclaim()
        session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
        assert session.state == {"sum": 45}


def test_a_process_is_known_dead_only_where_that_is_certain() -> None:
    me = this_process()
    here = stranger(host=me.host, boot_id=me.boot_id, pid=me.pid, pid_start=me.pid_start)
    child = subprocess.Popen(["true"])
    child.wait()
    assert not surely_dead(here)
    assert surely_dead(replace(here, pid_start="1"))
    assert surely_dead(replace(here, pid=child.pid))
    assert surely_dead(replace(here, pid=child.pid, pid_start=""))
    assert not surely_dead(replace(here, pid_start=""))
    assert not surely_dead(stranger())
    assert not surely_dead(replace(here, pid=child.pid, boot_id="another"))
    assert is_dead(replace(stranger(), alive=False))
    assert not is_dead(stranger())


async def test_a_run_in_line_is_found_though_the_process_that_finished_the_one_before_died_at_once(
    store: str, tmp_path: Path
) -> None:
    async with AsyncNexus(store=store, recovery_interval=0.3) as app:
        counting(app, tmp_path / "log")
        await app.create_session(session_id="mine")
        await app.store.beat(stranger(), 600)
        await hold(app, "mine", "work_stranger")
        queued = await app.execute_workflow("count", "mine", background=True)
        before = (await app.parts.engine.load("mine")).session
        work = runs.Work(state_json=b"{}", base_json=b"{}", step=0)
        lease = runs.Lease(session_id="mine", run_id="run_x", epoch=before.epoch)
        finish = partial(runs.finish, rules=app.parts.engine.rules, lease=lease, work=work, outputs_json=b"1")
        await app.parts.engine.apply("mine", finish, app.local_caller("sdk"))
        assert (await ended(app, queued)).outputs == 45


async def test_runs_that_nobody_here_knows_do_not_hide_those_behind_them(app: AsyncNexus, tmp_path: Path) -> None:
    begin = partial(runs.start, workflow="unknown", inputs_json=b"{}", worker="")
    for number in range(150):
        await app.create_session(session_id=f"other-{number}")
        await app.parts.engine.apply(f"other-{number}", partial(begin, run_id=f"run_{number}"), app.local_caller("sdk"))
    counting(app, tmp_path / "log")
    await app.create_session(session_id="mine")
    await hold(app, "mine", "")
    session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
    assert session.state == {"sum": 45}


def test_a_plain_workflow_may_run_others_by_the_synchronous_face(store: str) -> None:
    with Nexus(store=store) as app:

        @app.workflow("outer")
        def outer(depth: int) -> int:
            return 1 + int(app.execute_workflow("outer", inputs={"depth": depth - 1}).outputs) if depth else 0

        assert app.execute_workflow("outer", inputs={"depth": 3}).outputs == 3
