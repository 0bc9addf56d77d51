"""Changes of one session queue within a process, and those who queue for a store that is away are told together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.stores.base import Change, Committed
from nexus.stores.memory import MemoryStore


class Away(MemoryStore):
    """Lets every commit wait and then says that it can't be reached; or makes it and says what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.away = asyncio.Event()
        self.details: dict[str, Any] = {}
        self.tried = 0

    async def commit(self, *changes: Change) -> Committed:
        if not self.away.is_set():
            return await super().commit(*changes)
        self.tried += 1
        await asyncio.sleep(0)
        if self.details:
            await super().commit(*changes)
        raise StoreUnavailable("the store is away", **self.details)


async def refusals(monkeypatch: pytest.MonkeyPatch, store: Away) -> list[Any]:
    """What twenty who patch one session at once are told, and the session afterwards."""
    monkeypatch.setattr("nexus.partition.open_store", lambda *_, **__: store)
    async with AsyncNexus(store="memory://") as app:
        service = app.service(app.local_caller("sdk"))
        await service.create_session(session_id="s1")
        store.away.set()
        patches = [service.patch_session("s1", {f"key-{number}": 1}) for number in range(20)]
        said = await asyncio.gather(*patches, return_exceptions=True)
        store.away.clear()
        assert all(isinstance(each, StoreUnavailable) for each in said)
        return [*said, await service.patch_session("s1", {"last": 1})]


async def test_those_who_queue_behind_one_whom_the_store_lets_down_are_told_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Away()
    *_, session = await refusals(monkeypatch, store)
    assert store.tried == 1
    assert session.version == 2


async def test_nobody_is_told_that_a_change_is_made_but_who_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Away()
    store.details = {"committed": True}
    *_, session = await refusals(monkeypatch, store)
    assert session.version == 22
