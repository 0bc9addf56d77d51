"""GroupWaits: waiting in the background until no session of a group has work left, and saying so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nexus.errors import NexusError
from nexus.model import Status
from nexus_tui.beginning import begin
from nexus_tui.viewmodels.words import STATUS_MARKS, plural
from nexus_widgets import clean

if TYPE_CHECKING:
    from textual.worker import Worker

    from nexus_tui.app import NexusConsole


class GroupWaits:
    """The groups that are waited for; a wait goes on when the screen that began it is left."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker[None]] = {}

    @property
    def awaited(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(self._workers)

    def begin(self, console: NexusConsole, group_id: str) -> None:
        """Wait for a group; the user is told once none of its sessions has work left.

        Args:
            console: Whose service is asked.
            group_id: Which; one that isn't waited for.
        """
        self._workers[group_id] = begin(console, partial(self._wait, console, group_id), "wait-group")

    def stop(self, group_id: str) -> None:
        """Wait no more for a group.

        Args:
            group_id: One that is waited for.
        """
        self._workers.pop(group_id).cancel()

    def leave(self) -> None:
        """Wait for none any more: the console looks elsewhere."""
        for group_id in tuple(self._workers):
            self.stop(group_id)

    async def _wait(self, console: NexusConsole, group_id: str) -> None:
        name = clean(group_id, limit=80)
        try:
            group = await console.feed.ask(lambda service: service.wait_group(group_id))
        except NexusError as error:
            console.notify(clean(error.message, limit=400), title=f"Waiting for {name}", severity="error",
                           markup=False, timeout=8)  # fmt: skip
        else:
            counts = [f"{group.counts.get(status, 0):,} {STATUS_MARKS[status].word}" for status in Status
                      if group.counts.get(status, 0)]  # fmt: skip
            console.notify(f"{name} is at rest: {plural(group.total, 'session')}, {', '.join(counts) or 'none'}",
                           title="Group", markup=False, timeout=12)  # fmt: skip
        finally:
            self._workers.pop(group_id, None)
