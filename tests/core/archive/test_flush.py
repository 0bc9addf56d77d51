"""Redis loses everything while a Nexus works on it: all sessions are back, and what was running goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from nexus import AsyncNexus
from nexus.model import Status
from nexus.workflows.context import AsyncRun
from tests.core.archive.catching_up import archived
from tests.core.stores.redis.servers import Server, ask, single

LIVE = 500
IDLE = 458
CHILDREN = 10
RUNNING = 20
WAITING = 10
QUEUED = 5
STEPS = 12
LONGEST = 60.0


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def an_app(server: Server, database_url: str, gate: asyncio.Event) -> AsyncNexus:
    app = AsyncNexus(
        store=server.url, session_persistence=True, database_url=database_url, recovery_interval=2, session_timeout=0
    )

    @app.workflow("sum")
    async def summing(run: AsyncRun, n: int) -> int:
        run.state.setdefault("sum", 0)
        async for number in run.steps(range(n)):
            if number == n // 2:
                await gate.wait()
            run.state["sum"] += number
        return int(run.state["sum"])

    @app.workflow("wait")
    async def waiting(run: AsyncRun) -> int:
        run.state["before"] = await run.call(lambda: 41)
        answer = await run.wait_for("go")
        run.state["after"] = run.state["before"] + answer
        return int(run.state["after"])

    return app


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LONGEST):
        while not await what():
            await asyncio.sleep(0.05)


async def test_five_hundred_live_sessions_survive_a_flush_and_their_runs_go_on(
    server: Server, database_url: str
) -> None:
    gate = asyncio.Event()
    async with an_app(server, database_url, gate) as app:
        await app.start()
        manager = app.session_manager
        await manager.create_group("crew")
        parent = await app.create_session(state={"who": "parent"})
        idle = await asyncio.gather(
            *(app.create_session(state={"n": n}, group="crew") for n in range(IDLE)),
            *(app.create_session(parent_session=parent) for _ in range(CHILDREN)),
        )
        owned = await manager.get_or_create("somebody")
        runs = await asyncio.gather(
            *(app.execute_workflow("sum", inputs={"n": STEPS}, background=True) for _ in range(RUNNING))
        )
        waits = await asyncio.gather(*(app.execute_workflow("wait", background=True) for _ in range(WAITING)))
        for run in runs[:QUEUED]:
            await app.execute_workflow("sum", run.session_id, {"n": STEPS}, background=True)

        async def settled() -> bool:
            half = [(await app.get_session(run.session_id)).step == STEPS // 2 for run in runs]
            still = [(await app.get_session(run.session_id)).status is Status.SUSPENDED for run in waits]
            return all(half) and all(still)

        await until(settled)
        await app.signal_session(waits[0].session_id, "other", 1)
        await archived(app.store.health)
        before = await manager.count_total()

        ask(server.port, "FLUSHALL")
        gate.set()
        assert (await app.get_session(parent)).state == {"who": "parent"}
        assert await manager.count_total() == before == LIVE
        for number, session_id in enumerate(idle[:IDLE]):
            assert (await app.get_session(session_id)).state == {"n": number}
        group = await manager.get_group("crew")
        assert group.total == group.live == IDLE
        assert await manager.get_or_create("somebody") == owned
        statistics = await manager.get_statistics()
        assert statistics.total == before

        for run in waits:
            await app.signal_session(run.session_id, "go", 1)

        async def over() -> bool:
            found = [await app.get_session(run.session_id) for run in (*runs, *waits)]
            return all(session.status is Status.ACTIVE for session in found)

        await until(over)
        for place, run in enumerate(runs):
            times = 2 if place < QUEUED else 1
            assert (await app.get_session(run.session_id)).state["sum"] == times * sum(range(STEPS))
        for run in waits:
            assert (await app.get_session(run.session_id)).state["after"] == 42
        ended = await app.end_session(parent)
        assert ended.status is Status.COMPLETED
        for session_id in idle[IDLE:]:
            assert (await app.get_session(session_id)).status is Status.COMPLETED
