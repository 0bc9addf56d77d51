"""How fast the SQLite store is on this machine, beside the floor that the disk and bare SQLite set.

    python benchmarks/bench_store.py                  # lists at a million sessions
    python benchmarks/bench_store.py --rows 100000 --seconds 1 --folder /some/disk

Writes: sessions created and patched a second by 1, 16 and 256 callers at once, each waiting for its own
commit. The floor is bare sqlite3, in the same run, on the same disk, with the same settings: one transaction for
as many callers, that writes the same bytes of documents and of events and keeps no index but the keys.
Reads: windows, pages and counts at ``--rows`` sessions. Wake-up: from a commit in another process to
a waiting reader. It prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from nexus.model import Session, Status
from nexus.query import parse
from nexus.stores import codec
from nexus.stores.base import Order, SortField, Store
from nexus.stores.prepared import prepare
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.builders import NOW, a_session, creating, updating

CALLERS = (1, 16, 256)
STATE = {"user": {"id": 42, "tier": "gold"}, "steps": list(range(20)), "note": "n" * 80}
COUNTED = {"status:active": 1.0, "channel:api": 1.0, "minute:created:1": 1.0}

COUNTS = ("", "status:live", "workflow:train", "age>1h step>=50")
PAGED = (SortField.CREATED, SortField.ACTIVITY, SortField.ID)


def person(number: int, status: Status = Status.ACTIVE) -> Session:
    """A session of the usual size."""
    return a_session(
        f"sess_{number:026d}",
        status=status,
        metadata={"organization": "acme-corp", "tier": number % 3},
        workflow=("index-files", "train", None)[number % 3],
        group_id=f"batch-{number % 1000}" if number % 10 == 0 else None,
        created_at=NOW + number / 1000,
        last_activity=NOW + (number * 7919 % 1_000_003) / 1000,
        timeout=3600.0,
        idle_deadline=NOW + number / 1000 + 3600,
        ended_at=None if status in (Status.ACTIVE, Status.FAILED) else NOW + number / 1000 + 60,
        step=number % 100,
        state=STATE,
    )


def show(title: str, rows: list[tuple[str, ...]]) -> None:
    """Print a table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(cell.rjust(width) if place else cell.ljust(width)
                               for place, (cell, width) in enumerate(zip(row, widths, strict=True))))  # fmt: skip


def at(sorted_times: list[float], fraction: float) -> float:
    """A percentile."""
    return sorted_times[min(len(sorted_times) - 1, int(fraction * len(sorted_times)))]


# -- writes

Rate = tuple[float, list[float], float]


async def rate(callers: int, seconds: float, call: Callable[[int], Awaitable[None]]) -> Rate:
    """Calls a second with so many callers at once, how long each took, and the processor time of one."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        while (begun := time.perf_counter()) < until:
            await call(number)
            times.append(time.perf_counter() - begun)

    begun, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    took, used = time.perf_counter() - begun, time.process_time() - used
    return len(times) / took, sorted(times), used / len(times)


async def creations(store: Store, callers: int, seconds: float, first: int) -> Rate:
    """Create sessions."""
    numbers = itertools.count(first)

    async def create(_: int) -> None:
        await store.commit(creating(person(next(numbers)), counters=COUNTED))

    return await rate(callers, seconds, create)


async def patches(store: Store, callers: int, seconds: float, stored: int) -> Rate:
    """Patch sessions picked at random, each caller among its own."""
    dice = random.Random(1)
    mine = [list(range(caller, stored, callers)) for caller in range(callers)]
    known: dict[int, Session] = {}
    ticks = itertools.count(1)

    async def patch(caller: int) -> None:
        number = dice.choice(mine[caller])
        before = known.get(number)
        if before is None:
            snapshot = await store.load(f"sess_{number:026d}")
            assert snapshot is not None
            before = snapshot.session
        state = STATE | {"patch": before.version}
        now = NOW + stored / 1000 + next(ticks) / 10_000
        change = updating(
            before,
            state=state,
            last_activity=now,
            idle_deadline=now + 3600,
            parts={"counters": COUNTED},
        )
        await store.commit(change)
        assert change.after is not None
        known[number] = change.after.session

    return await rate(callers, seconds, patch)


class Floor:
    """Bare sqlite3 with the same settings and the same bytes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
            "CREATE TABLE sessions (key INTEGER PRIMARY KEY, document BLOB, state BLOB)",
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, document BLOB)",
        ):  # fmt: skip
            self._connection.execute(statement)
        change = prepare(creating(person(1)))
        assert change.record is not None
        self._row = (change.record.document, change.record.state)
        self._event = codec.encode_event(change.change.events[0])
        self._stored = 0
        self._dice = random.Random(1)

    def creations(self, callers: int, seconds: float) -> float:
        """Sessions inserted a second, ``callers`` in a transaction."""

        def insert() -> None:
            rows = [(self._stored + place, *self._row) for place in range(callers)]
            self._stored += callers
            self._connection.executemany("INSERT INTO sessions VALUES (?, ?, ?)", rows)

        return self._run(callers, seconds, insert)

    def patches(self, callers: int, seconds: float) -> float:
        """Sessions updated a second, ``callers`` in a transaction."""

        def update() -> None:
            keys = self._dice.sample(range(self._stored), callers)
            rows = [(*self._row, key) for key in keys]
            self._connection.executemany("UPDATE sessions SET document = ?, state = ? WHERE key = ?", rows)

        return self._run(callers, seconds, update)

    def fill(self, stored: int) -> None:
        """Have at least so many sessions."""
        rows = ((key, *self._row) for key in range(self._stored, stored))
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO sessions VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")
        self._stored = max(stored, self._stored)

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def _run(self, callers: int, seconds: float, write: Callable[[], None]) -> float:
        done, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            self._connection.execute("BEGIN IMMEDIATE")
            write()
            events = [(self._event,)] * callers
            self._connection.executemany("INSERT INTO events (document) VALUES (?)", events)
            self._connection.execute("COMMIT")
            done += callers
        return done / (time.perf_counter() - begun)


async def measure_writes(folder: Path, seconds: float, stored: int) -> None:
    """The table of writes."""
    rows: list[tuple[str, ...]] = [("writes", "callers", "a second", "p50 ms", "p99 ms", "cpu us", "floor", "ratio")]
    floor = Floor(folder / "floor.sqlite3")
    async with SQLiteStore(folder / "writes.sqlite3") as store:
        for callers in CALLERS:
            bare = floor.creations(callers, seconds)
            got = await creations(store, callers, seconds, callers * 10_000_000)
            rows.append(written("create", callers, got, bare))
        await fill(store, stored)
        floor.fill(stored)
        for callers in CALLERS:
            bare = floor.patches(callers, seconds)
            got = await patches(store, callers, seconds, stored)
            rows.append(written("patch", callers, got, bare))
    floor.close()
    show(f"Writes (patches of {stored:,} sessions picked at random)", rows)


def written(name: str, callers: int, got: Rate, bare: float) -> tuple[str, ...]:
    """A row of the table of writes."""
    done, times, used = got
    return (name, str(callers), f"{done:,.0f}", f"{at(times, 0.5) * 1e3:.2f}", f"{at(times, 0.99) * 1e3:.2f}",
            f"{used * 1e6:.0f}", f"{bare:,.0f}", f"{done / bare:.2f}")  # fmt: skip


# -- reads


async def fill(store: Store, rows: int, together: int = 500) -> None:
    """Store ``rows`` sessions of all statuses, most of them completed."""
    statuses = (Status.ACTIVE, Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    for first in range(0, rows, together):
        numbers = range(first, min(rows, first + together))
        await store.commit(*(creating(person(n, statuses[n % len(statuses)]), counters=COUNTED) for n in numbers))


async def timed(call: Callable[[], Awaitable[object]], rounds: int = 7) -> tuple[float, float]:
    """The median and the longest time, in milliseconds, after one call to warm up."""
    await call()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times), max(times)


async def measure_reads(folder: Path, rows: int) -> None:
    """The table of reads."""
    async with SQLiteStore(folder / "reads.sqlite3") as store:
        begun = time.perf_counter()
        await fill(store, rows)
        filled = time.perf_counter() - begun
        table: list[tuple[str, ...]] = [("reads", "median ms", "longest ms")]
        for name, call in questions(store, rows):
            median, longest = await timed(call)
            table.append((name, f"{median:.2f}", f"{longest:.2f}"))
    size = (folder / "reads.sqlite3").stat().st_size
    show(f"Reads at {rows:,} sessions ({size / rows:,.0f} bytes each, stored in {filled:.0f} s)", table)


def questions(store: Store, rows: int) -> list[tuple[str, Callable[[], Awaitable[object]]]]:
    """What is asked, with its name."""
    now = NOW + 1e6
    asked: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("one session", lambda: store.load(f"sess_{rows // 2:026d}")),
        ("counters", store.counters),
        ("due, 100", lambda: store.due(NOW + 3700, 100)),
        ("ended, 100", lambda: store.ended_before(now, 100)),
        ("group with counts", lambda: store.load_group("batch-0")),
        ("events of one session", lambda: store.list_events(session_id=f"sess_{rows // 2:026d}", limit=50)),
        ("newest 50 events", lambda: store.list_events(limit=50, newest=True)),
    ]

    def window(name: str, q: str, field: SortField, offset: int) -> None:
        query, order = parse(q), Order(field)
        asked.append((f"window {order} {name}", lambda: store.window(query, order, offset=offset, limit=50, now=now)))

    for field in (SortField.CREATED, SortField.ACTIVITY):
        for name, offset in (
            ("at the top", 0),
            ("at 1,000", 1000),
            ("in the middle", rows // 2),
            ("at the end", rows - 50),
        ):
            window(name, "", field, offset)
        window("of status:active", "status:active", field, 0)
        window("of status:active, in the middle", "status:active", field, rows // 12)
        window("of group:batch-0", "group:batch-0", field, 0)
        window("of workflow:train", "workflow:train", field, 0)
    window("of meta.tier=1", "meta.tier=1", SortField.CREATED, 0)
    window("of meta.organization=other", "meta.organization=other", SortField.CREATED, 0)
    window("of a word", "999999", SortField.CREATED, 0)
    window("sorted, at the top", "", SortField.STEP, 0)
    asked.extend((f"count of {q or 'all'}", counter(store, q, now)) for q in COUNTS)
    asked.extend((f"page {Order(field)} in the middle", pager(store, Order(field), rows)) for field in PAGED)
    return asked


def counter(store: Store, q: str, now: float) -> Callable[[], Awaitable[object]]:
    """Counts what a filter matches."""
    query = parse(q)
    return lambda: store.count(query, now)


def pager(store: Store, order: Order, rows: int) -> Callable[[], Awaitable[object]]:
    """Reads a page from the middle on, by cursor."""
    from nexus.stores.ordering import write_order_cursor

    cursor = write_order_cursor(person(rows // 2), order)
    query = parse("")
    return lambda: store.list_sessions(query, order, cursor=cursor, limit=50, now=NOW)


# -- waking up


async def commit_on_request(path: Path) -> None:
    """The other process: commits when a line comes in, and says when it has."""
    loop = asyncio.get_running_loop()
    async with SQLiteStore(path) as store:
        print("ready", flush=True)
        number = 0
        while await loop.run_in_executor(None, sys.stdin.readline):
            number += 1
            await store.commit(creating(person((os.getpid() << 20) + number)))
            print(time.clock_gettime(time.CLOCK_MONOTONIC), flush=True)


async def measure_waking(folder: Path, rounds: int = 200) -> None:
    """The table of wake-ups."""
    path = folder / "waking.sqlite3"
    loop = asyncio.get_running_loop()
    late: list[float] = []
    async with SQLiteStore(path) as store:
        command = [sys.executable, __file__, "--commit-on-request", str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            await loop.run_in_executor(None, other.stdout.readline)
            cursor = (await store.read_events(None, 1)).cursor
            for _ in range(rounds):
                waiting = asyncio.create_task(store.wait_events(cursor, 10.0))
                await asyncio.sleep(0.005)
                other.stdin.write("\n")
                other.stdin.flush()
                assert await waiting
                woken = time.clock_gettime(time.CLOCK_MONOTONIC)
                committed = float(await loop.run_in_executor(None, other.stdout.readline))
                late.append(max(0.0, woken - committed))
                cursor = (await store.read_events(cursor, 9)).cursor
            other.stdin.close()
    late.sort()
    cells = tuple(f"{at(late, fraction) * 1e3:.2f}" for fraction in (0.5, 0.9, 0.99))
    head = ("from another process's commit to the reader", "p50 ms", "p90 ms", "p99 ms")
    show("Waking up", [head, (f"{rounds} commits", *cells)])


async def measure(folder: Path, options: argparse.Namespace) -> None:
    """Everything."""
    await measure_writes(folder, options.seconds, options.patched)
    await measure_waking(folder)
    await measure_reads(folder, options.rows)


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions to read among")
    parser.add_argument("--patched", type=int, default=100_000, help="sessions to patch among")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds for each figure of the writes")
    parser.add_argument("--folder", type=Path, help="where to put the files; the disk matters")
    parser.add_argument("--commit-on-request", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.patched < max(CALLERS):
        parser.error(
            f"--patched {options.patched} is too few: each of {max(CALLERS)} callers needs a session of its own"
        )
    if options.commit_on_request:
        asyncio.run(commit_on_request(options.commit_on_request))
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="nexus-bench-") as folder:
        asyncio.run(measure(Path(folder), options))


if __name__ == "__main__":
    main()
