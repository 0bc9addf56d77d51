"""Processes that execute runs, as users start them, and what they have done."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from nexus import AsyncNexus
from nexus.workflows.executors.docket import DocketExecutor
from tests.core.workflows.executors.crew_app import app as crew_app
from tests.core.workflows.support import PATIENCE
from tests.running import command, environment

APP = f"{Path(__file__).with_name('crew_app.py')}:app"


class Place(msgspec.Struct, frozen=True):
    """Where a test's processes meet."""

    url: str
    prefix: str
    folder: Path
    docket: bool

    @property
    def log(self) -> Path:
        """Where each step that begins is one line."""
        return self.folder / "steps"

    def app(self, **settings: Any) -> AsyncNexus:
        """An app of this process; it is not opened."""
        given = {"recovery_interval": 10.0, "session_lock_timeout": PATIENCE, **settings}
        return crew_app.derive(store=self.url, session_prefix=self.prefix, **given)

    def watcher(self, **settings: Any) -> AsyncNexus:
        """An app of this process that leaves all runs to others; it is not opened."""
        return self.app(embedded_worker=False, **settings)

    def start(self, *words: str, within: Sequence[str] = (), **settings: object) -> subprocess.Popen[bytes]:
        """``nexus WORDS`` in a process of its own, started by the command ``within``."""
        given = {"recovery_interval": 10.0, **settings}
        env = {f"NEXUS_{name.upper()}": str(value) for name, value in given.items()}
        more = {"NEXUS_SESSION_PREFIX": self.prefix, "STEP_LOG": str(self.log), **env}
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                [*within, *command(*words, "--app", APP)],
                env=environment(self.url, **more),
                stdout=output,
                stderr=output,
            )

    @contextmanager
    def process(self, *words: str, within: Sequence[str] = (), **settings: object) -> Iterator[subprocess.Popen[bytes]]:
        """As ``start``; killed at the end, if it is still there."""
        child = self.start(*words, within=within, **settings)
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGCONT)
            child.kill()
            child.wait()

    def begun(self) -> dict[str, list[int]]:
        """The steps that were begun, in order, by session."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for line in self.log.read_text().splitlines() if self.log.exists() else ():
            session, step, _ = line.split()
            found[session].append(int(step))
        return found


@asynccontextmanager
async def working(place: Place, **settings: Any) -> AsyncIterator[AsyncNexus]:
    """An app of this process that executes runs; where there is docket, it carries them already."""
    async with place.app(**settings) as app:
        await app.start()
        executor = app.parts.executor
        assert isinstance(executor, DocketExecutor) == place.docket
        async with asyncio.timeout(PATIENCE):
            while isinstance(executor, DocketExecutor) and not executor.carried:
                await asyncio.sleep(0.01)
        yield app


async def at_work(app: AsyncNexus, *processes: subprocess.Popen[bytes]) -> None:
    """Return when these processes are there to execute runs."""
    wanted = {process.pid for process in processes}
    async with asyncio.timeout(PATIENCE):
        while not wanted <= {worker.pid for worker in await app.store.workers() if worker.alive}:
            for process in processes:
                assert process.poll() is None, "a process has ended before it could work"
            await asyncio.sleep(0.02)


async def end_of(process: subprocess.Popen[bytes]) -> int:
    """Its exit code, once it has ended."""
    return await asyncio.to_thread(process.wait, PATIENCE)


async def holder(app: AsyncNexus, session_id: str) -> int:
    """The process that holds a session's run."""
    snapshot = await app.parts.engine.load(session_id)
    assert snapshot.run is not None
    workers = {worker.id: worker.pid for worker in await app.store.workers()}
    return workers.get(snapshot.run.worker or "", 0)


def none_skipped(begun: list[int], steps: int, interval: int) -> int:
    """No step is skipped, and none repeated that was committed; how many were repeated."""
    assert set(begun) == set(range(steps))
    for before, after in pairwise(begun):
        assert 0 <= before + 1 - after <= interval, f"{after} came after {before} at interval {interval}"
    return len(begun) - steps


def me() -> int:
    """This process."""
    return os.getpid()
