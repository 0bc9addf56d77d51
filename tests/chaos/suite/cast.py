"""The processes of a round: started, killed, frozen, and started again when they are gone, as an init system would."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from nexus.verifying.load import RULES

FROZEN: Final = 2 * float(RULES["recovery_interval"]) + 0.3
"""Seconds of a freeze: beyond the lease, so that others take over."""
GENERATION: Final = "CHAOS_GENERATION"
"""In the environment: how often a process of this name has been started."""
_AGAIN: Final = 0.3
_EXPECTED: Final = frozenset({0, 6, -signal.SIGKILL, -signal.SIGTERM})
"""How a process may end here: told to, killed, or because it found no store when it started."""


class Actor:
    """One of the processes.

    Args:
        name: Its name.
        words: Its command.
        environment: Its environment.
        clock: The file that its clock reads.
        log: Where it says what it says.
    """

    def __init__(self, name: str, words: Sequence[str], environment: Mapping[str, str], clock: Path, log: Path) -> None:
        self.name, self.clock = name, clock
        self._words, self._environment, self._log = words, environment, log
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._generations = itertools.count(1)
        self.died: list[int] = []
        """The codes with which it ended though nobody told it to."""

    def start(self) -> None:
        """Start it, and again whenever it has ended, until ``stop``."""
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            # The disk of the log may be full.
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                given = {**self._environment, GENERATION: str(next(self._generations))}
                self._process = await asyncio.create_subprocess_exec(
                    *self._words, env=given, stdin=asyncio.subprocess.PIPE,
                    stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            finally:
                os.close(log)
            code = await self._process.wait()
            if code not in _EXPECTED:
                self.died.append(code)
            await asyncio.sleep(_AGAIN)

    def kill(self) -> None:
        """End it at once, and the commands that it has started: nobody changes anything once all actors are stopped."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def freeze(self) -> None:
        """Stop it for longer than its lease, and let it go on."""
        victim = self._process
        self._signal(signal.SIGSTOP)
        await asyncio.sleep(FROZEN)
        if victim is not None and victim.returncode is None:
            victim.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """End it for good."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self.kill()
        if self._process is not None:
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
