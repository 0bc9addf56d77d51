"""What holds of docket alone: it spreads runs, and whatever becomes of its queue, no run is lost with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis

from nexus import AsyncNexus
from nexus.errors import InvalidInput
from nexus.workflows.executors.docket import DocketExecutor
from nexus.workflows.executors.docket.line import PatientLine
from nexus.workflows.executors.docket.places import queue_url
from nexus.workflows.executors.local import LocalExecutor
from tests.core.stores.redis.servers import Server, ask, cluster, free_ports, single
from tests.core.workflows.executors.crew import Place, at_work, me, working
from tests.core.workflows.support import PATIENCE, ended, until

Way = Callable[[Path], AbstractContextManager[str]]
_KEPT_NOWHERE = ("--save", "", "--appendonly", "no")


async def test_background_runs_are_spread_over_all_processes(on_valkey: Place) -> None:
    async with working(on_valkey) as app:
        with on_valkey.process("worker") as worker:
            await at_work(app, worker)
            async with asyncio.timeout(PATIENCE):
                while await receivers(on_valkey) < 2:
                    await asyncio.sleep(0.02)
            results = [await app.execute_workflow("pid", background=True) for _ in range(40)]
            pids = [(await ended(app, result)).outputs for result in results]
            assert set(pids) == {worker.pid, me()}


async def up(app: AsyncNexus) -> DocketExecutor:
    """Return when docket carries its runs."""
    executor = app.parts.executor
    assert isinstance(executor, DocketExecutor)
    async with asyncio.timeout(PATIENCE):
        while not executor.carried:
            await asyncio.sleep(0.01)
    return executor


async def receivers(place: Place) -> int:
    """How many processes docket knows of."""
    port = int(place.url.rpartition(":")[2].partition("/")[0])
    return int(ask(port, "ZCARD", f"{place.prefix}docket:workers"))


async def test_no_more_runs_execute_at_once_than_there_are_places(on_valkey: Place) -> None:
    gate, now, most = asyncio.Event(), 0, 0
    async with working(on_valkey, worker_concurrency=3) as app:

        async def gated() -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await gate.wait()
            now -= 1

        app.register(gated, f"gated-{on_valkey.prefix[:-1]}")
        results = [await app.execute_workflow(f"gated-{on_valkey.prefix[:-1]}", background=True) for _ in range(10)]
        async with asyncio.timeout(PATIENCE):
            while now < 3:
                await asyncio.sleep(0.01)
        gate.set()
        for result in results:
            await ended(app, result)
        assert most == 3


@pytest.mark.parametrize("lost", ["stream", "everything"])
async def test_runs_go_on_though_the_queue_is_lost(on_valkey: Place, valkey: Server, lost: str) -> None:
    gate = asyncio.Event()
    async with working(on_valkey, worker_concurrency=2, recovery_interval=1) as app:
        name = f"gated-{on_valkey.prefix[:-1]}"
        app.register(gate.wait, name)
        results = [await app.execute_workflow(name, background=True) for _ in range(12)]
        await until(app, results[0].session_id, lambda session: session.version > 2)
        lose(valkey.port, f"{on_valkey.prefix}docket:{'stream' if lost == 'stream' else '*'}")
        gate.set()
        for result in results:
            assert (await ended(app, result)).outputs is True
        after = await app.execute_workflow("pid", background=True)
        assert (await ended(app, after)).outputs == me()


def lose(port: int, pattern: str) -> None:
    with redis.Redis(port=port) as client:
        client.delete(*client.keys(pattern))


async def test_a_run_that_was_never_announced_is_found(on_valkey: Place) -> None:
    async with on_valkey.watcher() as mute:
        mute.parts.engine.left_waiting = lambda _: None
        early = await mute.service(mute.local_caller("cli")).execute("pid", background=True)
        async with working(on_valkey, recovery_interval=1) as app:
            late = await mute.service(mute.local_caller("cli")).execute("pid", background=True)
            assert (await ended(app, early)).outputs == me()
            assert (await ended(app, late)).outputs == me()


async def test_a_run_whose_message_lies_with_a_frozen_process_is_taken_by_another(on_valkey: Place) -> None:
    async with on_valkey.watcher() as watcher:
        with on_valkey.process("worker", recovery_interval=600) as frozen:
            await at_work(watcher, frozen)
            async with asyncio.timeout(PATIENCE):
                while await receivers(on_valkey) < 1:
                    await asyncio.sleep(0.02)
            frozen.send_signal(signal.SIGSTOP)
            async with working(on_valkey, recovery_interval=600) as app:
                results = [await app.execute_workflow("pid", background=True) for _ in range(6)]
                for result in results:
                    assert (await ended(app, result)).outputs == me()


async def test_a_workflow_that_only_one_worker_knows_gets_there(on_valkey: Place) -> None:
    async with AsyncNexus(store=on_valkey.url, session_prefix=on_valkey.prefix) as other:
        other.register(lambda: "here", "elsewhere")
        await other.start()
        async with working(on_valkey) as app:
            results = [await app.execute_workflow("elsewhere", background=True) for _ in range(8)]
            assert [(await ended(app, result)).outputs for result in results] == ["here"] * 8
            mine = [await other.execute_workflow("pid", background=True) for _ in range(8)]
            assert [(await ended(app, result)).outputs for result in mine] == [me()] * 8


async def test_a_user_without_rights_to_publish_works_without_docket_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nexus.executor")
    with single(tmp_path / "data") as server:
        ask(server.port, "ACL", "SETUSER", "few", "on", ">secret", "~*", "resetchannels", "+@all", "-@pubsub")
        url = f"redis://few:secret@127.0.0.1:{server.port}/0"
        async with AsyncNexus(store=url) as app:
            app.register(me, "pid")
            result = await app.execute_workflow("pid", background=True)
            assert (await ended(app, result)).outputs == me()
            async with asyncio.timeout(PATIENCE):
                while not caplog.messages:
                    await asyncio.sleep(0.02)
            result = await app.execute_workflow("pid", background=True)
            assert (await ended(app, result)).outputs == me()
    assert "docket can't carry runs now" in caplog.text
    assert "secret" not in caplog.text


async def test_docket_is_connected_anew_when_it_takes_no_messages_for_the_sake_of_a_long_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # After any error of Redis's its worker waits for the end of all that it has, before it takes more.
    caplog.set_level(logging.INFO, "nexus.executor")
    gate = asyncio.Event()
    with single(tmp_path / "data") as server:
        ask(server.port, "ACL", "SETUSER", "nexus", "on", ">secret", "~*", "&*", "+@all")
        url = f"redis://nexus:secret@127.0.0.1:{server.port}/0"
        async with AsyncNexus(store=url, recovery_interval=1.0) as app:
            app.register(me, "pid")
            app.register(gate.wait, "gated")
            await app.start()
            line = (await up(app))._local._queue
            assert isinstance(line, PatientLine)
            place = Place(server.url, app.settings.session_prefix, tmp_path, docket=True)
            line._patience, patience = 3600.0, line._patience
            live = await app.execute_workflow("gated", background=True)
            await until(app, live.session_id, lambda session: session.version > 2)
            line._patience = patience
            async with asyncio.timeout(PATIENCE):
                while await receivers(place) == 0:
                    await asyncio.sleep(0.01)
                ask(server.port, "ACL", "SETUSER", "nexus", "-xreadgroup")
                while await receivers(place) == 1:
                    await asyncio.sleep(0.01)
                ask(server.port, "ACL", "SETUSER", "nexus", "+xreadgroup")
                while "takes no messages" not in caplog.text:
                    result = await app.execute_workflow("pid", background=True)
                    assert (await ended(app, result)).outputs == me()
                while await receivers(place) == 0:
                    await asyncio.sleep(0.01)
            gate.set()
            assert (await ended(app, live)).outputs is True
    assert "secret" not in caplog.text


@contextmanager
def by_socket(folder: Path) -> Iterator[str]:
    with single(folder, *_KEPT_NOWHERE, "--unixsocket", str(folder / "s")):
        yield f"unix://{folder / 's'}?db=1"


@contextmanager
def with_few_rights(folder: Path) -> Iterator[str]:
    with single(folder) as server:
        rights = (
            "~nexus:sessions:* &nexus:sessions:* +@read +@write +@connection +@scripting +@pubsub +time -@dangerous"
        )
        ask(server.port, "ACL", "SETUSER", "nexus", "on", ">p@ss/", *rights.split())
        yield f"redis://nexus:p%40ss%2F@127.0.0.1:{server.port}/3"


@contextmanager
def by_cluster(folder: Path) -> Iterator[str]:
    with cluster(folder) as servers:
        dead = free_ports(1)[0]
        nodes = ",".join(f"127.0.0.1:{port}" for port in (dead, *(server.port for server in servers)))
        yield f"redis+cluster://{nodes}"


@contextmanager
def by_sentinel(folder: Path) -> Iterator[str]:
    with single(folder / "primary") as server:
        port = free_ports(1)[0]
        (folder / "sentinel").mkdir()
        settings = folder / "sentinel" / "conf"
        settings.write_text(f"sentinel monitor main 127.0.0.1 {server.port} 1\n")
        sentinel = Server(folder / "sentinel", port, str(settings), "--sentinel")
        try:
            sentinel.start()
            yield f"redis+sentinel://127.0.0.1:{free_ports(1)[0]},127.0.0.1:{port}/main/2"
        finally:
            sentinel.stop()


@pytest.mark.parametrize("way", [by_socket, with_few_rights, by_cluster, by_sentinel])
async def test_docket_carries_runs_wherever_the_store_is(way: Way, tmp_path: Path) -> None:
    with way(tmp_path) as url:
        async with AsyncNexus(store=url, recovery_interval=3600) as app:
            app.register(me, "pid")
            await app.start()
            await up(app)
            for _ in range(3):
                result = await app.execute_workflow("pid", background=True)
                assert (await ended(app, result)).outputs == me()


async def test_docket_gets_a_url_whose_first_host_can_be_reached(on_valkey: Place) -> None:
    for url in ("redis://u:p@h:1/2", "rediss://h?ssl_ca_certs=f", "unix:///s?db=1", "redis+cluster://u:p%40@one:7000"):
        assert await queue_url(url) == url
    dead, alive = f"127.0.0.1:{free_ports(1)[0]}", on_valkey.url.split("/")[2]
    assert await queue_url("redis://h/0?shards=4") == "redis://h/0"
    assert await queue_url("unix:///s?db=1&shards=4") == "unix:///s?db=1"
    assert await queue_url(f"redis+cluster://u:p@{dead},{alive}?shards=4") == f"redis+cluster://u:p@{alive}"
    assert await queue_url(f"redis+cluster://u:p@{dead},{alive}") == f"redis+cluster://u:p@{alive}"
    assert await queue_url(f"redis+sentinel://{dead},{alive}/main/1") == f"redis+sentinel://{alive},{dead}/main/1"
    assert await queue_url(f"redis+sentinel://{dead},[::1]/main") == f"redis+sentinel://{dead},[::1]/main"


async def test_the_setting_says_which_executor_and_docket_needs_redis(on_valkey: Place, on_sqlite: Place) -> None:
    async with on_valkey.app(executor="local") as app:
        assert isinstance(app.parts.executor, LocalExecutor)
    async with on_valkey.app(executor="docket") as app:
        assert isinstance(app.parts.executor, DocketExecutor)
    with pytest.raises(InvalidInput) as refused:
        async with on_sqlite.app(executor="docket"):
            pass
    assert refused.value.details["field"] == "executor"
    assert "redis://" in refused.value.message
    for wrong in ({"executor": "celery"}, {"worker_concurrency": 0}, {"worker_grace": -1}):
        with pytest.raises(InvalidInput):
            on_valkey.app(**wrong)


async def test_a_frozen_redis_holds_nobody_up_who_stops(tmp_path: Path) -> None:
    with single(tmp_path / "data") as server:
        app = AsyncNexus(store=server.url)
        await app.open()
        await app.start()
        executor = await up(app)
        server.send(signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE):
                await executor._carrier.stop()
        finally:
            server.send(signal.SIGCONT)
        with contextlib.suppress(TimeoutError):
            await app.close()
