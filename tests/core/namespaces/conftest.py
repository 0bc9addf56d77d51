"""The Redis of these tests, and how they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.core.stores.redis.servers import single

WaitUntil = Callable[[Callable[[], Awaitable[bool]], float], Awaitable[None]]


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests of a worker; each has a prefix of its own."""
    with single(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
def wait_until() -> WaitUntil:
    """Waits for a condition, for so many seconds at most."""

    async def wait(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.02)

    return wait
