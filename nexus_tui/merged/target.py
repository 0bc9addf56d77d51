"""Several contexts as something that a console opens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from nexus.service import Service
from nexus_tui.connection import Opens
from nexus_tui.merged.members import Member
from nexus_tui.merged.service import MergedService
from nexus_tui.merged.standing import Standing

_FIRST = 3.0
"""Seconds that the first answer of each context is waited for, before what is there is shown."""


class MergedTarget:
    """Where a console looks that shows several contexts."""

    def __init__(self, targets: Mapping[str, Opens]) -> None:
        """Name them.

        Args:
            targets: Where each context is, by its name; at least two.
        """
        self.targets = dict(targets)
        self.label = " + ".join(targets)
        self.contexts = Standing(targets)
        """How each stands, for what is drawn."""

    def as_read_only(self) -> MergedTarget:
        """The same contexts, each of them refusing every change."""
        return MergedTarget({name: _read_only(target) for name, target in self.targets.items()})

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """Connect to all; one that can't be reached is tried again and again meanwhile."""
        moved = asyncio.Condition()
        telling: set[asyncio.Task[None]] = set()

        async def tell() -> None:
            async with moved:
                moved.notify_all()

        def changed() -> None:
            task = asyncio.get_running_loop().create_task(tell())
            telling.add(task)
            task.add_done_callback(telling.discard)

        members = {name: Member(name, target, changed) for name, target in self.targets.items()}
        self.contexts.follow(members)
        keeping = [asyncio.create_task(member.keep()) for member in members.values()]
        try:
            waits = [asyncio.create_task(member.tried.wait()) for member in members.values()]
            await asyncio.wait(waits, timeout=_FIRST)
            for wait in waits:
                wait.cancel()
            yield MergedService(members, moved).as_service
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)


def _read_only(target: Opens) -> Opens:
    # Contexts are Targets; what else opens something has to be able to say so too.
    return cast(Opens, replace(cast(Any, target), read_only=True))
