"""Archivers that are killed at any point lose nothing and repeat nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import pytest

from nexus.archive.database import Database
from nexus.stores.redis import RedisStore
from tests.core.archive.churn import Churn, an_archiver, archived, contents, differences, drain
from tests.core.stores.redis.servers import single
from tests.running import ROOT, environment


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server.port


async def at_most(store: RedisStore, entries: int) -> None:
    async with asyncio.timeout(30):
        while (await store.outboxes[0].lag()).entries > entries:
            await asyncio.sleep(0.001)


async def survives(port: int, database_url: str, kills: int, seed: int) -> None:
    url, prefix, random = f"redis://127.0.0.1:{port}/0", f"test:{uuid4().hex}:", Random(seed)
    command = [sys.executable, "-m", "tests.core.archive.archiver_process", url, prefix, database_url]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=environment(url), stdout=subprocess.PIPE)

    def kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    async with RedisStore(url, prefix=prefix) as store:
        churn = Churn(store, seed=seed)
        await churn.commit(30)
        # Two work at a time, so that the one that is left takes over.
        processes = [start(), start()]
        try:
            for process in processes:
                assert process.stdout is not None
                assert await asyncio.to_thread(process.stdout.readline) == b"archiving\n"
            for number in range(kills):
                await churn.commit(random.randrange(5, 60))
                await at_most(store, random.randrange(30))
                kill(processes.pop(number % 2))
                processes.append(start())
        finally:
            for process in processes:
                kill(process)
        database = Database(database_url)
        archiver = an_archiver(store, database, "last")
        await drain(store, archiver)
        assert differences(await contents(store), await archived(database)) == []
        await database.close()


async def test_archivers_that_are_killed_at_any_point_lose_nothing(port: int, database_url: str) -> None:
    await survives(port, database_url, kills=4, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
async def test_archivers_that_are_killed_often_lose_nothing(port: int, database_url: str, seed: int) -> None:
    await survives(port, database_url, kills=25, seed=seed)
