"""Updates to one session by eight clients are linearizable on every store, and on Redis in bad weather too."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from nexus import AsyncNexus
from tests.core.stores.redis.servers import Server, single
from tests.linearizability import histories
from tests.linearizability.checker import Operation, Verdict, check
from tests.linearizability.impatience import open_at_last, open_impatiently
from tests.linearizability.weather import proxies, storm
from tests.running import environment

CLIENTS = 8
SCRIPT = Path(__file__).with_name("client_process.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with single(tmp_path_factory.mktemp("server")) as running:
        yield running


def seeds(count: int) -> list[int]:
    """Seeds of so many histories; the first can be set, to see one again."""
    first = int(os.environ.get("NEXUS_HISTORY_SEED") or random.SystemRandom().randrange(2**31))
    return [first + number for number in range(count)]


def judge(operations: Sequence[Operation], seed: int, note: object = "") -> Verdict:
    """The verdict, which has to be good."""
    verdict = check(operations, histories.START, histories.session, histories.still_possible)
    unknown = sum(operation.returned is None for operation in operations)
    print(f"NEXUS_HISTORY_SEED={seed}: {len(operations)} operations, {unknown} of unknown outcome: {verdict} {note}")
    assert verdict.linearizable is not False, verdict
    return verdict


async def test_updates_in_memory_are_linearizable() -> None:
    (seed,) = seeds(1)
    async with AsyncNexus(store="memory://") as app:
        await histories.prepare(app)
        made = await asyncio.gather(*(histories.Client(app, number, seed).work(50) for number in range(CLIENTS)))
        judge([*chain(*made), await histories.last_look(app, CLIENTS)], seed)


@pytest.mark.parametrize(
    ("processes", "operations", "count"), [(4, 60, 1), pytest.param(8, 400, 25, marks=pytest.mark.long)]
)
async def test_updates_of_one_file_by_several_processes_are_linearizable(
    tmp_path: Path, processes: int, operations: int, count: int
) -> None:
    for seed in seeds(count):
        url = f"sqlite:///{tmp_path}/{seed}.sqlite3"
        async with AsyncNexus(store=url) as app:
            await histories.prepare(app)
            children = [await _start(url, number, seed, operations) for number in range(processes)]
            await _begin(children)
            judge([*await _end(children, stop=False), await histories.last_look(app, processes)], seed)


@pytest.mark.parametrize(("faults", "count"), [(10, 1), pytest.param(25, 60, marks=pytest.mark.long)])
async def test_updates_on_redis_are_linearizable_whatever_happens_to_connections(
    server: Server, faults: int, count: int
) -> None:
    for seed in seeds(count):
        prefix = f"t:{uuid4().hex}:"
        async with AsyncExitStack() as stack:
            sky = await stack.enter_async_context(proxies(server.port, CLIENTS))
            app = await stack.enter_async_context(AsyncNexus(store=server.url, session_prefix=prefix))
            await histories.prepare(app)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("nexus.partition.open_store", open_impatiently)
                apps = [AsyncNexus(store=proxy.url, session_prefix=prefix) for proxy in sky]
                for each in apps:
                    await open_at_last(each)
                    stack.push_async_callback(each.close)
            over = asyncio.Event()
            working = [asyncio.create_task(_until(over, each, number, seed)) for number, each in enumerate(apps)]
            passed = await storm(sky, seed, faults)
            over.set()
            made = chain(*await asyncio.gather(*working))
            judge([*made, await histories.last_look(app, CLIENTS)], seed, passed)


@pytest.mark.long
async def test_updates_on_redis_by_several_processes_are_linearizable(server: Server) -> None:
    for seed in seeds(15):
        prefix = f"t:{uuid4().hex}:"
        async with (
            proxies(server.port, CLIENTS) as sky,
            AsyncNexus(store=server.url, session_prefix=prefix) as app,
        ):
            await histories.prepare(app)
            children = [
                await _start(proxy.url, number, seed, 100_000, NEXUS_SESSION_PREFIX=prefix)
                for number, proxy in enumerate(sky)
            ]
            await _begin(children)
            passed = await storm(sky, seed, 20)
            judge([*await _end(children), await histories.last_look(app, CLIENTS)], seed, passed)


async def _until(over: asyncio.Event, app: AsyncNexus, number: int, seed: int) -> list[Operation]:
    client = histories.Client(app, number, seed)
    while client.able and not over.is_set():
        await client.act()
    return client.done


async def _start(url: str, number: int, seed: int, operations: int, **env: str) -> asyncio.subprocess.Process:
    words = [sys.executable, str(SCRIPT), url, str(number), str(seed), str(operations)]
    return await asyncio.create_subprocess_exec(
        *words, env=environment(url, **env), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=1 << 27,
    )  # fmt: skip


async def _begin(children: Sequence[asyncio.subprocess.Process]) -> None:
    """Let all begin in the same moment, once they are ready."""
    for child in children:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")


async def _end(children: Sequence[asyncio.subprocess.Process], *, stop: bool = True) -> list[Operation]:
    """What they did; told to stop, or once they have done all that they have to."""
    for child in children:
        assert child.stdin is not None
        if stop:
            child.stdin.close()
    made: list[Operation] = []
    for child in children:
        assert child.stdout is not None
        assert child.stdin is not None
        made += _decode(await child.stdout.readline())
        child.stdin.close()
        assert await child.wait() == 0
    return made


def _decode(line: bytes) -> list[Operation]:
    found = msgspec.json.decode(line, type=list[Operation])
    return [
        msgspec.structs.replace(each, argument=tuple(each.argument), result=each.result and tuple(each.result))
        for each in found
    ]
