"""How quick the console is on a store of a million sessions, in a real terminal, beside a floor of the same run.

    python benchmarks/bench_console.py                              # all of it: some three minutes, and one to build
    python benchmarks/bench_console.py --rows 20000 --keys 40 --seconds 3

``nexus console`` runs in a pseudo-terminal of 160x48 on a SQLite file; the file is made once and kept in ``--cache``,
each run works on a copy. Measured: from the start to the first frame and to the first rows; from a key to the paint
of the cursor where the key moves it, and the processor time, first while nothing happens and then while another process
commits ``--updates`` changes a second (what it really reached is printed); keys that were never painted; memory; and
over a terminal that takes 60 kB a second, by how much the console's event loop ran late. The floor is the same table
with rows from memory and nothing around it (``bench_virtual_table.py``): what Textual costs on this machine. It prints
tables and asserts nothing. Times are those of a machine that has other things to do, too: its load is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.console_store import built
from benchmarks.console_terminal import ROOT, Terminal

HERE = Path(__file__).resolve().parent
_STEPS = 15
"""Lines that the cursor goes down before it goes up again: no key scrolls."""


@dataclass
class Measured:
    """One case."""

    frame: float = 0.0
    rows: float = 0.0
    keys: list[float] = field(default_factory=list)
    lost: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    kib_a_second: float = 0.0
    updates: float | None = None


@contextmanager
def terminal(arguments: Sequence[str]) -> Iterator[Terminal]:
    """A program in a terminal, with a home of its own that is empty."""
    with tempfile.TemporaryDirectory(prefix="bench-console-") as home:
        running = Terminal(arguments, {"HOME": home})
        try:
            yield running
        finally:
            running.close()


@contextmanager
def stormy(path: Path, rows: int, per_second: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that updates sessions."""
    arguments = [sys.executable, str(HERE / "console_store.py"), str(path), f"--rows={rows}"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(HERE)])}
    process = subprocess.Popen(
        [*arguments, f"--per-second={per_second}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        process.wait()


def committed(process: subprocess.Popen[str]) -> list[int]:
    """How many updates the other process had committed, second by second; ends it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return [int(line) for line in process.stdout]


def press(running: Terminal, keys: int, measured: Measured) -> None:
    """Press keys that move the cursor, down and up, each when the one before was painted."""
    for number in range(keys):
        down = number // _STEPS % 2 == 0
        line = running.line + (1 if down else -1)
        took = running.press(b"j" if down else b"k", line)
        if took is None:
            measured.lost += 1
        else:
            measured.keys.append(took)
        # Not in step with the frames.
        running.drain(0.03 + number * 7 % 20 / 1000)


def watch(running: Terminal, keys: int, seconds: float, measured: Measured) -> None:
    """Keys, then processor time and output while nothing is pressed."""
    press(running, keys, measured)
    written = running.written
    measured.cpu = running.cpu_share(seconds)
    measured.kib_a_second = (running.written - written) / seconds / 1024
    measured.memory = running.memory_mb()


def start(running: Terminal, row: bytes, measured: Measured) -> None:
    """Wait for the first frame and the first rows, and let it come to rest."""
    measured.frame = running.first(b"\x1b[1;1H")
    measured.rows = running.first(row)
    running.drain(4.0)


def console(path: Path, rows: int, keys: int, seconds: float, updates: int) -> tuple[Measured, Measured]:
    """The console at rest, and then in a storm of updates."""
    idle, storm = Measured(), Measured()
    with terminal(["-m", "nexus_tui", "console", "--store", f"sqlite:///{path}"]) as running:
        start(running, b"sess-", idle)
        watch(running, keys, seconds, idle)
        with stormy(path, rows, updates) as process:
            running.drain(2.0)
            watch(running, keys, seconds, storm)
            counts = committed(process)
        storm.updates = (counts[-1] - counts[0]) / (len(counts) - 1) if len(counts) > 1 else None
    return idle, storm


def bare(keys: int, seconds: float, *, storm: bool) -> Measured:
    """The table alone, with rows from memory."""
    measured = Measured()
    arguments = [str(HERE / "bench_virtual_table.py"), "--child", "--rows", "1000000", *(["--storm"] if storm else [])]
    with terminal(arguments) as running:
        start(running, b"session-0", measured)
        watch(running, keys, seconds, measured)
    return measured


def lateness(path: Path, rows: int, seconds: float, updates: int, link: int | None) -> tuple[list[float], float]:
    """How late the console's loop ran in a storm, in seconds a turn, and the bytes a second that were read.

    Args:
        path: The store's file.
        rows: How many sessions it has.
        seconds: For how long.
        updates: Updates a second.
        link: Bytes a second that the terminal takes; ``None`` for as many as come.
    """
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder:
        report = Path(folder) / "late"
        with terminal([str(HERE / "console_probe.py"), str(report), f"sqlite:///{path}"]) as running:
            running.first(b"sess-")
            running.drain(2.0)
            with stormy(path, rows, updates):
                written, size = running.written, report.stat().st_size
                if link is None:
                    running.drain(seconds)
                else:
                    running.drain_slowly(seconds, link)
                rate = (running.written - written) / seconds
                turns = report.read_bytes()[size:].split()
    return [float(turn) for turn in turns[1:-1]], rate


def at(times: Sequence[float], share: float) -> float:
    """A percentile."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(cell.rjust(width) if place else cell.ljust(width)
                               for place, (cell, width) in enumerate(zip(row, widths, strict=True))))  # fmt: skip
    sys.stdout.flush()


def compared(name: str, mine: float, floor: float, unit: str, target: str) -> tuple[str, ...]:
    """A line: what was measured, the floor, the ratio, and what is aimed at."""
    ratio = f"{mine / floor:.1f}" if floor > 0 else "-"
    return name, f"{mine:.1f} {unit}", f"{floor:.1f} {unit}", ratio, target


def lines(mine: Measured, floor: Measured, *, storm: bool) -> list[tuple[str, ...]]:
    """One case beside its floor."""
    found: list[tuple[str, ...]] = [("", "console", "bare table", "ratio", "target")]
    if not storm:
        found.append(compared("first frame", mine.frame * 1000, floor.frame * 1000, "ms", "< 600 ms"))
        found.append(compared("first rows", mine.rows * 1000, floor.rows * 1000, "ms", ""))
    for share, target in ((0.50, "< 10 ms"), (0.99, "< 40 ms")):
        name = f"key to paint p{int(share * 100)}"
        found.append(compared(name, at(mine.keys, share) * 1000, at(floor.keys, share) * 1000, "ms", target))
    pressed = len(mine.keys) + mine.lost
    found.append(("keys lost", f"{mine.lost} of {pressed}", f"{floor.lost} of {pressed}", "-", "0"))
    found.append(compared("CPU", mine.cpu * 100, floor.cpu * 100, "%", "< 30 %" if storm else "< 1 %"))
    found.append(compared("written", mine.kib_a_second, floor.kib_a_second, "KiB/s", ""))
    found.append(compared("memory", mine.memory, floor.memory, "MB", ""))
    return found


def measure(options: argparse.Namespace) -> None:
    """Run all cases and print them."""
    original = built(options.cache, options.rows)
    print(f"{options.rows:,} sessions in SQLite, {original.stat().st_size / 1e6:.0f} MB;"
          f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.cache) as folder:
        path = Path(folder) / "store.sqlite3"
        shutil.copyfile(original, path)
        # Once unmeasured, so that the bytecode is compiled and the files are in memory.
        with terminal(["-m", "nexus_tui", "console", "--store", f"sqlite:///{path}"]) as running:
            running.first(b"sess-")
        idle, storm = console(path, options.rows, options.keys, options.seconds, options.updates)
        table("at rest", lines(idle, bare(options.keys, options.seconds, storm=False), storm=False))
        reached = "unknown" if storm.updates is None else f"{storm.updates:,.0f}"
        table(
            f"while another process commits updates: {reached} a second (asked for {options.updates:,})",
            lines(storm, bare(options.keys, options.seconds, storm=True), storm=True),
        )
        slow, slow_rate = lateness(path, options.rows, options.seconds, options.updates, options.link)
        fast, fast_rate = lateness(path, options.rows, options.seconds, options.updates, None)
        told: list[tuple[str, ...]] = [("", "slow link", "fast link", "ratio", "target")]
        for name, share, target in (("p50", 0.5, ""), ("p99", 0.99, ""), ("most", 1.0, "< 50 ms")):
            told.append(compared(f"loop late, {name}", at(slow, share) * 1000, at(fast, share) * 1000, "ms", target))
        told.append(compared("read", slow_rate / 1000, fast_rate / 1000, "kB/s", ""))
        table(f"the same over a link of {options.link / 1000:.0f} kB/s", told)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}; median of {len(idle.keys)} keys at rest"
          f" {statistics.median(idle.keys) * 1000:.1f} ms; {time.strftime('%H:%M:%S')}")  # fmt: skip


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=12.0, help="for each share of a processor")
    parser.add_argument("--updates", type=int, default=5000, help="a second")
    parser.add_argument("--link", type=int, default=60_000, help="bytes a second of the slow link")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nexus-bench-console")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
