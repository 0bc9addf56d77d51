"""The executor: finds runs that wait, executes them, and takes over those of dead processes.

Implemented by ``LocalExecutor`` and, where several machines share a Redis, by ``DocketExecutor``. The store is the only
truth about a run; an executor holds nothing that could not be lost with its process.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from nexus.model.change import Snapshot


class Executor(Protocol):
    """Executes runs in this process."""

    async def start(self) -> None:
        """Take waiting runs, and those of dead processes, from now on; nothing happens if it does already."""
        ...

    async def stop(self, grace: float) -> None:
        """Stop at the next checkpoint of each run and hand the runs over.

        Args:
            grace: Seconds that runs have to get there; those that have not by then are handed over as they were
                committed last.
        """
        ...

    async def enlist(self) -> str:
        """The id under which this process acquires runs; the store believes it to be alive from then on."""
        ...

    @property
    def here(self) -> bool:
        """Whether this process executes runs; if not, it leaves them all to workers."""
        ...

    @property
    def eager(self) -> bool:
        """Whether a run that is wanted in the background begins in this process at once, if it is ``free``."""
        ...

    @property
    def free(self) -> bool:
        """Whether it would execute another run at once."""
        ...

    def launch(
        self, snapshot: Snapshot, *, fresh: bool = False, nested: bool = False
    ) -> asyncio.Future[Snapshot | None]:
        """Execute a run that this process has acquired.

        Args:
            snapshot: The session as acquired.
            fresh: Nothing of the run has been executed before.
            nested: Another run waits for it, so it must not wait for that one's place.

        Returns:
            The session after the run's last commit in this process; ``None`` if it is no longer this process's.
        """
        ...
