"""An open app on each store that every machine has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus import AsyncNexus


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The URL of a store that several apps, and processes, can share."""
    return f"sqlite:///{tmp_path}/nexus.sqlite3"


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, store: str) -> AsyncIterator[AsyncNexus]:
    """An open app."""
    async with AsyncNexus(store="memory://" if request.param == "memory" else store) as opened:
        yield opened
