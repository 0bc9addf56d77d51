"""How fast a table of a million rows paints, answers keys, and bears a storm of changes, in a real pseudo-terminal.

    python benchmarks/bench_virtual_table.py [--rows N] [--keys N]

It starts the table in a terminal of 160x48 and reads what the terminal would get: the time from the start to the
first row, from a key to the row that it moves to, the processor time while nothing is pressed, and the memory.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, LINES = 160, 48
UPDATES_PER_SECOND = 5000


def child(rows: int, *, storm: bool) -> None:
    """Run the table, and change its rows all the time if there is to be a storm."""
    from textual.app import App, ComposeResult

    from nexus_widgets.columns import Column
    from nexus_widgets.rows import Row, RowWindow
    from nexus_widgets.tone import Toned
    from nexus_widgets.virtual_table import VirtualTable

    class Source:
        total = rows
        version = 0

        async def window(self, offset: int, limit: int) -> RowWindow:
            stop = min(offset + limit, self.total)
            return RowWindow(offset, tuple(self.row(index) for index in range(offset, stop)), self.total)

        def row(self, index: int) -> Row:
            version = self.version
            return Row(
                f"session-{index}",
                (
                    f"session-{index}",
                    Toned("✖ failed", "bad") if (index + version) % 7 == 0 else Toned("▶ in progress", "info"),
                    "index-files",
                    str(index + version),
                    "4m28",
                    "55m",
                    Toned("checkpoint saved", "muted"),
                ),
            )

    class Bench(App[None]):
        def compose(self) -> ComposeResult:
            yield VirtualTable(
                [
                    Column("id", "ID", 18),
                    Column("status", "STATUS", 14),
                    Column("workflow", "WORKFLOW", 20, flex=1),
                    Column("step", "STEP", 10, justify="right"),
                    Column("age", "AGE", 6, justify="right"),
                    Column("expires", "EXPIRES", 8, justify="right"),
                    Column("last", "LAST EVENT", 20, flex=1),
                ],
                source,
            )

        def on_mount(self) -> None:
            if storm:
                self.run_worker(self.rain())

        async def rain(self) -> None:
            table = self.query_one(VirtualTable)
            tick = 0.01
            while True:
                source.version += 1
                for _ in range(int(UPDATES_PER_SECOND * tick)):
                    table.invalidate()
                await asyncio.sleep(tick)

    source = Source()
    Bench().run()


class Terminal:
    """A pseudo-terminal with the table in it."""

    def __init__(self, arguments: list[str]) -> None:
        """Start it."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("core", "widgets")),
            "TEXTUAL_FPS": "120",
            "TEXTUAL_ANIMATIONS": "none",
            "TEXTUAL_DISABLE_KITTY_KEY": "1",
            "LANG": "C.UTF-8",
        }
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, __file__, *arguments], environment)  # noqa: S606
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.written = 0

    def read_until(self, wanted: bytes, limit: float = 20.0) -> float:
        """Return the time at which something was written, or fail after a limit in seconds."""
        tail = b""
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                data = os.read(self.fd, 1 << 16)
                self.written += len(data)
                tail = tail[-200:] + data
                if wanted in tail:
                    return time.perf_counter()
        raise TimeoutError(f"never saw {wanted!r}")

    def drain(self, seconds: float) -> None:
        """Read whatever comes for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.written += len(os.read(self.fd, 1 << 16))

    def press(self, keys: bytes, wanted: bytes) -> float:
        """Return the seconds from a key to what it should show."""
        start = time.perf_counter()
        os.write(self.fd, keys)
        return self.read_until(wanted) - start

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Return the resident memory."""
        line = next(line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmRSS" in line)
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def said(name: str, times: list[float]) -> str:
    """Write the median and the 99th percentile of some times."""
    ordered = sorted(times)
    p99 = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
    return f"{name} p50 {statistics.median(ordered) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"


def measure(rows: int, keys: int, *, storm: bool) -> str:
    """Run one case."""
    terminal = Terminal(["--child", "--rows", str(rows), *(["--storm"] if storm else [])])
    try:
        first = terminal.read_until(b">  session-0 ") - terminal.started
        terminal.drain(1.0)
        moves, pages = [], []
        row = 0
        for _ in range(keys):
            row += 1
            moves.append(terminal.press(b"j", b">  session-%d " % row))
            terminal.drain(0.03)
        for _ in range(keys):
            row += LINES - 1
            pages.append(terminal.press(b"\x1b[6~", b">  session-%d " % row))
            terminal.drain(0.03)
        cpu, written = terminal.cpu_seconds(), terminal.written
        terminal.drain(4.0)
        share = (terminal.cpu_seconds() - cpu) / 4
        rate = (terminal.written - written) / 4 / 1024
        memory = terminal.memory_mb()
    finally:
        terminal.close()
    return (
        f"{rows:,} rows, {'5,000 updates/s' if storm else 'idle'}: first paint {first:.2f} s; "
        f"{said('key', moves)}; {said('page', pages)}; CPU {share:.1%}; {rate:.0f} KiB/s written; {memory:.0f} MB"
    )


def main() -> None:
    """Measure the idle table and the table in a storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--storm", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.rows, storm=options.storm)
        return
    for storm in (False, True):
        print(measure(options.rows, options.keys, storm=storm), flush=True)


if __name__ == "__main__":
    main()
