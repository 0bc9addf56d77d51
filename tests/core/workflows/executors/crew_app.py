"""What the processes of these tests execute: sums whose every step is one line in a log, and less peaceful things."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

from nexus import AsyncNexus

app = AsyncNexus()


def log(run: Any, number: int) -> None:
    """One line for a step that begins: session, step, process."""
    line = f"{run.session_id} {number} {os.getpid()}\n".encode()
    file = os.open(os.environ["STEP_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def add(run: Any, number: int) -> None:
    """Do one step."""
    log(run, number)
    run.state["sum"] = run.state.get("sum", 0) + number
    run.state["by"] = [*run.state.get("by", []), os.getpid()]


@app.workflow("sum")
def sums(run: Any, count: int = 10, pace: float = 0.01) -> int:
    """Add up the numbers below ``count`` in a thread."""
    for number in run.steps(range(count)):
        add(run, number)
        time.sleep(pace)
    return int(run.state.get("sum", 0))


@app.workflow("async-sum", checkpoint_interval=3)
async def async_sums(run: Any, count: int = 10, pace: float = 0.01) -> int:
    """Add up the numbers below ``count`` on the loop."""
    async for number in run.steps(range(count)):
        add(run, number)
        await asyncio.sleep(pace)
    return int(run.state.get("sum", 0))


@app.workflow("pid")
async def pid() -> int:
    """Say who executes this."""
    return os.getpid()


@app.workflow("approve")
async def approve(run: Any) -> list[Any]:
    """Wait for a signal; give what it says, and who was there before and after it."""
    run.state["before"] = os.getpid()
    said = await run.wait_for("go")
    return [said, run.state["before"], os.getpid()]


@app.workflow("deadly")
async def deadly(run: Any, at: int) -> None:
    """Kill the process that executes it, each time."""
    async for number in run.steps(range(at + 1)):
        add(run, number)
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)


@app.workflow("raises")
def raises() -> None:
    """Fail."""
    raise ValueError("no luck")
