"""What holds for every executor, with real processes: those that die, hang, stop, and leave their work to others."""

from __future__ import annotations

import asyncio
import signal

import pytest

from nexus.errors import SessionBusy
from nexus.model import RunStatus, Status
from tests.core.workflows.executors.crew import Place, at_work, end_of, holder, me, none_skipped, working
from tests.core.workflows.support import PATIENCE, ended, events, until

KINDS = {"sum": 1, "async-sum": 3}


async def test_runs_of_a_killed_process_go_on_elsewhere_and_no_step_is_skipped(place: Place) -> None:
    async with place.watcher() as watcher:
        with place.process("worker", recovery_interval=600) as victim:
            await at_work(watcher, victim)
            names = [f"{kind}-{number}" for kind in KINDS for number in range(2)]
            for name in names:
                kind = name.rpartition("-")[0]
                await watcher.execute_workflow(kind, name, {"count": 30}, background=True)
            for name in names:
                await until(watcher, name, lambda session: session.step >= 6)
            victim.kill()
            await end_of(victim)
        async with working(place) as app:
            for name in names:
                session = await until(app, name, lambda session: session.status is Status.ACTIVE)
                assert (session.state["sum"], session.step) == (sum(range(30)), 30)
                assert session.state["by"][-1] == me()
                none_skipped(place.begun()[name], 30, KINDS[name.rpartition("-")[0]])
                assert len(await events(app, name, "run.recovered")) == 1
            assert [worker.pid for worker in await app.store.workers()] == [me()]


async def test_a_process_that_was_frozen_and_thawed_commits_nothing(place: Place) -> None:
    async with place.watcher() as watcher:
        with place.process("worker", recovery_interval=1) as zombie:
            await at_work(watcher, zombie)
            await watcher.execute_workflow("sum", "mine", {"count": 40, "pace": 0.02}, background=True)
            await until(watcher, "mine", lambda session: session.step >= 2)
            zombie.send_signal(signal.SIGSTOP)
            before = len(place.begun()["mine"])
            async with working(place, recovery_interval=1) as app:
                await until(app, "mine", lambda session: me() in session.state["by"])
                zombie.send_signal(signal.SIGCONT)
                session = await until(app, "mine", lambda session: session.status is Status.ACTIVE)
                by = session.state["by"]
                assert (session.state["sum"], session.step, len(by)) == (sum(range(40)), 40, 40)
                assert by == sorted(by, key=[zombie.pid, me()].index)
                assert (await events(app, "mine", "run.recovered"))[0].data["step"] in (before - 1, before)
                zombie.terminate()
                assert await end_of(zombie) == 0
                assert (await app.get_session("mine")).version == session.version


async def test_a_run_is_cancelled_from_another_process(place: Place) -> None:
    async with place.watcher() as watcher:
        with place.process("worker") as worker:
            await at_work(watcher, worker)
            versions = {}
            for kind in KINDS:
                result = await watcher.execute_workflow(kind, kind, {"count": 10_000}, background=True)
                await until(watcher, kind, lambda session: session.step >= 3)
                versions[kind] = (await watcher.end_session(kind, "cancelled")).version
                assert (await ended(watcher, result)).status is RunStatus.CANCELLED
            worker.terminate()
            assert await end_of(worker) == 0
            for kind in KINDS:
                session = await watcher.get_session(kind)
                assert (session.status, session.version) == (Status.CANCELLED, versions[kind])


async def test_a_session_whose_run_is_elsewhere_is_busy(place: Place) -> None:
    async with place.app(session_lock_timeout=0.2) as impatient, place.watcher() as watcher:
        with place.process("worker") as worker:
            await at_work(watcher, worker)
            await watcher.execute_workflow("sum", "mine", {"count": 10_000}, background=True)
            await until(watcher, "mine", lambda session: session.step >= 1)
            assert await holder(watcher, "mine") == worker.pid
            with pytest.raises(SessionBusy):
                await impatient.execute_workflow("pid", "mine")
            queued = await impatient.execute_workflow("pid", "mine", background=True)
            await impatient.end_session("mine", "cancelled")
            assert (await ended(watcher, queued)).status is RunStatus.CANCELLED


async def test_runs_in_line_follow_each_other_whichever_process_has_them(place: Place) -> None:
    async with working(place) as app:
        with place.process("worker") as worker:
            await at_work(app, worker)
            results = [
                await app.execute_workflow("sum", "mine", {"count": 4, "pace": 0.005}, background=True)
                for _ in range(6)
            ]
            await ended(app, results[-1])
            session = await app.get_session("mine")
            assert session.state["sum"] == 6 * sum(range(4))
            assert place.begun()["mine"] == 6 * list(range(4))


async def test_a_suspended_run_is_woken_by_a_process_that_executes_nothing(place: Place) -> None:
    async with place.watcher() as outside:
        with place.process("worker") as first:
            await at_work(outside, first)
            result = await outside.execute_workflow("approve", background=True)
            suspended = await ended(outside, result)
            assert suspended.status is RunStatus.SUSPENDED
            first.terminate()
            assert await end_of(first) == 0
        with place.process("worker") as second:
            await at_work(outside, second)
            await outside.signal_session(result.session_id, "go", {"from": "outside"})
            await until(outside, result.session_id, lambda session: session.status is Status.ACTIVE)
            done = await ended(outside, result)
            assert done.outputs == [{"from": "outside"}, first.pid, second.pid]


async def test_a_group_is_waited_for_while_its_members_end_elsewhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus.sessions.groups._RECHECK", 3600.0)
    async with place.watcher() as watcher:
        await watcher.session_manager.create_group("all")
        for number in range(8):
            await watcher.create_session(session_id=f"member-{number}", group="all")
        with place.process("worker") as first, place.process("worker") as second:
            await at_work(watcher, first, second)
            for number in range(8):
                inputs = {"count": 5 + number, "pace": 0.01}
                await watcher.execute_workflow("async-sum", f"member-{number}", inputs, background=True)
            group = await watcher.session_manager.wait_for_group("all", timeout=PATIENCE)
            assert group.counts["active"] == 8
            assert [(await watcher.get_session(f"member-{n}")).step for n in range(8)] == list(range(5, 13))


async def test_a_run_that_kills_every_process_fails_as_poisoned(place: Place) -> None:
    async with place.watcher() as watcher:
        result = await watcher.execute_workflow("deadly", "mine", {"at": 2}, background=True)
        for _ in range(3):
            with place.process("worker") as victim:
                assert await end_of(victim) == -signal.SIGKILL
        async with working(place):
            session = await until(watcher, "mine", lambda session: session.status is Status.FAILED)
        assert str(session.error).startswith("poisoned: 3 processes")
        assert (session.step, (await ended(watcher, result)).status) == (2, RunStatus.FAILED)
        assert place.begun()["mine"] == [0, 1, 2, 2, 2]


async def test_a_worker_that_is_told_to_stop_hands_its_runs_over_at_the_next_checkpoint(place: Place) -> None:
    async with working(place) as app:
        with place.process("worker", "--grace", "10", recovery_interval=600) as leaving:
            await at_work(app, leaving)
            names = [f"{kind}-{number}" for kind in KINDS for number in range(4)]
            for name in names:
                await app.execute_workflow(name.rpartition("-")[0], name, {"count": 60}, background=True)
            for name in names:
                await until(app, name, lambda session: session.step >= 3)
            leaving.terminate()
            assert await end_of(leaving) == 0
            for name in names:
                session = await until(app, name, lambda session: session.status is Status.ACTIVE)
                assert (session.state["sum"], session.step) == (sum(range(60)), 60)
                assert none_skipped(place.begun()[name], 60, 1) == 0
                run = (await app.parts.engine.load(name)).run
                assert run is not None
                assert run.recoveries == 0
            assert {event.type for name in names for event in await events(app, name, "run.re")} <= {"run.released"}


async def test_a_run_that_reaches_no_checkpoint_within_the_grace_is_handed_over_as_it_was(place: Place) -> None:
    async with place.watcher() as watcher:
        with place.process("worker", "--grace", "0.1", recovery_interval=600) as leaving:
            await at_work(watcher, leaving)
            result = await watcher.execute_workflow("async-sum", "mine", {"count": 2, "pace": 3600}, background=True)
            async with asyncio.timeout(PATIENCE):
                while not place.begun():
                    await asyncio.sleep(0.01)
            leaving.terminate()
            assert await end_of(leaving) == 0
        snapshot = await watcher.parts.engine.load("mine")
        assert snapshot.run is not None
        assert (snapshot.run.worker, snapshot.run.id, snapshot.session.step) == ("", result.run_id, 0)


async def test_an_idempotency_key_runs_once_whichever_process_is_asked(place: Place) -> None:
    async with working(place) as app, place.app() as other:
        with place.process("worker") as worker:
            await at_work(app, worker)
            results = await asyncio.gather(
                *(
                    one.execute_workflow("sum", "mine", {"count": 5}, idempotency_key="once")
                    for one in (app, other, app, other)
                ),
                app.execute_workflow("sum", "mine", {"count": 5}, idempotency_key="once", background=True),
            )
            assert len({result.run_id for result in results}) == 1
            assert all(result.outputs == 10 for result in results if result.status is RunStatus.COMPLETED)
            assert place.begun()["mine"] == [0, 1, 2, 3, 4]
