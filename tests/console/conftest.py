"""Worlds to look at, and consoles that look at them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.console.world import World, a_world, populate


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """An empty world."""
    async with a_world() as made:
        yield made


@pytest.fixture
async def full_world() -> AsyncIterator[World]:
    """A world with some fifty sessions, three groups, and the story of ``session-123``."""
    async with a_world() as made:
        await populate(made)
        yield made
