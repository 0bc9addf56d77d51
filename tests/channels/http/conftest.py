"""One server for the whole session, and one client in process for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.channels.http.http_places import Place, an_app, in_process, serving


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """A server on a free port; tests use ids of their own in it."""
    with serving(an_app()) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of the test's own."""
    async with in_process(an_app()) as client:
        yield client
