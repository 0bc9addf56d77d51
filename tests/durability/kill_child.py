"""The process that is killed: executes five runs on a shared file, and leaves with 0 when all have ended.

Every step that begins is one line in a log: the session, the step and this process.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from nexus import AsyncNexus

RUNS = (("sync", 1), ("async", 1), ("sync", 3), ("async", 10), ("sync", 10))
"""Kind of workflow and checkpoint interval of each."""
PACE = 0.002


def session_of(index: int) -> str:
    """The session of one of them."""
    return f"run-{index}"


async def main(url: str, log_file: str, steps: int) -> None:
    """Work until all have ended."""
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def step(run: Any, number: int) -> None:
        os.write(log, f"{run.session_id} {number} {os.getpid()}\n".encode())
        run.state["sum"] = run.state.get("sum", 0) + number
        run.state["last"] = number

    app = AsyncNexus(store=url, max_recoveries=1_000_000, recovery_interval=600)

    @app.workflow("sum-sync")
    def sync(run: Any, count: int) -> Any:
        run.state["begun"] = run.state.get("begun", 0) + 1
        for number in run.steps(range(count)):
            time.sleep(PACE)
            step(run, number)
        return run.state["sum"]

    @app.workflow("sum-async")
    async def asynchronous(run: Any, count: int) -> Any:
        run.state["begun"] = run.state.get("begun", 0) + 1
        async for number in run.steps(range(count)):
            await asyncio.sleep(PACE)
            step(run, number)
        return run.state["sum"]

    async with app:
        await app.start()
        for index, (kind, interval) in enumerate(RUNS):
            await app.execute_workflow(
                f"sum-{kind}", session_of(index), {"count": steps},
                background=True, checkpoint_interval=interval, idempotency_key="the only one",
            )  # fmt: skip
        for index, (kind, _) in enumerate(RUNS):
            await app.execute_workflow(
                f"sum-{kind}", session_of(index), {"count": steps}, idempotency_key="the only one"
            )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
