"""One process of load: ``python -m tests.chaos.suite.driver NAME SEED SECONDS SERVER…``.

It changes sessions for a while through every door at once: by a library of its own, which executes runs as well, by
HTTP and MCP on each server, and by commands; then it waits until its stdin is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import cast

from nexus.channels.client import RemoteService
from nexus.errors import NexusError, StoreUnavailable
from nexus.service import Service
from nexus.verifying.ledger import Log
from nexus.verifying.load import Load
from nexus_tui.cli.diagnostics import ExitCode
from tests.chaos.suite.app import LEDGER, STORE, made
from tests.chaos.suite.cast import GENERATION
from tests.chaos.suite.doors import CliDoor, Door, McpDoor

_PAUSE = 0.02
_RUN_EVERY = 0.3


async def main(name: str, seed: int, seconds: float, servers: list[str]) -> None:
    """Work, and serve until nobody needs it any more."""
    # What was killed may have left sessions behind: no process uses the ids of another.
    name = f"{name}.{os.environ[GENERATION]}"
    log = Log(Path(os.environ[LEDGER]), name)
    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(made(name, log))
        await app.start()
        own = app.service(app.local_caller("sdk"))
        work = [Load(own, f"{name}s", seed, log).work(seconds, _PAUSE)]
        work.append(_keep_running(Load(own, f"{name}r", seed, log), seconds))
        for number, url in enumerate(servers):
            remote = await stack.enter_async_context(RemoteService(url, channel="api", timeout=15.0))
            service = cast("Service", remote)
            work.append(Load(service, f"{name}h{number}", seed, log, "http").work(seconds, _PAUSE))
            work.append(_knock(McpDoor(url, f"{name}m{number}", seed, log), seconds))
        work.append(_knock(CliDoor(os.environ[STORE], os.environ, f"{name}c", seed, log), seconds))
        await asyncio.gather(*work)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _keep_running(load: Load, seconds: float) -> None:
    """Have some runs under way all the time: who is killed or frozen then has one in its hands."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await load.run()
        await asyncio.sleep(_RUN_EVERY)


async def _knock(door: Door, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(NexusError):
            await door.turn()
        await asyncio.sleep(_PAUSE)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
    except StoreUnavailable:
        # As it is with commands: whoever started it starts it again.
        sys.exit(ExitCode.UNREACHABLE)
