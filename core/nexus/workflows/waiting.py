"""Waiting for a run, whichever process executes it."""

from __future__ import annotations

import asyncio

from nexus.errors import InvalidTransition, WaitTimeout
from nexus.lifecycle.outcomes import result, result_of
from nexus.model import FINAL, Run, RunResult, RunStatus
from nexus.model.change import Snapshot
from nexus.sessions.engine import Engine
from nexus.workflows.wanted import KIND, wanted_of

_LOOK_EVERY = 30.0
_OVER = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


def rests(run: Run) -> bool:
    """Whether it is over, or waits for a signal that has not come."""
    return run.status in _OVER or (run.status is RunStatus.SUSPENDED and run.worker is None)


async def wait_for_run(engine: Engine, session_id: str, run_id: str, timeout: float | None) -> RunResult:
    """The outcome of a run once it is over or suspended.

    Args:
        engine: Where it is recorded.
        session_id: Its session.
        run_id: The run; one that waits for its turn is waited for too.
        timeout: Seconds; ``None`` for no limit.

    Raises:
        WaitTimeout: It was neither in that time.
        InvalidTransition: It is over, and its outcome has made room for a later run's.
        SessionNotFound: There is no such session any more.
    """
    loop = asyncio.get_running_loop()
    until = None if timeout is None else loop.time() + timeout
    async with engine.watch(session_id) as watch:
        while True:
            found = await _look(engine, session_id, run_id)
            if found is not None:
                return found
            left = _LOOK_EVERY if until is None else min(_LOOK_EVERY, until - loop.time())
            if left <= 0:
                raise WaitTimeout(
                    f"run {run_id} of session {session_id} was not over within {timeout:g} s; it goes on",
                    session_id=session_id, run_id=run_id,
                )  # fmt: skip
            await watch.wait(left)


async def _look(engine: Engine, session_id: str, run_id: str) -> RunResult | None:
    snapshot = await engine.load(session_id)
    run = snapshot.run
    if run is not None and run.id == run_id:
        return result(snapshot.session, run) if rests(run) else None
    inbox = [wanted_of(message) for message in await engine.store.inbox(session_id) if message.kind == KIND]
    queued = next((wanted for wanted in inbox if wanted.run_id == run_id), None)
    if queued is not None:
        return _never_begun(snapshot, run_id, queued.workflow) if snapshot.session.status in FINAL else None
    again = await engine.load(session_id)
    if again.run is not None and again.run.id == run_id:
        return result_of(again) if rests(again.run) else None
    if again.session.version != snapshot.session.version:
        return None
    raise InvalidTransition(
        f"run {run_id} of session {session_id} is over, and {again.session.run_id} came after it:"
        " only the last run's outcome is kept",
        session_id=session_id, run_id=run_id,
    )  # fmt: skip


def _never_begun(snapshot: Snapshot, run_id: str, workflow: str) -> RunResult:
    return RunResult(
        session_id=snapshot.session.id, run_id=run_id, workflow=workflow, status=RunStatus.CANCELLED,
        last_checkpoint=snapshot.session.last_checkpoint,
    )  # fmt: skip
