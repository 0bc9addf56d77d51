"""Progress of a run, told to the client that asked for it.

The events ``run.progress`` and ``run.step`` of the session come through ``Service.feed``, whichever process
executes the run; of a run that was live in the session before, nothing is told. Once a run speaks of its own
progress, its steps are no longer reported: two scales in one row would make no sense. Values only rise, as the
protocol demands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, cast

from nexus.model import Event, RunResult
from nexus.service import Service

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""``(done, total, note)``; ``total`` is ``None`` when nobody knows it."""

_ENDS = frozenset({"run.completed", "run.failed", "run.cancelled", "run.suspended"})
_GRACE = 1.0
"""Seconds that a finished call waits for the feed to have told the rest."""


class Reporter:
    """Follows one session's feed for the length of one call."""

    def __init__(self, service: Service, session_id: str, workflow: str, report: Report) -> None:
        self._service = service
        self._session_id = session_id
        self._workflow = workflow
        self._report = report
        self._mine: set[str] = set()
        self._ready = asyncio.Event()
        self._ended: set[str] = set()
        self._told = asyncio.Condition()
        self._last = -1.0
        self._own_scale = False

    async def follow(self) -> None:
        """Report until cancelled; run it as a task."""
        try:
            feed = self._service.feed("type:run.*")  # cheaper than a filter on the session, which loads it
            async with aclosing(cast(Any, feed)) as items:
                async for item in items:
                    if item.live:
                        self._ready.set()
                    if item.event is not None:
                        await self._tell(item.event)
        finally:
            self._ready.set()

    async def ready(self) -> None:
        """Wait until nothing that happens from now on is missed."""
        await self._ready.wait()

    async def finish(self, result: RunResult) -> None:
        """Report what is left to say of a run that has ended.

        Waits, a moment at most, for the events before its end, then tells how far it came: its last commit may have
        carried that without an event of its own.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE), self._told:
                await self._told.wait_for(lambda: result.run_id in self._ended)
        run = await self._service.get_run(result.session_id)
        said = run.progress if run is not None and run.id == result.run_id else None
        if said is not None:
            await self._send(said.done, said.total, said.note)
        elif result.step and not self._own_scale:
            await self._send(result.step, None, None)

    async def _tell(self, event: Event) -> None:
        if event.session_id != self._session_id:
            return
        run_id = str(event.data.get("run_id"))
        if event.type == "run.started" and event.data.get("workflow") == self._workflow:
            self._mine.add(run_id)
        elif event.type in _ENDS:
            async with self._told:
                self._ended.add(run_id)
                self._told.notify_all()
        elif run_id in self._mine:
            await self._tell_how_far(event)

    async def _tell_how_far(self, event: Event) -> None:
        if event.type == "run.progress":
            self._own_scale = True
            await self._send(event.data.get("done"), event.data.get("total"), event.data.get("note"))
        elif event.type == "run.step" and not self._own_scale:
            await self._send(event.data.get("step"), None, None)

    async def _send(self, done: Any, total: Any, note: Any) -> None:
        if not isinstance(done, int | float) or done <= self._last:
            return
        self._last = float(done)
        await self._report(
            float(done),
            float(total) if isinstance(total, int | float) else None,
            note if isinstance(note, str) else None,
        )
