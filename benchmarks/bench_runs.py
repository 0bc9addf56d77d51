"""Runs on SQLite: durable steps per second, runs per second, and how soon a killed process is replaced.

Each commit is an fsync, so the figures follow the disk: its own rate stands beside them.

    python benchmarks/bench_runs.py [--seconds 2] [--store sqlite:////some/file]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

_CORE = Path(__file__).resolve().parent.parent / "core"
sys.path.insert(0, str(_CORE))

from nexus import AsyncNexus  # noqa: E402 - the path comes first
from nexus.model import Status  # noqa: E402

_VICTIM = """
import asyncio, sys
from nexus import AsyncNexus
async def main():
    app = AsyncNexus(store=sys.argv[1])
    @app.workflow("steps")
    async def steps(run):
        async for number in run.steps(range(10**9)):
            run.state["n"] = number
            await asyncio.sleep(0.001)
    async with app:
        await app.start()
        await app.execute_workflow("steps", sys.argv[2])
asyncio.run(main())
"""


def _workflows(app: AsyncNexus) -> None:
    @app.workflow("sync-steps")
    def sync_steps(run: Any, seconds: float) -> int:
        until = time.perf_counter() + seconds
        for number in run.steps(iter(int, 1)):
            run.state["n"] = number
            if time.perf_counter() > until:
                break
        return int(run.step)

    @app.workflow("async-steps")
    async def async_steps(run: Any, seconds: float) -> int:
        until = time.perf_counter() + seconds
        async for number in run.steps(iter(int, 1)):
            run.state["n"] = number
            if time.perf_counter() > until:
                break
        return int(run.step)

    @app.workflow("nothing")
    async def nothing() -> None: ...

    @app.workflow("steps")
    async def steps(run: Any) -> int:
        return int(run.state["n"])


async def _steps(app: AsyncNexus, kind: str, interval: int, seconds: float, sessions: int) -> float:
    async def one() -> int:
        result = await app.execute_workflow(f"{kind}-steps", inputs={"seconds": seconds}, checkpoint_interval=interval)
        return result.step

    return sum(await asyncio.gather(*(one() for _ in range(sessions)))) / seconds


async def _runs(app: AsyncNexus, seconds: float, callers: int) -> float:
    until = time.perf_counter() + seconds
    done = 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await app.execute_workflow("nothing")
            done += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / seconds


async def _recovery(app: AsyncNexus, url: str, session_id: str) -> float:
    """Seconds from the kill to the commit by which this process has the run."""
    environment = {**os.environ, "PYTHONPATH": str(_CORE)}
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, url, session_id], env=environment)
    await app.create_session(session_id=session_id)
    async with app.parts.engine.watch(session_id) as watch:
        await _until(watch.wait, app, session_id, lambda session: session.step > 5)
        victim.kill()
        killed = time.perf_counter()
        victim.wait()
        await _until(watch.wait, app, session_id, lambda session: session.status is not Status.IN_PROGRESS)
    return time.perf_counter() - killed


async def _until(
    wait: Callable[[float], Awaitable[bool]], app: AsyncNexus, session_id: str, holds: Callable[[Any], bool]
) -> None:
    while not holds(await app.get_session(session_id)):
        await wait(30)


def _fsyncs(folder: str, seconds: float = 0.5) -> float:
    file = Path(folder) / "probe"
    handle = os.open(file, os.O_CREAT | os.O_WRONLY)
    until, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        os.pwrite(handle, b"x" * 4096, 0)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / seconds


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--store")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{folder}/bench.sqlite3"
        print(f"disk: {_fsyncs(folder):,.0f} fdatasync/s")
        async with AsyncNexus(store=url) as app:
            _workflows(app)
            await app.execute_workflow("nothing")
            for kind in ("async", "sync"):
                for interval, sessions in ((1, 1), (10, 1), (1, 32), (10, 32)):
                    rate = await _steps(app, kind, interval, given.seconds, sessions)
                    print(f"{kind:5} steps, interval {interval:2}, {sessions:2} runs: {rate:8,.0f} steps/s")
            for callers in (1, 32):
                rate = await _runs(app, given.seconds, callers)
                print(f"runs, each in a new session, {callers:2} callers: {rate:6,.0f} runs/s")
            if url.startswith("sqlite"):
                delays = sorted([await _recovery(app, url, f"victim-{number}") for number in range(5)])
                print(f"kill -9 to the end of the taken-over run: {delays[2]:.2f} s median, {delays[-1]:.2f} s longest")


if __name__ == "__main__":
    asyncio.run(main())
