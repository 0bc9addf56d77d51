"""Every test that takes ``door`` runs over both transports and in both eras of the protocol.

The older era over pipes, whose handshake ``test_mcp_stdio`` speaks in every run, is left to the long run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.channels.mcp.mcp_places import ERAS, Place, place_on

Door = Callable[[], AbstractAsyncContextManager[Place]]

_LEAST = ("stdio", ERAS[1])


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A SQLite file of the test's own."""
    return f"sqlite:///{tmp_path / 'nexus.db'}"


DOORS = [
    pytest.param(
        (transport, era), id=f"{transport}-{era}", marks=[pytest.mark.long] if (transport, era) == _LEAST else []
    )
    for transport in ("http", "stdio")
    for era in ERAS
]


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, store: str) -> Door:
    """Opens a ``Place``: a server over one transport, spoken to in one era."""
    transport, era = request.param
    return lambda: place_on(store, era, transport)


@pytest.fixture(params=ERAS)
def http_door(request: pytest.FixtureRequest, store: str) -> Door:
    """The same over HTTP only."""
    era: Any = request.param
    return lambda: place_on(store, era, "http")
