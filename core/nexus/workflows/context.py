"""``run``: what a workflow's body sees of the run that it is.

``SyncRun`` is given to plain functions, which run in a thread; ``AsyncRun`` to ``async`` ones, whose calls are
awaited. Annotate the parameter with either, or with ``RunContext`` for what both have, or just call it ``run``.

A resumed body runs again from the top: loops skip what they have completed, calls and waits give what they gave,
and the state is put back to what was committed there. What decides the way of a body must therefore be the same each
time, or come from ``run.call``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from nexus.errors import InvalidInput, WaitTimeout
from nexus.model import jsonvalue
from nexus.workflows.documents import put_back
from nexus.workflows.execution import Execution
from nexus.workflows.journal import Answer
from nexus.workflows.reports import progress_of
from nexus.workflows.schema import jsonable
from nexus.workflows.steps import Bridge, Steps

T = TypeVar("T")


class RunContext:
    """What both kinds have."""

    __slots__ = ("_execution",)
    _execution: Execution

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self._execution.lease.session_id

    @property
    def run_id(self) -> str:
        """The run's id; it stays when the run is resumed or taken over."""
        return self._execution.lease.run_id

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self._execution.run.workflow

    @property
    def channel(self) -> str:
        """The channel through which the run was asked for."""
        return self._execution.run.channel

    @property
    def actor(self) -> str:
        """Who asked for it."""
        return self._execution.run.actor

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs as they were given, in JSON values."""
        return self._execution.inputs

    @property
    def state(self) -> dict[str, Any]:
        """The session's state, to read and to change; JSON values only.

        Committed at checkpoints and when the run ends. What others patch meanwhile is merged in at each commit: keys
        that both changed stay as the run has them.
        """
        return self._execution.state

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        put_back(self._execution.state, dict(value))

    @property
    def step(self) -> int:
        """Steps completed, those before a resume included."""
        return self._execution.step

    @property
    def cancelled(self) -> bool:
        """Whether the session has ended, or the run is another process's now: what it does from here on is not kept.

        An async workflow is cancelled at an ``await`` a second after; any other is stopped when it asks ``run`` for
        something.
        """
        return self._execution.cancelled

    def _received(self, answer: Answer, signal: str) -> Any:
        if answer.timed_out:
            raise WaitTimeout(f"no signal {signal!r} came in time", signal=signal)
        return answer.read_payload()

    def _recorded(self, fn: Callable[..., Any], result: Any) -> bytes:
        name = _name(fn)
        try:
            jsonvalue.check(result, name)
        except InvalidInput:
            result = jsonable(result, name)
        return jsonvalue.encode(result, name, self._execution.max_bytes)


class SyncRun(RunContext):
    """``run`` of a synchronous workflow."""

    __slots__ = ("_bridge",)

    def __init__(self, execution: Execution, bridge: Bridge) -> None:
        super().__init__(execution)
        self._bridge = bridge

    def steps(self, items: Iterable[T] | AsyncIterable[T]) -> Steps[T]:
        """A durable loop: ``for item in run.steps(items)``.

        State, step and a checkpoint are committed together every ``checkpoint_interval`` completed steps. On resume
        the completed ones are skipped, so ``items`` must come in the same order. A step is complete when the next is
        asked for; one left by ``break`` or an exception is not, and runs again on resume.
        """
        return Steps(self._execution, items, self._bridge)

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``fn``, sync or async, once: its result is recorded, and given again on resume.

        Returns:
            The result as JSON values, the first time too. An exception is not recorded.

        Raises:
            InvalidInput, PayloadTooLarge: The result can't be recorded.
        """
        execution = self._execution
        key = execution.position.key()
        known, value = execution.recall(key)
        if known:
            return value
        result = fn(*args, **kwargs)
        if inspect.isawaitable(result):
            result = self._bridge(_awaited(result))
        recorded = self._recorded(fn, result)
        self._bridge(execution.record(key, recorded, _name(fn)))
        return jsonvalue.trusted(recorded)

    def checkpoint(self) -> None:
        """Commit the state as it is now, with a checkpoint."""
        self._bridge(self._execution.checkpoint())

    def wait_for(self, signal: str, timeout: float | None = None) -> Any:
        """The payload of the oldest signal of that name; until there is one the run is suspended and holds nothing.

        Args:
            signal: Its name.
            timeout: Seconds, counted from the first time that this is reached; ``None`` for no limit.

        Raises:
            WaitTimeout: None came in time; the workflow may go on without.
        """
        answer: Answer = self._bridge(self._execution.receive(*_waited(signal, timeout)))
        return self._received(answer, signal)

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Say how far the run is. A few reports a second are committed; the last one always is."""
        said = progress_of(done, total, note)
        self._execution.loop.call_soon_threadsafe(self._execution.reports.say, said)


class AsyncRun(RunContext):
    """``run`` of an asynchronous workflow; see ``SyncRun`` for what each call does."""

    __slots__ = ()

    def steps(self, items: Iterable[T] | AsyncIterable[T]) -> Steps[T]:
        """A durable loop: ``async for item in run.steps(items)``."""
        return Steps(self._execution, items, None)

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call ``fn`` once and record its result; a synchronous ``fn`` runs in a thread.

        Calls that are awaited together are told apart by the order in which they were made.
        """
        return self._call(self._execution.position.key(), fn, args, kwargs)

    async def _call(self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        execution = self._execution
        known, value = execution.recall(key)
        if known:
            return value
        if inspect.iscoroutinefunction(fn):
            result = await fn(*args, **kwargs)
        else:
            result = await asyncio.to_thread(fn, *args, **kwargs)
            if inspect.isawaitable(result):
                result = await result
        recorded = self._recorded(fn, result)
        await execution.record(key, recorded, _name(fn))
        return jsonvalue.trusted(recorded)

    async def checkpoint(self) -> None:
        """Commit the state as it is now, with a checkpoint."""
        await self._execution.checkpoint()

    async def wait_for(self, signal: str, timeout: float | None = None) -> Any:
        """The payload of the oldest signal of that name; until there is one the run is suspended."""
        return self._received(await self._execution.receive(*_waited(signal, timeout)), signal)

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> Awaitable[None]:
        """Say how far the run is; said at once, awaited or not."""
        self._execution.reports.say(progress_of(done, total, note))
        said = self._execution.loop.create_future()
        said.set_result(None)
        return said


def _name(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__name__", None) or type(fn).__name__


def _waited(signal: object, timeout: object) -> tuple[str, float | None]:
    if not isinstance(signal, str) or not signal:
        raise InvalidInput(f"wait_for: signal {signal!r} is no name: give text", field="signal")
    if timeout is None:
        return signal, None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout >= 0:
        raise InvalidInput(f"wait_for: timeout {timeout!r} is no number of seconds from 0 up", field="timeout")
    return signal, float(timeout)


async def _awaited(result: Any) -> Any:
    return await result
