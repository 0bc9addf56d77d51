"""Joins the loads that are asked for in one turn of the event loop into one question."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from nexus.stores.base import Snapshot
from nexus.stores.codec import is_text
from nexus.stores.sqlite.lane import Lane
from nexus.stores.sqlite.records import load_each


class Loads:
    """With hundreds of callers, the way to another thread and back costs more than the look-up.

    Args:
        lane: Who answers.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._wanted: list[tuple[str, asyncio.Future[Snapshot | None]]] = []

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        # A text that can't be stored would spoil the question that it shares with others.
        if not is_text(session_id):
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Snapshot | None] = loop.create_future()
        if not self._wanted:
            loop.call_soon(self._ask)
        self._wanted.append((session_id, future))
        return await future

    def _ask(self) -> None:
        wanted, self._wanted = self._wanted, []
        names = [name for name, _ in wanted]
        self._lane.submit(partial(load_each, session_ids=names), partial(_deliver, [future for _, future in wanted]))


def _deliver(futures: list[asyncio.Future[Snapshot | None]], found: Any, error: Exception | None) -> None:
    for place, future in enumerate(futures):
        if future.done():
            continue
        if error is None:
            future.set_result(found[place])
        else:
            future.set_exception(error)
