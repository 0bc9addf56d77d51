"""``nexus console``, with a task in it that notes by how much its event loop runs late: for ``bench_console.py``.

The task sleeps five milliseconds and writes after each turn how many seconds it slept too long. Nothing of the
console knows of it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from nexus_tui import app
from nexus_tui.cli.target import Target
from nexus_tui.starting import without_collecting

_TURN = 0.005


class Probed(app.NexusConsole):
    """The console, as it is, and the task."""

    report: Path

    def on_load(self) -> None:
        """Begin with the app."""
        self._probe = asyncio.create_task(self._note())

    async def _note(self) -> None:
        with self.report.open("w", buffering=1) as out:
            while True:
                begun = time.perf_counter()
                await asyncio.sleep(_TURN)
                out.write(f"{max(time.perf_counter() - begun - _TURN, 0.0):.6f}\n")


def main() -> None:
    """Run the console on the store that is named second, and write to the file that is named first."""
    Probed.report = Path(sys.argv[1])
    Probed.report.touch()
    app.NexusConsole = Probed  # type: ignore[misc]
    # As the command line starts it.
    with without_collecting():
        code = app.run_console(Target(store=sys.argv[2]))
    sys.exit(code)


if __name__ == "__main__":
    main()
