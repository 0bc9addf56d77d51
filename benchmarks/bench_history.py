"""How fast history is listed from the archive, alone and merged with a live store.

    python benchmarks/bench_history.py                             # a million sessions in a SQLite file
    python benchmarks/bench_history.py --rows 200000 --url postgresql://me@localhost/scratch

Pages, windows at the ends and in the middle, counts and single sessions. The database has to be empty; it is
filled first, with sessions that were let go. It prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, text

from nexus.archive import tables
from nexus.archive.database import Database
from nexus.archive.history import History
from nexus.archive.history_sql import SQLHistory
from nexus.archive.merged import ArchivedStore
from nexus.model import Session, Status
from nexus.query import parse
from nexus.stores import codec
from nexus.stores.base import Order, SortField, Store
from nexus.stores.memory import MemoryStore
from nexus.testing.builders import NOW, a_session, creating

BATCH = 5000
STATE = {"user": {"id": 42, "tier": "gold"}, "steps": list(range(20)), "note": "n" * 80}
FINAL = (Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.CANCELLED, Status.EXPIRED)
AT = NOW + 1e6
"""Now, for ages."""


def person(number: int, rows: int, status: Status) -> Session:
    """A session of the usual size."""
    created = NOW + number / 1000
    return a_session(
        f"sess_{number:026d}",
        status=status,
        metadata={"organization": "acme-corp" if number % 1000 else "rare", "tier": number % 3},
        workflow=("index-files", "train", None)[number % 3],
        user_id=f"user-{number % (rows // 20 or 1)}",
        group_id=f"batch-{number % 1000}" if number % 10 == 0 else None,
        created_at=created,
        last_activity=NOW + (number * 7919 % 1_000_003) / 1000,
        timeout=3600.0,
        idle_deadline=created + 3600,
        ended_at=None if status is Status.ACTIVE else created + 60 + number % 50,
        step=number % 100,
        version=number % 30 + 1,
        state=STATE,
    )


def row(session: Session) -> dict[str, Any]:
    """A session's row in the archive."""
    names = (
        "id", "version", "channel", "workflow", "user_id", "group_id", "parent_id", "owner", "created_at",
        "last_activity", "expires_at", "ended_at", "step", "duration",
    )  # fmt: skip
    return {name: getattr(session, name) for name in names} | {
        "status": session.status.value, "channels": msgspec.json.encode(session.channels).decode(),
        "document": codec.encode_session(session), "state": session.state_json, "run": None, "gone_at": AT,
    }  # fmt: skip


def rows_of(count: int) -> Iterator[list[dict[str, Any]]]:
    """All rows, in batches."""
    for start in range(0, count, BATCH):
        yield [row(person(n, count, FINAL[n % 5])) for n in range(start, min(start + BATCH, count))]


def put(batch: list[dict[str, Any]], connection: Connection) -> None:
    """Write some rows."""
    connection.execute(insert(tables.sessions), batch)


def analyze(connection: Connection) -> None:
    """Let the database count, as it does by itself after a while."""
    connection.execute(text("ANALYZE"))


async def fill(database: Database, count: int) -> None:
    """Make the tables, and put the rows in."""
    await database.prepare()
    begun = time.perf_counter()
    for batch in rows_of(count):
        await database.write(partial(put, batch))
    took = time.perf_counter() - begun
    print(f"{count:,} sessions written in {took:.0f} s, {count / took:,.0f} a second")
    await database.write(analyze)


async def timed(call: Callable[[], Awaitable[Any]], rounds: int) -> float:
    """Milliseconds: the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        best = min(best, time.perf_counter() - begun)
    return best * 1000


async def lists(title: str, store: History | Store, count: int, rounds: int) -> None:
    """Pages, windows and counts."""
    print(f"\n{title}, best of {rounds}, in ms")
    queries = ("", "status:expired", "workflow:train", "user:user-7", "group:batch-10", "age>1h step>=50",
               "channel:api", "meta.organization=rare", "train")  # fmt: skip
    fields = (SortField.CREATED, SortField.ACTIVITY, SortField.ID, SortField.WORKFLOW, SortField.DURATION)

    async def show(name: str, call: Callable[[], Awaitable[Any]]) -> None:
        print(f"  {name:<58}{await timed(call, rounds):>10.1f}", flush=True)

    everything, read, look = parse(""), store.list_sessions, store.window
    for field in fields:
        order = Order(field)
        cursor = (await read(everything, order, cursor=None, limit=50, now=AT)).next_cursor
        await show(f"page of 50, {order}", partial(read, everything, order, cursor=cursor, limit=50, now=AT))
        for name, offset in (("start", 0), ("middle", count // 2), ("end", count - 50)):
            window = partial(look, everything, order, offset=offset, limit=50, now=AT)
            await show(f"window of 50 at the {name}, {order}", window)
    for q in queries:
        query = parse(q)
        await show(f"count {q!r}", partial(store.count, query, AT))
        for field in (SortField.CREATED, SortField.ACTIVITY):
            order = Order(field)
            page = partial(read, query, order, cursor=None, limit=50, now=AT)
            await show(f"page of 50 of {q!r}, {order}", page)
            window = partial(look, query, order, offset=500, limit=50, now=AT)
            await show(f"window of 50 in {q!r}, {order}", window)
    await show("one session", partial(store.load, f"sess_{count // 2:026d}"))
    await show("one that nobody has", partial(store.load, "nobody"))


async def main(url: str, count: int, live: int, rounds: int, *, filled: bool) -> None:
    """Everything."""
    database = Database(url)
    if not filled:
        await fill(database, count)
    history = SQLHistory(database)
    await lists(f"{database.shown}: {count:,} archived sessions", history, count, rounds)
    async with MemoryStore() as store:
        for n in range(live):
            place = count - live + n if n % 2 else n
            session = person(place, count, Status.ACTIVE)
            await store.commit(creating(a_session(f"live-{n}", created_at=session.created_at + 0.0005)))
        merged = ArchivedStore(store, history)
        await lists(f"merged with {live:,} live ones in memory, at both ends", merged, count + live, rounds)
    await history.close()
    await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of the database; a SQLite file in a temporary folder by default")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filled", action="store_true", help="it was filled by an earlier call")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.url or f"sqlite:///{Path(folder) / 'archive.sqlite3'}"
        asyncio.run(main(place, given.rows, given.live, given.rounds, filled=given.filled))
