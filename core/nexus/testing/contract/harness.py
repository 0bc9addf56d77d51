"""How a contract test gets its store: one fresh and empty, opened for it and closed behind it.

Plain functions that run their own event loop, so that no plugin of pytest is needed.
"""

# ruff: noqa: S101
from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from nexus.stores.base import Change, Conflict, Snapshot, Store

P = ParamSpec("P")
H = TypeVar("H", bound="Harness")

_LONGEST = 60.0
"""Seconds after which a test is stuck, on any machine."""


class Harness:
    """The part that a subclass fills in.

    A store that is spread over shards says so by ``one_order``, ``step``, ``ahead`` and ``beside``; what the contract
    then promises of single shards and sessions is tested as strictly as of a store in one place.
    """

    one_order: bool = True
    """Whether the events of all sessions have one order, and a commit may hold changes of any of them."""
    step: int = 1
    """By how much ``seq`` rises from one event of a session to the next, with no other commit in between."""
    ahead: str = "999999"
    """A cursor far ahead of the store."""

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """A store that isn't opened yet and holds nothing; called once a test."""
        raise NotImplementedError(f"{type(self).__name__} has to say how to open_store()")

    def beside(self, *names: str) -> tuple[str, ...]:
        """Names like these that one commit may hold: ids of sessions and groups, and a claim as the first."""
        return names


def with_store(
    test: Callable[Concatenate[H, Store, P], Awaitable[None]],
) -> Callable[Concatenate[H, P], None]:
    """Turn a coroutine function of ``(self, store)`` into a test that pytest runs by itself."""

    def run(self: H, /, *args: P.args, **kwargs: P.kwargs) -> None:
        async def scenario() -> None:
            async with asyncio.timeout(_LONGEST), self.open_store() as store:
                await test(self, store, *args, **kwargs)

        asyncio.run(scenario())

    run.__name__ = getattr(test, "__name__", "test")
    run.__doc__ = test.__doc__
    run.__module__ = test.__module__
    # pytest fills in what the signature names, and the store is none of its business.
    signature = inspect.signature(test)
    shown = [parameter for name, parameter in signature.parameters.items() if name != "store"]
    vars(run)["__signature__"] = signature.replace(parameters=shown)
    # Decorators applied below this one, such as pytest's marks, count for what pytest sees.
    run.__dict__.update(vars(test))
    return run


async def put(store: Store, *changes: Change) -> None:
    """Commit changes that needn't go together, each by itself."""
    await asyncio.gather(*(store.commit(change) for change in changes))


async def refused(store: Store, *changes: Change) -> Conflict:
    """Commit what must not go through, and give the answer back."""
    with pytest.raises(Conflict) as caught:
        await store.commit(*changes)
    return caught.value


async def must_load(store: Store, session_id: str) -> Snapshot:
    """A session that has to be there."""
    snapshot = await store.load(session_id)
    assert snapshot is not None, f"{session_id} is not stored"
    return snapshot
