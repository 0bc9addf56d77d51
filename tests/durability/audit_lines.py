"""Kills itself at every n-th line of a store's code while it commits: ``python -m tests.durability.audit_lines URL N``.

Each death is that of a forked child that changes a session of its own; the next gets n lines further, until one lives
to the end. Prints how many died.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Final

from nexus import AsyncNexus
from nexus.errors import NexusError
from nexus.stores.redis import RedisStore
from nexus.stores.sqlite import SQLiteStore

_WATCHED: Final = f"{os.sep}nexus{os.sep}stores{os.sep}"
FORKED_WITH: Final = (RedisStore, SQLiteStore)
"""Imported once, before the forks."""


class Killer:
    """Counts lines of the stores' code once armed, and kills the process at the one that is wanted."""

    def __init__(self, line: int) -> None:
        self._left = line
        self.armed = False

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """For ``settrace``."""
        if _WATCHED not in frame.f_code.co_filename:
            return None
        if event == "line" and self.armed:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


async def change(url: str, line: int) -> None:
    """Change something of each kind."""
    killer = Killer(line)
    threading.settrace(killer.trace)
    async with AsyncNexus(store=url, embedded_worker=False) as app:
        name = f"s-{line}"
        await app.create_session(session_id=name)
        sys.settrace(killer.trace)
        await asyncio.sleep(0)
        killer.armed = True
        await asyncio.gather(app.update_session(name, {"a": line}), app.create_session(session_id=f"{name}-more"))
        await app.session_manager.create_group(f"g-{line}")
        with contextlib.suppress(NexusError):
            await app.create_session(session_id=name)
        await app.end_session(name)
        killer.armed = False
    sys.settrace(None)


def main(url: str, every: int) -> int:
    """How many children died."""
    line, died = 1, 0
    while True:
        child = os.fork()
        if child == 0:
            asyncio.run(change(url, line))
            os._exit(0)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            return died
        died += 1
        line += every


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1], int(sys.argv[2]))}\n")
