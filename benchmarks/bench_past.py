"""What looking at a live service's past costs, beside the floor: the same questions about the present, in the same run.

    python benchmarks/bench_past.py                     # a million sessions in SQLite, 5,000 changes since
    python benchmarks/bench_past.py --rows 100000 --changes 1000 --rounds 5

The past is worked out from what has happened since, so the number of changes counts for more than that of sessions.
*First* is the way to a moment before all of the changes when nothing has been read yet, *step* is one to a moment
nearby, as with ``←``; both end with what the screen shows first: figures, what expires soon, and a window of rows. Then
windows in some orders and with some filters, now and then. It prints a table and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.console_store import built
from nexus.service import Service
from nexus_tui.cli.target import Target
from nexus_tui.horizon import Horizon
from nexus_tui.rewind.annals import Annals
from nexus_tui.rewind.service import PastService

ROWS = 50
"""Of a window."""
SEED = 1
TOGETHER = 64
STEPS = 20
LISTS = (
    ("", "-last_activity", 0.0), ("", "-last_activity", 0.5), ("", "id", 0.5), ("", "-step", 0.0),
    ("status:failed", "-last_activity", 0.0), ("workflow:index* age>1h", "-created_at", 0.0),
)  # fmt: skip

Call = Callable[[], Awaitable[object]]


async def change(service: Service, rows: int, changes: int) -> tuple[float, float]:
    """Touch sessions of the file; gives when that began and when it ended."""
    dice = random.Random(SEED)
    began = time.time()
    live = (await service.window("status:live", sort="id", offset=dice.randrange(max(rows // 20, 1)), limit=500)).items

    async def touch() -> None:
        await service.extend_session(dice.choice(live).id, 60.0)

    for first in range(0, changes, TOGETHER):
        await asyncio.gather(*(touch() for _ in range(min(TOGETHER, changes - first))))
    return began, time.time()


async def took(call: Call) -> float:
    """How long it takes, in milliseconds."""
    begun = time.perf_counter()
    await call()
    return (time.perf_counter() - begun) * 1e3


async def first_screen(service: Service, at: float) -> None:
    """What the screen shows first."""
    await service.statistics()
    await Horizon(lambda: at).look(lambda q: service.window(q, limit=1))
    await service.window(limit=ROWS)


async def then(annals: Annals, at: float) -> Service:
    """The service as it was."""
    return PastService(annals, await annals.reach(at)).as_service


def line(name: str, now: list[float], past: list[float]) -> None:
    """A line of the table, of medians."""
    floor, found = statistics.median(now), statistics.median(past)
    print(f"  {name:46}{floor:10.1f}{found:10.1f}{found / floor:10.1f}")


async def measure(service: Service, began: float, ended: float, rows: int, rounds: int) -> None:
    """The table."""
    before, now, first = began - 1.0, [], []
    for _ in range(rounds):
        now.append(await took(lambda: first_screen(service, time.time())))
        fresh = Annals(service, time.time)

        async def arrive(annals: Annals = fresh) -> None:
            await first_screen(await then(annals, before), before)

        first.append(await took(arrive))
    line("first", now, first)
    annals, steps = Annals(service, time.time), []
    await annals.reach(before)
    for number in range(STEPS):
        at = ended - (ended - before) * (number + 1) / STEPS

        async def step(at: float = at) -> None:
            await first_screen(await then(annals, at), at)

        steps.append(await took(step))
    line("step", now, steps)
    past = await then(annals, before)
    for q, sort, depth in LISTS:
        offset = int(rows * depth)

        def window(one: Service, q: str = q, sort: str = sort, offset: int = offset) -> Call:
            return lambda: one.window(q, sort=sort, offset=offset, limit=ROWS)

        await took(window(service))
        name = f"{q or 'all'}, {sort}, from {offset:,}"
        line(
            name,
            [await took(window(service)) for _ in range(rounds)],
            [await took(window(past)) for _ in range(rounds)],
        )


async def run(path: Path, rows: int, changes: int, rounds: int) -> None:
    """Change, and look back."""
    async with Target(store=f"sqlite:///{path}", origin="--store").open_service() as service:
        began, ended = await change(service, rows, changes)
        print(f"{rows:,} sessions, {changes:,} changes in {ended - began:.1f} s; medians of {rounds}, in ms")
        print(f"  {'':46}{'now':>10}{'then':>10}{'then : now':>12}")
        await measure(service, began, ended, rows, rounds)


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions in the file")
    parser.add_argument("--changes", type=int, default=5000, help="changes to look back over")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is measured")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nexus-bench-console")
    options = parser.parse_args()
    for name, least in (("rows", 1000), ("changes", 1), ("rounds", 1)):
        if getattr(options, name) < least:
            parser.error(f"--{name} {getattr(options, name)} is too few: give {least} or more")
    original = built(options.cache, options.rows)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.cache) as folder:
        path = Path(folder) / "store.sqlite3"
        shutil.copyfile(original, path)
        asyncio.run(run(path, options.rows, options.changes, options.rounds))


if __name__ == "__main__":
    main()
