"""The same service behind two doors: in this process, and through a server on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from nexus.channels.client import RemoteService
from nexus.service import Service
from tests.channels.http.http_places import Place, an_app, serving


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """A server on a free port; tests use ids of their own in it."""
    with serving(an_app()) as served:
        yield served


@pytest.fixture
async def remote(place: Place) -> AsyncIterator[RemoteService]:
    """A client of the server."""
    async with RemoteService(place.url) as service:
        yield service


@pytest.fixture(params=["local", "remote"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service of each kind, bound to the channel ``cli``, on a store of the test's own."""
    app = an_app()
    if request.param == "local":
        async with app:
            await app.start()
            yield app.service(app.local_caller("cli"))
        return
    with serving(app) as served:
        async with RemoteService(served.url, channel="cli") as found:
            yield found
