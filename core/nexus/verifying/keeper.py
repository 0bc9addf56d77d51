"""The process that cleans up after a check, however the check ends: it outlives it by as long as that takes.

``python -m nexus.verifying.keeper`` reads lines from its stdin: first the place as JSON, then ``+PID`` and ``-PID`` of
the processes that the check starts and has waited for. When stdin closes, because the check is done or was killed, it
ends those that are left, and removes all that is in the place. Until then it gives the keys a time to live now and
then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time

import msgspec

from nexus.errors import NexusError
from nexus.stores.opening import open_store
from nexus.verifying.place import PREFIX, TIME_TO_LIVE, Place, left_over

_EVERY = 15.0
_FIRST = 1.0


async def main() -> None:
    """See the module's docstring."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    place = msgspec.json.decode(await loop.run_in_executor(None, sys.stdin.readline), type=Place)
    reading = loop.run_in_executor(None, _read, lines, loop)
    marking = asyncio.create_task(_mark(place))
    await reading
    marking.cancel()
    await asyncio.gather(marking, return_exceptions=True)
    for pid in _left(lines):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    await clean(place)


async def clean(place: Place) -> None:
    """Remove all that is in the place, and on Redis what checks have left there that died with their machine."""
    if place.folder is not None:
        shutil.rmtree(place.folder, ignore_errors=True)
        return
    from nexus.stores.redis.sweeping import remove_all

    own, now = place.prefix.encode(), time.time()
    async with open_store(place.store, prefix=place.prefix) as store:
        await remove_all(store, PREFIX, lambda key: key.startswith(own) or left_over(key, now))  # type: ignore[arg-type]


async def _mark(place: Place) -> None:
    """Keep the time to live of the keys up to date."""
    if not place.on_redis:
        return
    from nexus.stores.redis.sweeping import expire_all

    pause = _FIRST
    while True:
        await asyncio.sleep(pause)
        pause = _EVERY
        with contextlib.suppress(NexusError):
            async with open_store(place.store, prefix=place.prefix) as store:
                await expire_all(store, place.prefix, TIME_TO_LIVE)  # type: ignore[arg-type]


def _read(lines: asyncio.Queue[str], loop: asyncio.AbstractEventLoop) -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line.strip())


def _left(lines: asyncio.Queue[str]) -> set[int]:
    """The processes that nobody has waited for."""
    left: set[int] = set()
    while not lines.empty():
        line = lines.get_nowait()
        (left.add if line[0] == "+" else left.discard)(int(line[1:]))
    return left


if __name__ == "__main__":
    asyncio.run(main())
