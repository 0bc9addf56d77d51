"""``--watch``: a list that stays up to date.

On a terminal the list is drawn anew in place; elsewhere each row is written once, and again whenever it changes,
so that a program can read the changes line by line. The store's event feed says when to look; nothing is polled
but the ages on the screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nexus.errors import NexusError
from nexus.service import Service
from nexus_tui.cli.following import telling_connection
from nexus_tui.cli.invocation import Invocation
from nexus_tui.cli.output import Output
from nexus_tui.cli.views import View

Rows = Sequence[dict[str, Any]]

GATHER = 0.2
"""Seconds in which further changes join one drawing."""
AGEING = 2.0
"""Seconds after which ages on a screen are out of date."""


async def watch(call: Invocation, service: Service, fetch: Callable[[], Awaitable[Rows]], view: View) -> None:
    """Show a list until interrupted.

    Args:
        call: How to show it.
        service: Whose feed says that something changed.
        fetch: Gives the list as it is now.
        view: How it is shown.

    Raises:
        NexusError: The store or the server went away, or the filter has a mistake.
    """
    changed = asyncio.Event()
    output = call.output
    screen = _Screen(view, output)
    try:
        with telling_connection(call, service):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_listen(service, changed))
                while True:
                    screen.show(await fetch())
                    output.flush()
                    await _wait(changed, AGEING if output.drawn else None)
    except* (NexusError, BrokenPipeError) as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _listen(service: Service, changed: asyncio.Event) -> None:
    async for item in service.feed():
        if item.event is not None or item.trimmed:
            changed.set()


async def _wait(changed: asyncio.Event, longest: float | None) -> None:
    try:
        async with asyncio.timeout(longest):
            await changed.wait()
    except TimeoutError:
        return
    await asyncio.sleep(GATHER)
    changed.clear()


class _Screen:
    """What was shown last, and how the next state follows it."""

    def __init__(self, view: View, output: Output) -> None:
        self._view, self._output = view, output
        self._shown: dict[Any, dict[str, Any]] = {}

    def show(self, rows: Rows) -> None:
        if self._output.drawn:
            self._output.write("\x1b[H\x1b[2J")
            self._output.rows(rows, self._view)
            return
        for row in rows:
            if self._shown.get(row[self._view.id]) != row:
                self._output.row(row, self._view)
        self._shown = {row[self._view.id]: row for row in rows}
