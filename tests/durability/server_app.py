"""What the server that is killed serves: sums whose every step is one line in a log."""

from __future__ import annotations

import os
import time
from typing import Any

from nexus import Nexus

app = Nexus(max_recoveries=1_000_000)
_log = os.open(os.environ["STEP_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@app.workflow("sum")
def add_up(run: Any, count: int, pace: float) -> int:
    """Add up the numbers below ``count``."""
    for number in run.steps(range(count)):
        os.write(_log, f"{run.session_id} {number}\n".encode())
        run.state["sum"] = run.state.get("sum", 0) + number
        time.sleep(pace)
    return int(run.state.get("sum", 0))
