"""What archiving costs and carries: commits with and without it, the archiver's rate, and how long a restore takes.

    python benchmarks/bench_archive.py --url redis://127.0.0.1:6379/9 [--database postgresql://…] [--sessions 500 10000]

It works under prefixes of its own and removes them; a database that is given has to be empty. Without one it is an
SQLite file in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete

from nexus.archive.database import Database
from nexus.archive.keeper import Keeper
from nexus.archive.kept import KeptStore
from nexus.archive.tables import metadata
from nexus.model import Session
from nexus.stores.redis import RedisStore
from nexus.testing.builders import a_checkpoint, a_run, a_session, creating, updating

ROUNDS = 5
CALLERS = (1, 16, 256)
COMMITS = 3000
STATE = {"step": 0, "text": "x" * 300}


async def wipe(store: RedisStore) -> None:
    client, head = store.outboxes[0]._client, store.outboxes[0]._keys.root  # noqa: SLF001
    cursor = b"0"
    while True:
        cursor, keys = await client.call("SCAN", cursor, "MATCH", head.replace(b"[", b"\\[") + b"*", "COUNT", 1000)
        if keys:
            await client.call("UNLINK", *keys)
        if cursor == b"0":
            return


async def updates(store: RedisStore, callers: int, commits: int) -> float:
    """Commits per second, each an update with a checkpoint, of as many sessions as there are callers."""
    head = uuid4().hex[:6]
    sessions = [a_session(f"{head}-{number}", state=STATE) for number in range(callers)]
    await asyncio.gather(*(store.commit(creating(session)) for session in sessions))

    async def call(session: Session) -> None:
        for number in range(1, commits // callers + 1):
            parts = {"checkpoints": (a_checkpoint(session.id, number, state=STATE),), "drop_checkpoints": (number - 3,)}
            change = updating(session, a_run(session.id), parts=parts)
            await store.commit(change)
            assert change.after is not None
            session = change.after.session

    began = time.perf_counter()
    await asyncio.gather(*map(call, sessions))
    return callers * (commits // callers) / (time.perf_counter() - began)


async def cost(url: str) -> None:
    """The same commits in two stores, in turns: one with an outbox, which nobody empties meanwhile, and one without."""
    async with (
        RedisStore(url, prefix=f"bench:{uuid4().hex[:8]}:") as off,
        RedisStore(url, prefix=f"bench:{uuid4().hex[:8]}:") as on,
    ):
        await on.outboxes[0].set_mark("benchmark", expected=None)
        for callers in CALLERS:
            rates: dict[str, list[float]] = {"off": [], "on": []}
            for _ in range(ROUNDS):
                for name, store in (("off", off), ("on", on)):
                    commits = max(COMMITS // (8 if callers == 1 else 1), callers)
                    rates[name].append(await updates(store, callers, commits))
            without, with_it = statistics.median(rates["off"]), statistics.median(rates["on"])
            print(
                f"{callers:4} callers: {without:8,.0f} commits/s without, {with_it:8,.0f} with an outbox"
                f" ({100 * (without / with_it - 1):+.0f} % time)"
            )
        await wipe(off)
        await wipe(on)


async def throughput_and_restore(url: str, database_url: str, sizes: list[int]) -> None:
    """Fill an outbox, empty it, lose the store and have it put back."""
    for size in sizes:
        await forget(database_url)
        live = RedisStore(url, prefix=f"bench:{uuid4().hex[:8]}:")
        database = Database(database_url)
        async with KeptStore(live, Keeper(live, database)) as store:
            for number in range(0, size, 256):
                some = [a_session(f"s{one}", state=STATE) for one in range(number, min(size, number + 256))]
                await asyncio.gather(
                    *(
                        store.commit(
                            creating(
                                one, a_run(one.id, worker="w"), checkpoints=(a_checkpoint(one.id, 1, state=STATE),)
                            )
                        )
                        for one in some
                    )
                )
            began = time.perf_counter()
            store.keeper.start()
            while (await store.keeper.lag()).entries:
                await asyncio.sleep(0.01)
            took = time.perf_counter() - began
            print(f"{size:7,} commits archived in {took:6.2f} s: {size / took:7,.0f}/s into {database.shown}")
        async with live:
            await wipe(live)
        database = Database(database_url)
        began = time.perf_counter()
        async with KeptStore(live, Keeper(live, database)) as store:
            print(f"{size:7,} sessions put back in {time.perf_counter() - began:6.2f} s")
            assert await store.load(f"s{size - 1}") is not None
            await wipe(live)


async def forget(database_url: str) -> None:
    """Empty the archive of the last size."""
    database = Database(database_url)
    await database.write(lambda connection: [connection.execute(delete(one)) for one in metadata.sorted_tables])
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--database")
    parser.add_argument("--sessions", type=int, nargs="*", default=[500, 10_000])
    parser.add_argument("--skip-cost", action="store_true")
    given = parser.parse_args()
    if not given.skip_cost:
        asyncio.run(cost(given.url))
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{Path(folder) / 'archive.sqlite3'}"
        asyncio.run(throughput_and_restore(given.url, url, given.sessions))


if __name__ == "__main__":
    main()
