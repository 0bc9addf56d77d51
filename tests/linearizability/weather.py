"""Bad weather between clients and their server: each client's proxy has its own, and a seed decides all of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.core.stores.redis.proxy import FaultProxy
from tests.linearizability.impatience import PATIENCE, TIMEOUT

FAULTS = ("latency", "blackhole", "refuse", "reset", "lost answer", "answers swallowed")


@asynccontextmanager
async def proxies(port: int, count: int) -> AsyncIterator[Sequence[FaultProxy]]:
    """So many, all in front of one server."""
    made = [FaultProxy(port) for _ in range(count)]
    for each in made:
        await each.__aenter__()
    try:
        yield made
    finally:
        for each in made:
            await each.__aexit__(None, None, None)


async def storm(sky: Sequence[FaultProxy], seed: int, faults: int) -> list[str]:
    """Let so many faults pass over the proxies, some of them at once; which, in order."""
    chance = random.Random(seed)
    for each in sky:
        each.latency = 0.001
    passed: list[str] = []
    for _ in range(faults):
        struck = chance.sample(sky, chance.randint(1, len(sky)))
        fault = chance.choice(FAULTS)
        passed.append(f"{fault} on {len(struck)}")
        # Half of those that hold something back do so for longer than anybody waits.
        duration = chance.choice([chance.uniform(0.02, TIMEOUT), PATIENCE + 2 * TIMEOUT])
        await asyncio.gather(*(_strike(each, fault, duration) for each in struck))
        await asyncio.sleep(chance.uniform(0.02, 0.1))
    return passed


async def _strike(proxy: FaultProxy, fault: str, duration: float) -> None:
    if fault == "latency":
        proxy.latency = 0.03
        await asyncio.sleep(duration)
        proxy.latency = 0.001
    elif fault == "blackhole":
        proxy.flows.clear()
        await asyncio.sleep(duration)
        proxy.flows.set()
    elif fault == "refuse":
        proxy.refuse()
        await asyncio.sleep(duration)
        await proxy.listen()
    elif fault == "reset":
        proxy.cut()
    elif fault == "lost answer":
        proxy.lose_replies = 1
    else:
        proxy.silent = True
        await asyncio.sleep(duration)
        # TCP drops nothing in the middle of a connection: what was swallowed takes its connection with it.
        proxy.cut()
        proxy.silent = False
