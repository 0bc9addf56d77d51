"""kill -9 of workers at random moments, and docket's queue lost now and then: every run ends right."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from nexus import AsyncNexus
from nexus.model import Session, Status
from tests.core.stores.redis.servers import Server, single
from tests.core.workflows.executors.crew import Place, none_skipped
from tests.core.workflows.support import until

STEPS = 150
NAMES = {f"run-{number}": kind for number, kind in enumerate(("sum", "async-sum") * 6)}
INTERVALS = {"sum": 1, "async-sum": 3}
FOREVER = 1_000_000
PATIENCE = 300.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.long)])
async def test_every_run_ends_right_however_often_workers_are_killed(
    valkey: Server, tmp_path: Path, kills: int
) -> None:
    seed = int(os.environ.get("NEXUS_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"NEXUS_KILL_SEED={seed}")
    chance = random.Random(seed)
    place = Place(valkey.url, f"kills-{uuid4().hex[:12]}:", tmp_path, docket=True)
    steps = STEPS * kills // 4
    async with place.watcher() as watcher:
        for name, kind in NAMES.items():
            await watcher.execute_workflow(kind, name, {"count": steps, "pace": 0.005}, background=True)
        workers = [start(place) for _ in range(2)]
        over, killed = asyncio.create_task(all_ended(watcher)), 0
        try:
            for number in range(kills):
                victim = await one_at_work(place, workers, chance.randrange(20, 200), over)
                if victim is None:
                    break
                killed = number + 1
                victim.kill()
                victim.wait()
                workers.remove(victim)
                workers.append(start(place))
                if number % 3 == 2:
                    lose_the_queue(valkey, place)
            for session in await over:
                assert (session.state["sum"], session.step) == (sum(range(steps)), steps)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    begun = place.begun()
    repeated = [none_skipped(begun[name], steps, INTERVALS[kind]) for name, kind in NAMES.items()]
    assert killed >= min(kills, 10), "the runs were over before they could be disturbed"
    print(f"{killed} kills, {repeated} steps repeated in {len(NAMES)} runs of {steps}")


async def all_ended(watcher: AsyncNexus) -> list[Session]:
    """The sessions, once the runs of all are over."""
    return [await until(watcher, name, lambda session: session.status is Status.ACTIVE, PATIENCE) for name in NAMES]


async def one_at_work(
    place: Place, workers: list[subprocess.Popen[bytes]], more_steps: int, over: asyncio.Task[list[Session]]
) -> subprocess.Popen[bytes] | None:
    """The worker that has begun the last of about so many more steps; ``None`` if all is over before."""
    enough = size(place.log) + more_steps * len("run-1 1000 10000 ")
    pids = {worker.pid: worker for worker in workers}
    while not over.done():
        if size(place.log) >= enough and (pid := last_to_begin(place.log)) in pids:
            return pids[pid]
        await asyncio.sleep(0.003)
    return None


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def last_to_begin(log: Path) -> int:
    with log.open("rb") as lines:
        lines.seek(max(0, size(log) - 100))
        return int(lines.read().splitlines()[-1].split()[2])


def start(place: Place) -> subprocess.Popen[bytes]:
    return place.start("worker", "--concurrency", "8", max_recoveries=FOREVER, recovery_interval=600)


def lose_the_queue(server: Server, place: Place) -> None:
    with redis.Redis(port=server.port) as client:
        client.delete(*client.keys(f"{place.prefix}docket*"), "no key at all")
