"""Drives one acquired run: calls the body, and commits what came of it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from nexus.errors import InvalidInput, PayloadTooLarge
from nexus.model import jsonvalue
from nexus.model.change import Snapshot
from nexus.sessions.hiding import place_of
from nexus.sessions.threads import in_thread
from nexus.workflows.context import AsyncRun, SyncRun
from nexus.workflows.execution import Execution
from nexus.workflows.registry import Workflow
from nexus.workflows.schema import jsonable
from nexus.workflows.stops import RunLost, RunReleased, Stop
from nexus.workflows.threads import LoopBridge

UNWINDING = 1.0
"""Seconds that a body has to notice that it is not to go on, before it is cancelled; and then to unwind."""
INSIDE: ContextVar[bool] = ContextVar("nexus_inside_run", default=False)
"""Whether the code that runs is part of a run: what it waits for must not wait for its place."""
_SHOWN = 2000
_LOOKED_AT = 4 * _SHOWN
"""Characters of an error's text that are looked at for hidden values, which covered up may be shorter."""
_log = logging.getLogger("nexus.runs")


class Returned(msgspec.Struct, frozen=True):
    """The body came to its end."""

    value: Any


class Raised(msgspec.Struct, frozen=True):
    """The body raised."""

    error: BaseException


Ending = Returned | Raised


async def drive(execution: Execution, workflow: Workflow) -> Snapshot | None:
    """Run the body to its end, its suspension, or to where it is handed over.

    Returns:
        The session after the run's last commit here; ``None`` if the run is no longer this process's, or the store
        was away for longer than others leave it alone.
    """
    try:
        ending = await _run_body(execution, workflow)
        await execution.reports.close()
        return await _commit(execution, ending)
    except RunLost:
        _log.info("run %s: its session has ended, or another process goes on with it", execution.lease.run_id)
        return None
    finally:
        await execution.close()


async def _run_body(execution: Execution, workflow: Workflow) -> Ending | None:
    """What came of the body; ``None`` if it would not unwind."""
    try:
        values = workflow.schema.arguments(execution.inputs)
    except InvalidInput as error:
        return Raised(error)
    name = f"run-{execution.lease.run_id}"
    body: asyncio.Future[Ending]
    if workflow.is_async:
        body = asyncio.create_task(_async_body(execution, workflow, values), name=name)
    else:
        body = in_thread(partial(_sync_body, execution, workflow, values), name)
    either: set[asyncio.Future[Any]] = {body, execution.halted}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not body.done() and execution.cancelled:
        await asyncio.wait({body}, timeout=UNWINDING)
    if not body.done() and workflow.is_async:
        body.cancel()
        await asyncio.wait({body}, timeout=UNWINDING)
    if not body.done():
        _log.warning("run %s does not stop; what it does from here on is not kept", execution.lease.run_id)
        return None
    return body.result()


async def _async_body(execution: Execution, workflow: Workflow, values: Mapping[str, Any]) -> Ending:
    # Everything is caught: SystemExit from a task would stop the whole event loop.
    INSIDE.set(True)
    try:
        return Returned(await workflow.shape.call(values, AsyncRun(execution)))
    except BaseException as error:  # noqa: BLE001
        return Raised(error)


def _sync_body(execution: Execution, workflow: Workflow, values: Mapping[str, Any]) -> Ending:
    INSIDE.set(True)
    try:
        value = workflow.shape.call(values, SyncRun(execution, LoopBridge(execution.loop)))
        if inspect.iscoroutine(value):
            value.close()
            return Raised(TypeError("it returned a coroutine without being async: declare it with async def"))
        return Returned(value)
    except BaseException as error:  # noqa: BLE001
        return Raised(error)


async def _commit(execution: Execution, ending: Ending | None) -> Snapshot | None:
    """A stop that was asked for outranks what the body made of it, but not a result."""
    if execution.cancelled:
        return None
    if execution.wait is not None:
        return await execution.suspend()
    if isinstance(ending, Returned):
        return await _finish(execution, ending.value)
    if ending is None or (execution.stop is RunReleased and isinstance(ending.error, Stop | asyncio.CancelledError)):
        return await execution.release()
    text = error_text(ending.error, partial(execution.told, most=_LOOKED_AT))
    _log.warning(
        "run %s of workflow %s in session %s failed%s: %s",
        execution.lease.run_id, execution.run.workflow, execution.lease.session_id,
        place_of(ending.error, beside=Path(__file__).parent),
        f"{type(ending.error).__name__} (its text is hidden)" if execution.hides_errors else _inert(text),
    )  # fmt: skip
    return await _fail(execution, text)


async def _finish(execution: Execution, value: Any) -> Snapshot:
    try:
        return await execution.finish(_outputs(value, execution.max_bytes))
    except (InvalidInput, PayloadTooLarge) as error:
        return await _fail(execution, error_text(error, partial(execution.told, outputs=value, most=_LOOKED_AT)))


async def _fail(execution: Execution, text: str) -> Snapshot:
    try:
        return await execution.fail(text)
    except PayloadTooLarge:
        return await execution.give_up(text)


def _outputs(value: Any, limit: int) -> bytes:
    try:
        jsonvalue.check(value, "outputs")
    except InvalidInput:
        value = jsonable(value, "outputs")
    return jsonvalue.encode(value, "outputs", limit)


def error_text(error: BaseException, told: Callable[[str], str]) -> str:
    """``TypeName: message``, of the one that matters where several were raised together.

    Args:
        error: What was raised.
        told: From a text to what of it may be told.
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    text = told(str(error)).encode(errors="replace").decode()
    name = type(error).__name__
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}…"
    return f"{name}: {text}" if text else name


def _inert(text: str) -> str:
    """One line without control codes: logs are read on terminals."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
