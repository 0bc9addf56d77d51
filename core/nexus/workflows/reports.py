"""Progress reports: a few a second at most, and the last one is never lost."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from nexus.errors import InvalidInput, NexusError
from nexus.model import Progress
from nexus.tasks import end
from nexus.workflows.stops import Stop

EVERY = 0.25
"""Seconds between two reports; what is said in between is overtaken by what is said last."""
_log = logging.getLogger("nexus.runs")


def progress_of(done: object, total: object, note: object) -> Progress:
    """What ``run.progress`` was given.

    Raises:
        InvalidInput: ``done`` or ``total`` is no finite number, or ``note`` no text.
    """
    for name, value in (("done", done), ("total", total)):
        if name == "total" and value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise InvalidInput(f"progress: {name} is {value!r}, which is no number", field=name)
    if note is not None and not isinstance(note, str):
        raise InvalidInput(f"progress: note is a {type(note).__name__}, not text", field="note")
    assert isinstance(done, int | float)  # noqa: S101 - checked above
    return Progress(done=done, total=total if isinstance(total, int | float) else None, note=note)


class Reports:
    """Holds what was said last until it is committed; used on the event loop.

    Args:
        send: Commits one report.
    """

    def __init__(self, send: Callable[[Progress], Awaitable[None]]) -> None:
        self._send = send
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None
        self.pending: Progress | None = None

    def say(self, progress: Progress) -> None:
        """Report soon, unless a commit of the run carries it first."""
        self.pending = progress
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush())

    def sent(self, progress: Progress | None) -> None:
        """A commit has carried this one."""
        if self.pending is progress:
            self.pending = None

    async def close(self) -> None:
        """Send nothing more by itself; what is pending stays for the last commit."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            await end(task)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self.pending is not None:
            await asyncio.sleep(max(0.0, self._due - loop.time()))
            self._due = loop.time() + EVERY
            if not await self._sent_pending():
                return

    async def _sent_pending(self) -> bool:
        progress = self.pending
        if progress is None:
            return False
        try:
            await self._send(progress)
        except Stop:
            return False
        except NexusError as error:
            _log.warning("a progress report could not be committed: %s", error)
            return False
        self.sent(progress)
        return True
