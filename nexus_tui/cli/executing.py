"""Whether anybody executes the runs of a store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus.service import Service
    from nexus_tui.cli.invocation import Invocation


async def warn_if_nobody(call: Invocation, service: Service) -> None:
    """Say so where a run was left for others and there are none: it waits, and is not lost."""
    # This process has a worker too while it has a run, and is about to go.
    if not any(worker.alive and worker.pid != os.getpid() for worker in await service.workers()):
        call.say.warn("nothing executes runs of this store now: nexus worker, or nexus serve, will take it")
