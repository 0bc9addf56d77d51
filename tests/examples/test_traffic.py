"""The traffic driver: every scene plays to its end on a real server, and it stops at once when told."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from examples.doors import open_doors
from examples.nexus_app import app
from examples.scenes import SCENES, Scene, Stage
from examples.traffic import Driver
from nexus.channels.http import serve
from tests.cli.support import ROOT, environment


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """A server with the examples, in this process."""
    import asyncio

    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    served = app.core.derive(store=f"sqlite:///{tmp_path}/traffic.sqlite3")
    serving = asyncio.create_task(serve(served, port=0, ready=url.set_result, stop=stop))
    yield await url
    stop.set()
    await serving


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_a_scene_plays_to_its_end(scene: Scene, server: str, tmp_path: Path) -> None:
    async with open_doors(server) as doors:
        await scene(Stage(doors, tmp_path, random.Random(1), 0.01))
        async with httpx.AsyncClient(base_url=server, timeout=60) as client:
            sessions = (await client.get("/sessions")).json()
    assert sessions["total"] > 0
    assert all(item["status"] not in {"in_progress", "suspended"} for item in sessions["items"])


async def test_the_driver_plays_each_scene_once_before_any_twice(server: str, tmp_path: Path) -> None:
    async with open_doors(server) as doors:
        driver = Driver(doors, tmp_path, pace=0.01, seed=5, scenes=len(SCENES))
        await driver.drive()
    assert driver.played == {scene.__name__: 1 for scene in SCENES}


async def test_the_driver_gives_up_when_the_server_has_gone(tmp_path: Path) -> None:
    async with open_doors("http://127.0.0.1:1") as doors:
        driver = Driver(doors, tmp_path, pace=0.01, seed=5, scenes=None)
        await driver.drive()
    assert driver.played == {}


@pytest.mark.parametrize("how", ["signal", "stdin"])
async def test_it_stops_at_once_when_told(server: str, tmp_path: Path, how: str) -> None:
    (tmp_path / "tmp").mkdir()
    arguments = [sys.executable, "-m", "examples.traffic", "--server", server, "--pace", "0.05", "--follow-stdin"]
    import asyncio

    running = await asyncio.create_subprocess_exec(
        *arguments, cwd=ROOT, env=environment(tmp_path, TMPDIR=str(tmp_path / "tmp")),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with httpx.AsyncClient(base_url=server, timeout=60) as client, client.stream("GET", "/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                break
    if how == "signal":
        running.send_signal(signal.SIGTERM)
    out, err = await running.communicate(None if how == "signal" else b"")
    assert running.returncode == 0, err
    assert list((tmp_path / "tmp").iterdir()) == []
    assert out is not None
