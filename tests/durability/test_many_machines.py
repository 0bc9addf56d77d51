"""Two servers and two workers on one Valkey: the one that runs all dies or freezes, and all of it ends elsewhere.

On one machine a process that is gone is noticed at once. A frozen one isn't gone, and one in a PID namespace of its own
looks as if on another machine: both are noticed by their lease, as machines that fail are.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from nexus import AsyncNexus
from nexus.model import Status
from tests.core.stores.redis.servers import Server, single
from tests.core.workflows.executors.crew import Place, at_work, end_of, none_skipped
from tests.core.workflows.support import events, until
from tests.running import free_port, wait_until_ready

NAMES = [f"long-{number}" for number in range(10)]
LONGEST = 60.0
"""Seconds from the kill within which all must have ended elsewhere."""
ELSEWHERE = ("unshare", "--pid", "--fork", "--kill-child=SIGKILL")


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class Crew(msgspec.Struct, frozen=True):
    """The four processes, as one sees them who only watches; the first server is the victim."""

    place: Place
    watcher: AsyncNexus
    victim: subprocess.Popen[bytes]
    pid: int
    """What the victim takes itself for."""
    url: str

    async def give_the_victim(self, client: httpx.AsyncClient, steps: int) -> list[asyncio.Task[Any]]:
        """Ten calls; all have come some way when this returns."""
        calls = []
        for name in NAMES:
            await self.watcher.create_session(session_id=name)
            body = {"session_id": name, "inputs": {"count": steps, "pace": 0.04}}
            calls.append(asyncio.create_task(client.post(f"{self.url}/workflows/sum/execute", json=body)))
        for name in NAMES:
            session = await until(self.watcher, name, lambda session: session.step >= 4)
            assert set(session.state["by"]) == {self.pid}
        return calls

    async def all_end(self, steps: int) -> list[int]:
        """Wait for all sums, done to their end by others; the version of each session then."""
        versions = []
        for name in NAMES:
            session = await until(self.watcher, name, lambda session: session.status is Status.ACTIVE)
            assert (session.state["sum"], session.step) == (sum(range(steps)), steps)
            by = session.state["by"]
            taken = next(at for at, pid in enumerate(by) if pid != self.pid)
            assert self.pid not in by[taken:]
            versions.append(session.version)
        return versions

    async def taken_over(self, since: float) -> list[float]:
        """Seconds from ``since`` to the take-over of each run, shortest first.

        The first one counts: on a busy machine who took it over can be late with its own lease, and lose it in turn.
        """
        recovered = [await events(self.watcher, name, "run.recovered") for name in NAMES]
        return sorted(found[0].ts - since for found in recovered)


@asynccontextmanager
async def crew(server: Server, folder: Path, interval: float, *within: str) -> AsyncIterator[Crew]:
    """Two servers and two workers, all at work."""
    place = Place(server.url, f"many-{uuid4().hex[:12]}:", folder, docket=True)
    ports = [str(free_port()), str(free_port())]
    with ExitStack() as stack:
        serve = place.process("serve", "--port", ports[0], within=within, recovery_interval=interval)
        victim = stack.enter_context(serve)
        others = [
            stack.enter_context(place.process(*words, recovery_interval=interval))
            for words in (("serve", "--port", ports[1]), ("worker",), ("worker",))
        ]
        async with place.watcher() as watcher:
            for port, process in zip(ports, (victim, others[0]), strict=True):
                await asyncio.to_thread(wait_until_ready, f"http://127.0.0.1:{port}", process)
            await at_work(watcher, *others)
            pid = 1 if within else victim.pid
            yield Crew(place, watcher, victim, pid, f"http://127.0.0.1:{ports[0]}")


def tell(what: str, interval: float, taken: list[float], ended: float) -> None:
    print(
        f"{what}, recovery_interval {interval:g} s: taken over after {statistics.median(taken):.2f} s (median),"
        f" {taken[-1]:.2f} s (longest); all {len(taken)} ended after {ended:.2f} s"
    )


async def hung_up(calls: list[asyncio.Task[Any]]) -> None:
    """The victim's callers are told that it is gone."""
    for call in calls:
        with pytest.raises(httpx.TransportError):
            await call


async def test_what_a_killed_server_ran_ends_elsewhere(valkey: Server, tmp_path: Path) -> None:
    async with crew(valkey, tmp_path, 5.0) as four, httpx.AsyncClient(timeout=60) as client:
        calls = await four.give_the_victim(client, steps=60)
        killed = time.time()
        four.victim.kill()
        await end_of(four.victim)
        await hung_up(calls)
        async with asyncio.timeout(LONGEST):
            await four.all_end(steps=60)
        tell("kill -9 on one machine", 5.0, await four.taken_over(killed), time.time() - killed)
        for name in NAMES:
            none_skipped(four.place.begun()[name], 60, 1)


@pytest.mark.parametrize("interval", [1.5, pytest.param(5.0, marks=pytest.mark.long)])
async def test_what_a_frozen_server_ran_ends_elsewhere_and_thawed_it_commits_nothing(
    valkey: Server, tmp_path: Path, interval: float
) -> None:
    async with crew(valkey, tmp_path, interval) as four, httpx.AsyncClient(timeout=60) as client:
        calls = await four.give_the_victim(client, steps=60)
        frozen = time.time()
        four.victim.send_signal(signal.SIGSTOP)
        for name in NAMES:
            await until(four.watcher, name, lambda session: set(session.state["by"]) != {four.pid})
        four.victim.send_signal(signal.SIGCONT)
        async with asyncio.timeout(LONGEST - (time.time() - frozen)):
            versions = await four.all_end(steps=60)
        tell("SIGSTOP", interval, await four.taken_over(frozen), time.time() - frozen)
        # Its callers get what became of their runs, and it serves on.
        answers = [(await call).json() for call in calls]
        assert {(answer["status"], answer["outputs"]) for answer in answers} == {("completed", sum(range(60)))}
        four.victim.terminate()
        assert await end_of(four.victim) == 0
        assert [(await four.watcher.get_session(name)).version for name in NAMES] == versions
        for name in NAMES:
            assert set(four.place.begun()[name]) == set(range(60))


def namespaces_work() -> bool:
    """Whether this user may make PID namespaces."""
    with contextlib.suppress(OSError):
        return subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode == 0
    return False


@pytest.mark.long
@pytest.mark.parametrize("interval", [1.5, 5.0])
async def test_what_a_server_killed_on_another_machine_ran_ends_elsewhere(
    valkey: Server, tmp_path: Path, interval: float
) -> None:
    if not namespaces_work():
        pytest.skip("needs the right to make a PID namespace")
    async with crew(valkey, tmp_path, interval, *ELSEWHERE) as four, httpx.AsyncClient(timeout=60) as client:
        calls = await four.give_the_victim(client, steps=60)
        killed = time.time()
        four.victim.kill()
        await end_of(four.victim)
        await hung_up(calls)
        async with asyncio.timeout(LONGEST):
            await four.all_end(steps=60)
        taken = await four.taken_over(killed)
        tell("kill -9 on another machine", interval, taken, time.time() - killed)
        assert taken[0] > interval / 3, "it was noticed otherwise than by its lease"
        for name in NAMES:
            none_skipped(four.place.begun()[name], 60, 1)
