"""Drive the example workflows through all three channels, gently, until told to stop.

``python -m examples.traffic --server http://127.0.0.1:8000`` (in an installed Nexus: ``python -m
nexus_tui.examples.traffic``). It stops at once on SIGTERM, Ctrl+C or the end of its stdin with ``--follow-stdin``,
ends the processes it started, and removes what it wrote.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import httpx

from .doors import Doors, Refused, open_doors
from .scenes import SCENES, Scene, Stage

AT_ONCE = 3
"""Most scenes under way together: enough to look alive, few enough for a small machine."""
GIVE_UP = 5
"""Connection failures in a row after which the server is taken to be gone."""


class Driver:
    """Starts scenes at a pace and keeps count of them.

    Args:
        doors: The channels to the server.
        folder: Where scenes may write.
        pace: Seconds between two scenes, and the unit of people's thinking.
        seed: Makes the choices repeatable.
        scenes: How many to start; ``None`` for no end.
    """

    def __init__(self, doors: Doors, folder: Path, *, pace: float, seed: int | None, scenes: int | None) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a choice of scenery
        self._stage = Stage(doors, folder, self._chance, pace)
        self._pace = pace
        self._left = scenes
        self._room = asyncio.Semaphore(AT_ONCE)
        self._failures = 0
        self.played: dict[str, int] = {}

    async def drive(self) -> None:
        """Play scenes until cancelled, until all have been played, or until the server has gone."""
        programme = list(SCENES)
        async with asyncio.TaskGroup() as tasks:
            while (self._left is None or self._left > 0) and self._failures < GIVE_UP:
                await self._room.acquire()
                scene = programme.pop(0) if programme else self._chance.choice(SCENES)
                tasks.create_task(self._play(scene))
                self._left = None if self._left is None else self._left - 1
                await asyncio.sleep(self._pace * self._chance.uniform(0.5, 1.5))

    async def _play(self, scene: Scene) -> None:
        try:
            await scene(self._stage)
            self._failures = 0
            self.played[scene.__name__] = self.played.get(scene.__name__, 0) + 1
        except (httpx.TransportError, OSError) as error:
            self._failures += 1
            print(f"{scene.__name__}: the server does not answer: {error!r}", file=sys.stderr)
        except Refused as error:
            print(f"{scene.__name__}: {error}", file=sys.stderr)
        finally:
            self._room.release()


async def traffic(server: str, *, pace: float, seed: int | None, scenes: int | None, follow_stdin: bool) -> int:
    """Play until told to stop; 0 when stopped or done, 6 when the server has gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    if follow_stdin:
        threading.Thread(target=_wait_for_end, args=(loop, stop), daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="nexus-traffic-") as folder:
        async with open_doors(server.rstrip("/")) as doors:
            driver = Driver(doors, Path(folder), pace=pace, seed=seed, scenes=scenes)
            playing = asyncio.create_task(driver.drive())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await playing
                if not stop.is_set() and scenes is None:
                    return 6
    print(" ".join(f"{name} {count}" for name, count in sorted(driver.played.items())))
    return 0


def _wait_for_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever started us holds the other end: when it closes, they have stopped or died."""
    # Not by sys.stdin: a thread that waits in it holds its lock, and the interpreter could not end.
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def main() -> int:
    """Read the command line and drive."""
    parser = argparse.ArgumentParser(prog="traffic", description="Drive the example workflows through all channels.")
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--pace", type=float, default=2.0, help="seconds between two scenes")
    parser.add_argument("--seed", type=int, default=None, help="makes the choices repeatable")
    parser.add_argument("--scenes", type=int, default=None, help="how many to play; no end if not given")
    parser.add_argument("--follow-stdin", action="store_true", help="stop when stdin ends")
    given = parser.parse_args()
    return asyncio.run(
        traffic(given.server, pace=given.pace, seed=given.seed, scenes=given.scenes, follow_stdin=given.follow_stdin)
    )


if __name__ == "__main__":
    sys.exit(main())
