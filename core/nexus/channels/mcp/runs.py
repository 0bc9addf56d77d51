"""Runs that outlive the call that wanted them.

A client that drops its stream or cancels the request cancels the handler, never the run: the run is executed by the
service in a task of its own, which a cancelled call leaves behind. So the next call, or any other channel, finds the
session with the run going on or ended. A call that asked for no progress also stops waiting by itself after ``wait``
seconds, below the minute after which common clients give up, and answers with the run as it stands: the client
gets the ``session_id`` instead of a time-out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from nexus.channels.mcp.progress import Report, Reporter
from nexus.errors import NexusError
from nexus.model import RunResult, RunStatus
from nexus.service import Service

WAIT = 50.0
"""Seconds that a call without progress waits for its run."""

_log = logging.getLogger("nexus.mcp")


class Runs:
    """The tasks of one server that outlive their calls. ``close`` before the app closes."""

    def __init__(self, wait: float = WAIT) -> None:
        self._wait = wait
        self._tasks: set[asyncio.Task[Any]] = set()

    async def execute(
        self, service: Service, workflow: str, inputs: Mapping[str, Any], session_id: str, report: Report | None
    ) -> RunResult:
        """Run ``workflow`` in ``session_id`` and wait for it.

        Args:
            service: Bound to the caller.
            workflow: Its name.
            inputs: Checked inputs.
            session_id: Of an existing session or a new one.
            report: Where progress goes; ``None`` if the client wants none.

        Returns:
            The result; one with status ``in_progress`` if the run takes longer than such a call waits.

        Raises:
            NexusError: As ``Service.execute``.
        """
        reporter = Reporter(service, session_id, workflow, report) if report is not None else None
        following = self._spawn(reporter.follow()) if reporter is not None else None
        try:
            if reporter is not None:
                await reporter.ready()
            run = self._spawn(service.execute(workflow, inputs, session_id=session_id))
            await asyncio.wait({run}, timeout=self._wait if report is None else None)
            if not run.done():
                return await _so_far(service, workflow, inputs, session_id)
            result: RunResult = run.result()
            if reporter is not None:
                await reporter.finish(result)
            return result
        finally:
            if following is not None:
                following.cancel()

    async def close(self) -> None:
        """Stop waiting for what still runs; the executor decides what becomes of the runs themselves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, NexusError):
            _log.error("a task of the MCP server failed", exc_info=error)


async def _so_far(service: Service, workflow: str, inputs: Mapping[str, Any], session_id: str) -> RunResult:
    session = await service.get_session(session_id)
    run = await service.get_run(session_id)
    if run is None or run.workflow != workflow or run.inputs != inputs:  # ours still waits for its turn
        return RunResult(session_id=session_id, run_id="", workflow=workflow, status=RunStatus.IN_PROGRESS)
    return RunResult(
        session_id=session_id,
        run_id=run.id,
        workflow=workflow,
        status=RunStatus.IN_PROGRESS,
        step=session.step,
        last_checkpoint=session.last_checkpoint,
    )
