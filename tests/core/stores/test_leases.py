"""Leases run on a clock that nobody can set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.stores import leases
from nexus.stores.base import Store
from nexus.stores.leases import believed, boot_id, lease_now
from nexus.stores.memory import MemoryStore
from nexus.stores.sqlite import SQLiteStore
from nexus.testing import FakeClock
from nexus.testing.builders import a_worker

Make = Callable[[FakeClock, FakeClock], MemoryStore | SQLiteStore]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def build(lease: FakeClock, wall: FakeClock) -> MemoryStore | SQLiteStore:
        if request.param == "memory":
            return MemoryStore(lease_clock=lease, wall_clock=wall)
        return SQLiteStore(tmp_path / "nexus.sqlite3", lease_clock=lease, wall_clock=wall)

    return build


async def alive(store: Store) -> list[tuple[str, bool]]:
    return [(worker.id, worker.alive) for worker in await store.workers()]


def test_a_lease_runs_out_with_its_own_clock_and_not_with_the_wall_clock(make: Make) -> None:
    async def scenario() -> None:
        lease, wall = FakeClock(1000.0), FakeClock()
        async with make(lease, wall) as store:
            await store.beat(a_worker("w1"), 30.0)
            wall.advance(1e6)
            assert await alive(store) == [("w1", True)]
            wall.advance(-2e6)
            lease.advance(29.0)
            assert await alive(store) == [("w1", True)]
            lease.advance(1.0)
            assert await alive(store) == [("w1", False)]
            await store.beat(a_worker("w1"), 30.0)
            assert [(worker.alive, worker.seen_at) for worker in await store.workers()] == [(True, wall.now())]

    asyncio.run(scenario())


def test_a_worker_of_an_earlier_boot_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        clock = FakeClock(1000.0)
        async with SQLiteStore(tmp_path / "nexus.sqlite3", lease_clock=clock) as store:
            await store.beat(a_worker("w1"), 1e9)
            assert await alive(store) == [("w1", True)]
            monkeypatch.setattr(leases, "boot_id", lambda: "the next boot")
            clock.advance(-990.0)
            assert await alive(store) == [("w1", False)]

    asyncio.run(scenario())


def test_a_lease_is_believed_only_before_its_end_and_within_its_boot() -> None:
    assert believed(10.0, "a", now=9.9, this_boot="a")
    assert not believed(10.0, "a", now=10.0, this_boot="a")
    assert not believed(10.0, "a", now=1.0, this_boot="b")


def test_the_lease_clock_goes_forward_and_the_boot_keeps_its_id() -> None:
    assert lease_now() <= lease_now()
    assert boot_id() == boot_id()
