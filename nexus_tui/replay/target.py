"""A recording as something that a console opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nexus.service import Service
from nexus_tui.replay.player import Player
from nexus_tui.replay.service import ReplayService


class ReplayTarget:
    """Where a console looks that plays a recording."""

    def __init__(self, path: Path, player: Player) -> None:
        """Name it.

        Args:
            path: The file.
            player: What moves through it.
        """
        self.label = f"replay {path.name}"
        self.player = player

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """The recording, as a service."""
        yield ReplayService(self.player).as_service
