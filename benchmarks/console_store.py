"""A store of very many sessions in a file, and a process that updates them: what ``bench_console.py`` looks at.

The file is what commits would have left: the store's own batch writes it, thousands of commits to a transaction and
without waiting for the disk. It is kept between runs under a name that tells its size.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from nexus.lifecycle.counting import deltas, stale_minutes
from nexus.model import Event, Session, Status
from nexus.model.change import Change, Snapshot
from nexus.stores.prepared import prepare
from nexus.stores.sqlite import SQLiteStore
from nexus.stores.sqlite.batch import Batch
from nexus.stores.sqlite.connection import connect_first
from nexus.stores.sqlite.schema import MIGRATIONS

FORM = 2
"""Rises with what the sessions are; the cache is then made anew."""
_TOGETHER = 5000
_TOP = 100
"""Sessions that are always updated: those that a table in the order of ids begins with."""
_FRESH = 43_200.0
"""Seconds that a file is used: its sessions expire within days of being made."""
_WORKFLOWS = ("index-files", "import-orders", "train-model", "send-report", None)
_SHARES = {
    Status.COMPLETED: 80, Status.FAILED: 4, Status.CANCELLED: 3, Status.ACTIVE: 8, Status.IN_PROGRESS: 4,
    Status.SUSPENDED: 1,
}  # fmt: skip
_STATUSES = tuple(status for status, share in _SHARES.items() for _ in range(share))
_FINAL = (Status.COMPLETED, Status.CANCELLED)


def session(number: int, now: float) -> Session:
    """A session of the usual size, as of before ``now``."""
    status = _STATUSES[number * 37 % 100]
    created = now - 86_400.0 + number % 80_000
    return Session(
        id=f"sess-{number:07d}",
        status=status,
        channel=("api", "cli", "mcp")[number % 3],
        channels=(("api", "cli", "mcp")[number % 3],),
        owner="local:bench",
        user_id=f"user-{number % 5000}",
        metadata={"organization": "acme-corp", "tier": number % 3},
        workflow=_WORKFLOWS[number % 5],
        group_id=f"batch-{number % 100}" if number % 10 == 0 else None,
        created_at=created,
        last_activity=created + number * 7919 % 6000,
        timeout=172_800.0,
        idle_deadline=created + 172_800.0 + number % 50_000,
        ended_at=created + 5 + number * 31 % 3600 if status in _FINAL else None,
        step=number % 100,
        state_json=b'{"user":{"id":42,"tier":"gold"},"note":"' + b"n" * 60 + b'"}',
    )


def change(before: Session | None, after: Session, kind: str, now: float) -> Change:
    """What a commit of such an update holds: the record, its event and its counters."""
    event = Event(
        type=kind, ts=now, session_id=after.id, group_id=after.group_id, channel=after.channel, actor="local:bench",
        version=after.version,
    )  # fmt: skip
    return Change(
        session_id=after.id,
        expected=None if before is None else before.version,
        after=Snapshot(after),
        events=(event,),
        counters=deltas(before, after, now),
    )


def built(folder: Path, rows: int) -> Path:
    """The file with so many sessions, made if it is not there.

    Args:
        folder: Where it is kept.
        rows: How many sessions.
    """
    path = folder / f"console-{rows}-{FORM}.{len(MIGRATIONS)}.sqlite3"
    if path.exists() and time.time() - path.stat().st_mtime < _FRESH:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    for old in folder.glob(f"{unfinished.name}*"):
        old.unlink()
    connection = connect_first(unfinished)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    _fill(connection, rows, time.time())
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    unfinished.replace(path)
    return path


def tidy(path: Path) -> None:
    """Drop the counters that nobody reads any more, as a cleanup does that comes by every few minutes.

    Args:
        path: The store's file.
    """
    connection = connect_first(path)
    names = [name for (name,) in connection.execute("SELECT name FROM counters")]
    stale = stale_minutes(names, time.time())
    connection.executemany("DELETE FROM counters WHERE name = ?", [(name,) for name in stale])
    connection.close()


def _fill(connection: sqlite3.Connection, rows: int, now: float) -> None:
    for first in range(0, rows, _TOGETHER):
        connection.execute("BEGIN IMMEDIATE")
        batch = Batch(connection)
        commits = []
        for number in range(first, min(first + _TOGETHER, rows)):
            made = session(number, now)
            commits.append([prepare(change(None, made, "session.created", made.created_at))])
        batch.expect(commits)
        for commit in commits:
            batch.add(commit)
        batch.flush()
        connection.execute("COMMIT")
        if first % (_TOGETHER * 10) == 0:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            print(f"\rbuilding: {first:,} of {rows:,} sessions", end="", flush=True)
    print("\r" + " " * 50 + "\r", end="", flush=True)


async def storm(path: Path, rows: int, per_second: int, hot: int) -> None:
    """Update sessions until the input ends; each second tell on the output how many were committed in it.

    Args:
        path: The store's file.
        rows: How many sessions it has.
        per_second: How many updates to commit.
        hot: How many of the sessions are updated, again and again.
    """
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.readline)
    dice = random.Random(time.time_ns())
    chosen = {*range(min(_TOP, rows)), *dice.sample(range(rows), min(hot, rows))}
    names = [f"sess-{number:07d}" for number in chosen]
    together = max(per_second // 50, 1)
    async with SQLiteStore(path) as store:
        loaded = await store.load_many(names)
        known = {name: found.session for name, found in loaded.items()}
        dice.shuffle(names)
        begun, done, place, told = time.perf_counter(), 0, 0, 0
        while not ended.done():
            now = time.time()
            changes = []
            # No session twice in one commit.
            for _ in range(min(together, len(names))):
                name = names[place % len(names)]
                place += 1
                before = known[name]
                after = replace(before, version=before.version + 1, last_activity=now, step=before.step + 1)
                known[name] = after
                changes.append(change(before, after, "run.step" if place % 2 else "session.updated", now))
            await store.commit(*changes)
            done += len(changes)
            elapsed = time.perf_counter() - begun
            if int(elapsed) > told:
                told = int(elapsed)
                print(done, flush=True)
            await asyncio.sleep(max(done / per_second - elapsed, 0.0))


def main() -> None:
    """Be the process that updates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--per-second", type=int, default=5000)
    parser.add_argument("--hot", type=int, default=20_000)
    options = parser.parse_args()
    asyncio.run(storm(options.path, options.rows, options.per_second, options.hot))


if __name__ == "__main__":
    main()
