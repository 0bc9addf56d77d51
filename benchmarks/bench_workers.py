"""Background runs between processes on Redis: runs a second, and from wanting to beginning, beside docket's own floor.

    python benchmarks/bench_workers.py [--seconds 3] [--url redis://HOST:PORT/DB]

Without ``--url`` it starts a Valkey of its own. Each line is measured with the same server and processes:

- docket alone: tasks that do nothing, added by this process and executed by as many workers
- runs by docket, by 1 and 2 workers: sessions are there already; each run does nothing and is over with its commit
- runs by ``LocalExecutor`` on the same server, where every process looks into the store for what waits
- from wanting to beginning: one run at a time, by events' own times
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
for _part in ("core", "widgets", "."):
    sys.path.insert(0, str(_ROOT / _part))

from nexus import AsyncNexus  # noqa: E402 - the path comes first
from nexus.model import RunResult  # noqa: E402

_WORKER = """
import asyncio, sys
from nexus import AsyncNexus

async def nothing(): ...

async def main(url, prefix, executor):
    app = AsyncNexus(store=url, session_prefix=prefix, executor=executor)
    app.register(nothing, "nothing")
    async with app:
        await app.start()
        while executor == "docket" and not app.parts.executor.carried:
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""

_DOCKET = """
import asyncio, sys
from docket import Docket, Worker

async def nothing(name: str): ...

async def main(url, name):
    async with Docket(name, url) as docket:
        docket.register(nothing)
        async with Worker(docket, concurrency=100) as worker:
            print("ready", flush=True)
            await worker.run_forever()

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.contextmanager
def _processes(script: str, count: int, *arguments: str) -> Iterator[None]:
    roots = os.pathsep.join(str(_ROOT / part) for part in ("core", "widgets", "."))
    environment = {**os.environ, "PYTHONPATH": roots}
    children = [
        subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


@asynccontextmanager
async def _caller(url: str, prefix: str, executor: str) -> AsyncIterator[AsyncNexus]:
    """A process that leaves all runs to workers."""
    app = AsyncNexus(store=url, session_prefix=prefix, executor=executor, embedded_worker=False)

    async def nothing() -> None: ...

    app.register(nothing, "nothing")
    async with app:
        await app.start()
        while executor == "docket" and not app.parts.executor.carried:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
        yield app


async def _rate(app: AsyncNexus, seconds: float, in_flight: int) -> float:
    """Runs a second, with so many wanted and not over."""
    until, done = time.perf_counter() + seconds, 0

    async def one_after_another(number: int) -> None:
        nonlocal done
        while time.perf_counter() < until:
            result = await app.execute_workflow("nothing", f"s-{number}", background=True)
            await app.parts.runs.wait(result.session_id, result.run_id)
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*map(one_after_another, range(in_flight)))
    return done / (time.perf_counter() - begun)


async def _delays(app: AsyncNexus, count: int) -> list[float]:
    """Milliseconds from the commit that left a run waiting to the one that took it."""
    results: list[RunResult] = []
    for number in range(count):
        result = await app.execute_workflow("nothing", f"d-{number}", background=True)
        await app.parts.runs.wait(result.session_id, result.run_id)
        results.append(result)
    delays = []
    for result in results:
        at = {event.type: event.ts for event in await app.store.list_events(session_id=result.session_id, limit=50)}
        delays.append((at["run.started"] - at["run.queued"]) * 1000)
    return sorted(delays)


async def _docket_alone(url: str, name: str, seconds: float, in_flight: int) -> float:
    from docket import Docket

    async with Docket(name, url) as docket:

        async def nothing(name: str) -> None: ...

        docket.register(nothing)
        until, added = time.perf_counter() + seconds, 0
        begun = time.perf_counter()
        async with docket.redis() as redis:
            while time.perf_counter() < until:
                waiting = await redis.xlen(docket.stream_key)
                room = in_flight - waiting
                if room > 0:
                    await asyncio.gather(*(docket.add("nothing")("x") for _ in range(room)))
                    added += room
                else:
                    await asyncio.sleep(0.002)
            while await redis.xlen(docket.stream_key):
                await asyncio.sleep(0.002)
        return added / (time.perf_counter() - begun)


async def _measure(url: str, seconds: float) -> None:
    mark = f"bench-{os.getpid()}-{{}}:"
    for workers in (1, 2):
        name = f"bench-{os.getpid()}-{workers}"
        with _processes(_DOCKET, workers, url, name):
            rate = await _docket_alone(url, name, seconds, 64)
        print(f"docket alone,   {workers} worker(s): {rate:7,.0f} tasks/s")
    for executor in ("docket", "local"):
        for workers in (1, 2):
            prefix = mark.format(f"{executor}{workers}")
            with _processes(_WORKER, workers, url, prefix, executor):
                async with _caller(url, prefix, executor) as app:
                    delays = await _delays(app, 200)
                    rate = await _rate(app, seconds, 64)
            print(
                f"runs by {executor:6}, {workers} worker(s): {rate:7,.0f} runs/s with 64 in flight; from wanting to"
                f" beginning {delays[100]:.1f} ms p50, {delays[197]:.1f} ms p99"
            )


@contextlib.contextmanager
def _server(given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    from tests.core.stores.redis.servers import single

    with tempfile.TemporaryDirectory() as folder, single(Path(folder)) as server:
        yield server.url


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--url")
    given = parser.parse_args()
    with _server(given.url) as url:
        asyncio.run(_measure(url, given.seconds))


if __name__ == "__main__":
    main()
