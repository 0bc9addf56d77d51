"""A service on each store, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.local import LocalService
from nexus.model import Caller
from nexus.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Starts in January 2027."""
    return FakeClock(1_800_000_000.0)


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[AsyncNexus]:
    """An open app on each kind of store; nothing runs in the background."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/nexus.sqlite3"
    async with AsyncNexus(store=url, clock=clock, session_timeout=100) as opened:
        yield opened


@pytest.fixture
def service(app: AsyncNexus) -> LocalService:
    """What a local user may do over the API."""
    return LocalService(app.parts, Caller(actor="local:tester", channel="api"))
