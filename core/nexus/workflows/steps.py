"""``run.steps``: a durable loop, as ``for`` in a synchronous workflow and as ``async for`` in an asynchronous one.

Asking for the next item completes the iteration before. What is given may be iterable either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from nexus.errors import InvalidInput
from nexus.workflows.execution import Execution
from nexus.workflows.position import Loop

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_END: Any = object()
_TURN_EVERY = 1000


class Bridge(Protocol):
    """Takes a coroutine to the event loop, from the thread of a synchronous body, and waits for it."""

    def __call__(self, work: Coroutine[Any, Any, Any], /) -> Any:
        """What the coroutine gives."""
        ...


class Steps(Generic[T_co]):
    """What ``run.steps`` gives; each iteration over it is a loop of its own."""

    def __init__(
        self, execution: Execution, items: Iterable[T_co] | AsyncIterable[T_co], bridge: Bridge | None
    ) -> None:
        if not isinstance(items, Iterable | AsyncIterable):
            raise InvalidInput(f"steps: a {type(items).__name__} can't be looped over: give an iterable", field="items")
        self._execution = execution
        self._items = items
        self._bridge = bridge

    def __iter__(self) -> Iterator[T_co]:
        if self._bridge is None:
            raise TypeError("this workflow is async, and a commit can't be awaited in `for`: use `async for`")
        return _SyncLoop(self._execution, self._items, self._bridge)

    def __aiter__(self) -> AsyncIterator[T_co]:
        if self._bridge is not None:
            raise TypeError("this workflow is not async: use `for`")
        return _AsyncLoop(self._execution, self._items)


class _SyncLoop(Iterator[T]):
    def __init__(self, execution: Execution, items: Iterable[T] | AsyncIterable[T], bridge: Bridge) -> None:
        self._execution = execution
        self._bridge = bridge
        self._loop = execution.enter()
        self._items: Iterator[T] = _bridged(items, bridge) if isinstance(items, AsyncIterable) else iter(items)
        self._running = False
        for _ in range(self._loop.done):
            if next(self._items, _END) is _END:
                break

    def __next__(self) -> T:
        execution = self._execution
        if self._running:
            self._running = False
            if execution.complete(self._loop):
                self._bridge(execution.commit())
        execution.check()
        item = next(self._items)
        self._loop.begin()
        self._running = True
        return item


class _AsyncLoop(AsyncIterator[T]):
    def __init__(self, execution: Execution, items: Iterable[T] | AsyncIterable[T]) -> None:
        self._execution = execution
        self._source = items
        self._items: AsyncIterator[T] | None = None
        self._loop: Loop | None = None
        self._running = False

    async def __anext__(self) -> T:
        if self._items is None or self._loop is None:
            self._loop, self._items = self._execution.enter(), _asynchronous(self._source)
            await self._skip(self._items, self._loop.done)
        loop, execution = self._loop, self._execution
        if self._running:
            self._running = False
            if execution.complete(loop):
                await execution.commit()
            else:
                await asyncio.sleep(0)
        execution.check()
        item = await anext(self._items)
        loop.begin()
        self._running = True
        return item

    @staticmethod
    async def _skip(items: AsyncIterator[T], number: int) -> None:
        for index in range(number):
            if await anext(items, _END) is _END:
                return
            if index % _TURN_EVERY == 0:
                await asyncio.sleep(0)


class _Plain(AsyncIterator[T]):
    """A plain iterator under ``async for``."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)

    async def __anext__(self) -> T:
        item: T = next(self._items, _END)
        if item is _END:
            raise StopAsyncIteration
        return item


def _asynchronous(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    return aiter(items) if isinstance(items, AsyncIterable) else _Plain(items)


def _bridged(items: AsyncIterable[T], bridge: Bridge) -> Iterator[T]:
    iterator = aiter(items)
    while (item := bridge(_next(iterator))) is not _END:
        yield item


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator, _END)
