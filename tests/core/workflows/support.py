"""What the workflow tests share: waiting for a session without sleeping, and processes that die on purpose."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus import AsyncNexus
from nexus.model import Event, RunResult, Session
from tests.running import environment

PATIENCE = 60.0
"""Seconds after which a wait in a test has failed."""


async def until(
    app: AsyncNexus, session_id: str, holds: Callable[[Session], bool], patience: float = PATIENCE
) -> Session:
    """The session as soon as something holds of it."""
    async with asyncio.timeout(patience), app.parts.engine.watch(session_id) as watch:
        while True:
            session = await app.get_session(session_id)
            if holds(session):
                return session
            await watch.wait(patience)


async def ended(app: AsyncNexus, result: RunResult) -> RunResult:
    """What came of a run."""
    return await app.parts.runs.wait(result.session_id, result.run_id, PATIENCE)


async def events(app: AsyncNexus, session_id: str, kind: str = "") -> list[Event]:
    """All events of a session, or those of one kind."""
    page = await app.store.list_events(session_id=session_id, limit=10_000)
    return [event for event in page if event.type.startswith(kind)]


async def checkpoints(app: AsyncNexus, session_id: str) -> list[tuple[int, int]]:
    """Number and step of each checkpoint kept."""
    return [(c.number, c.step) for c in await app.store.list_checkpoints(session_id, after=0, limit=1000)]


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs ``script``."""
    words = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(words, env=environment("memory://"), stdout=subprocess.PIPE, text=True)


def lines(path: Path) -> list[str]:
    """What has been written to a log."""
    return path.read_text().splitlines() if path.exists() else []


def note(path: Path, line: Any) -> None:
    """Write one line to a log that several processes share."""
    with path.open("a") as log:
        log.write(f"{line}\n")
