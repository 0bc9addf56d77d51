"""How quick the console is on a store of a million sessions, in a real terminal, beside a floor of the same run.

    python benchmarks/bench_console.py                              # all of it: some six minutes, and one to build
    python benchmarks/bench_console.py --rows 20000 --keys 40 --seconds 3 --rounds 1

``nexus console`` runs in a pseudo-terminal of 160x48 on a SQLite file; the file is made once and kept in ``--cache``,
each run works on a copy. Measured, in each of ``--rounds`` rounds, whose medians are printed (keys of all rounds are
taken together):

- from the start to the first frame and to the first rows;
- from a key to the paint of the cursor on the line where the key moves it, and the processor time of the whole process
  and what it writes: while nothing happens, and while another process commits ``--updates`` changes a second, a hundred
  to a transaction (what it really reached is printed);
- over a terminal that takes 60 kB a second, by how much the console's event loop ran late: nothing, no key either, is
  taken while it does, so the longest time is the longest stall.

A key is lost when the cursor is not painted within two seconds on the one line where this key, after all before it, has
to bring it. That can be said only of rows that stand still, so in the storm the table is in the order of ids, with the
sessions that it shows among those that change. In the order of the last activity every row on the screen is another one
after each look, and the cursor goes with its row: there a key counts as painted with the first paint of the cursor
after it, wherever. The processor time of the storm is that of this order, in which all rows are drawn anew each time.

The floor is the same table with rows from memory and nothing around it (``bench_virtual_table.py``): what Textual costs
on this machine. It prints tables and asserts nothing. Times are those of a machine that has other things to do, too:
its load is printed; ``--first`` lets all of it go before other processes (for root), as if they weren't there.
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

from benchmarks.console_store import built, tidy
from benchmarks.console_terminal import ROOT, Terminal

HERE = Path(__file__).resolve().parent
_BY_ID = (b":", b"sort id", b"\r")
_HOME = b"\x1b[H"
_STALL = 0.05
_STEPS = 15
"""Lines that the cursor goes down before it goes up again: no key scrolls."""


@dataclass
class Measured:
    """One case."""

    frame: float = 0.0
    rows: float = 0.0
    keys: list[float] = field(default_factory=list)
    lost: int = 0
    moving: list[float] = field(default_factory=list)
    """Keys while the rows move."""
    moving_lost: int = 0
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


def press(running: Terminal, keys: int, *, moving: bool = False) -> list[float | None]:
    """Press keys that move the cursor, down and up, each when the one before was painted.

    Args:
        running: The terminal.
        keys: How many.
        moving: Whether the rows move by themselves: the cursor may be painted anywhere then.

    Returns:
        The seconds until each was painted; ``None`` for one that was lost.
    """
    took: list[float | None] = []
    for number in range(keys):
        down = number // _STEPS % 2 == 0
        line = running.line + (1 if down else -1)
        took.append(running.press(b"j" if down else b"k", None if moving else line))
        # Not in step with the frames.
        running.drain(0.03 + number * 7 % 20 / 1000)
    return took


def order_by_id(running: Terminal) -> None:
    """Put the table in the order of ids, as a person would, and the cursor on its first row."""
    for keys in _BY_ID:
        running.drain(0.5)
        running.type(keys)
    running.first(b"sort: id ")
    running.type(_HOME)
    running.drain(1.0)


def painted(took: Sequence[float | None]) -> tuple[list[float], int]:
    """The times of the keys that were painted, and how many were lost."""
    times = [each for each in took if each is not None]
    return times, len(took) - len(times)


def watch(running: Terminal, seconds: float, measured: Measured) -> None:
    """Processor time and output while nothing is pressed."""
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
        idle.keys, idle.lost = painted(press(running, keys))
        watch(running, seconds, idle)
        with stormy(path, rows, updates) as process:
            running.drain(2.0)
            watch(running, seconds, storm)
            storm.moving, storm.moving_lost = painted(press(running, keys, moving=True))
            order_by_id(running)
            storm.keys, storm.lost = painted(press(running, keys))
            counts = committed(process)
        storm.updates = (counts[-1] - counts[0]) / (len(counts) - 1) if len(counts) > 1 else None
    return idle, storm


def bare(keys: int, seconds: float, *, storm: bool) -> Measured:
    """The table alone, with rows from memory."""
    measured = Measured()
    arguments = [str(HERE / "bench_virtual_table.py"), "--child", "--rows", "1000000", *(["--storm"] if storm else [])]
    with terminal(arguments) as running:
        start(running, b"session-0", measured)
        measured.keys, measured.lost = painted(press(running, keys))
        watch(running, seconds, measured)
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


def together(rounds: Sequence[Measured]) -> Measured:
    """Medians of several rounds, and all their keys."""

    def median(name: str) -> float:
        values: list[float] = [getattr(each, name) for each in rounds]
        return statistics.median(values)

    reached = [each.updates for each in rounds if each.updates is not None]
    return Measured(
        frame=median("frame"), rows=median("rows"), cpu=median("cpu"), memory=median("memory"),
        kib_a_second=median("kib_a_second"), updates=statistics.median(reached) if reached else None,
        keys=[took for each in rounds for took in each.keys], lost=sum(each.lost for each in rounds),
        moving=[took for each in rounds for took in each.moving], moving_lost=sum(each.moving_lost for each in rounds),
    )  # fmt: skip


def at(times: Sequence[float], share: float) -> float:
    """A percentile; 0 of nothing."""
    if not times:
        return 0.0
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
    pressed, floors = len(mine.keys) + mine.lost, len(floor.keys) + floor.lost
    found.append(("keys lost", f"{mine.lost} of {pressed}", f"{floor.lost} of {floors}", "-", "0"))
    if storm:
        found += [
            (f"where rows move p{int(share * 100)}", f"{at(mine.moving, share) * 1000:.1f} ms", "", "", "")
            for share in (0.50, 0.99)
        ]
        moved = len(mine.moving) + mine.moving_lost
        found.append(("where rows move, lost", f"{mine.moving_lost} of {moved}", "", "", "0"))
    found.append(compared("CPU", mine.cpu * 100, floor.cpu * 100, "%", "< 30 %" if storm else "< 1 %"))
    found.append(compared("written", mine.kib_a_second, floor.kib_a_second, "KiB/s", ""))
    found.append(compared("memory", mine.memory, floor.memory, "MB", ""))
    return found


def measure(options: argparse.Namespace) -> None:
    """Run all cases and print them."""
    original = built(options.cache, options.rows)
    print(f"{options.rows:,} sessions in SQLite, {original.stat().st_size / 1e6:.0f} MB;"
          f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
          f"{', before all others' if options.first else ''}; Python {sys.version.split()[0]}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.cache) as folder:
        path = Path(folder) / "store.sqlite3"
        shutil.copyfile(original, path)
        tidy(path)
        # Once unmeasured, so that the bytecode is compiled and the files are in memory.
        with terminal(["-m", "nexus_tui", "console", "--store", f"sqlite:///{path}"]) as running:
            running.first(b"sess-")
        if options.first:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        rounds = []
        for number in range(options.rounds):
            if number:
                # A storm leaves sessions whose ages are told in seconds; each round begins at rest.
                shutil.copyfile(original, path)
                for left in ("-wal", "-shm"):
                    path.with_name(path.name + left).unlink(missing_ok=True)
                tidy(path)
            rounds.append(console(path, options.rows, options.keys, options.seconds, options.updates))
        idle, storm = together([each for each, _ in rounds]), together([each for _, each in rounds])
        table("at rest", lines(idle, bare(options.keys, options.seconds, storm=False), storm=False))
        reached = "unknown" if storm.updates is None else f"{storm.updates:,.0f}"
        table(
            f"while another process commits updates: {reached} a second (asked for {options.updates:,})",
            lines(storm, bare(options.keys, options.seconds, storm=True), storm=True),
        )
        tell_of_links(path, options)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}; {options.rounds} rounds; {time.strftime('%H:%M:%S')}")


def tell_of_links(path: Path, options: argparse.Namespace) -> None:
    """Print how late the loop runs over a slow link and over a fast one."""
    slow, slow_rate = lateness(path, options.rows, options.seconds, options.updates, options.link)
    fast, fast_rate = lateness(path, options.rows, options.seconds, options.updates, None)
    told: list[tuple[str, ...]] = [("", "slow link", "fast link", "ratio", "target")]
    for name, share, target in (("p50", 0.5, ""), ("p99", 0.99, ""), ("most", 1.0, "< 50 ms")):
        told.append(compared(f"loop late, {name}", at(slow, share) * 1000, at(fast, share) * 1000, "ms", target))
    stalls = [f"{sum(late > _STALL for late in turns)} of {len(turns)}" for turns in (slow, fast)]
    told.append(("turns late by over 50 ms", *stalls, "-", "0"))
    told.append(compared("read", slow_rate / 1000, fast_rate / 1000, "kB/s", ""))
    table(f"the same over a link of {options.link / 1000:.0f} kB/s", told)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=12.0, help="for each share of a processor")
    parser.add_argument("--updates", type=int, default=5000, help="a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--first", action="store_true", help="go before all other processes; for root")
    parser.add_argument("--link", type=int, default=60_000, help="bytes a second of the slow link")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nexus-bench-console")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
