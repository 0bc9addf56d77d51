"""How long a jump into the middle of a list takes that is merged over two contexts, beside the floor of one window.

    python benchmarks/bench_merged.py                     # a million sessions in two SQLite files
    python benchmarks/bench_merged.py --sessions 100000 --rounds 5 --folder /some/disk

Each context knows ranks in its own list only, so where the merged one divides has to be searched for. The floor, in
the same run: one window of the same number of rows, at the same depth, of one of the files. *Cold* is a jump in a list
of which nothing is known, *jump* is one from its start to the middle, and *scroll* is the window behind that. It
prints a table and asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from nexus.errors import StoreUnavailable
from nexus.model import Session, Status
from nexus.service import Service
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.builders import NOW, a_session, creating
from nexus_tui.cli.target import Target
from nexus_tui.merged.target import MergedTarget

NAMES = ("left", "right")
SORTS = ("-created_at", "-last_activity", "id", "status", "workflow", "step", "user_id", "-duration")
ROWS = 50
"""Of a window."""
SEED = 1
TOGETHER = 500
STATUSES = (Status.ACTIVE, Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
STATE = {"user": {"id": 42, "tier": "gold"}, "steps": list(range(20)), "note": "n" * 80}

Call = Callable[[], Awaitable[object]]


def person(number: int, dice: random.Random) -> Session:
    """A session of the usual size, that nothing is due for."""
    status, created = dice.choice(STATUSES), NOW + number / 1000
    return a_session(
        f"sess_{dice.getrandbits(128):032x}",
        status=status,
        metadata={"organization": "acme-corp", "tier": number % 3},
        workflow=dice.choice((None, "index-files", "train", "report", "import", "export")),
        user_id=f"user-{dice.randrange(100_000)}",
        created_at=created,
        last_activity=created + dice.random() * 600,
        ended_at=None if status in (Status.ACTIVE, Status.FAILED) else created + dice.random() * 600,
        step=dice.randrange(100),
        state=STATE,
    )


async def fill(folder: Path, sessions: int) -> None:
    """Deal them out to the files."""
    dice = random.Random(SEED)
    for name in NAMES:
        async with SQLiteStore(folder / f"{name}.sqlite3") as store:
            for first in range(0, sessions // len(NAMES), TOGETHER):
                numbers = range(first, min(sessions // len(NAMES), first + TOGETHER))
                await store.commit(*(creating(person(number, dice)) for number in numbers))


async def took(call: Call) -> float:
    """How long it takes, in milliseconds."""
    begun = time.perf_counter()
    await call()
    return (time.perf_counter() - begun) * 1e3


def window(service: Service, sort: str, offset: int) -> Call:
    """Reads a window."""
    return lambda: service.window(sort=sort, offset=offset, limit=ROWS)


async def once(targets: Mapping[str, Target], sort: str, own: int, middle: int) -> tuple[float, float, float, float]:
    """One row of the table, measured once."""
    async with targets[NAMES[0]].open_service() as one:
        await took(window(one, sort, 0))
        floor = await took(window(one, sort, own))
    async with MergedTarget(targets).open_service() as both:
        cold = await took(window(both, sort, middle))
        await took(window(both, sort, 0))
        jump = await took(window(both, sort, middle))
        return floor, cold, jump, await took(window(both, sort, middle + ROWS))


async def measure(folder: Path, sessions: int, rounds: int) -> None:
    """The table."""
    targets = {name: Target(store=f"sqlite:///{folder}/{name}.sqlite3", origin=f"context {name}") for name in NAMES}
    own, middle = sessions // len(NAMES) // 2, sessions // 2
    print(f"\n{sessions:,} sessions in {len(NAMES)} files, {ROWS} rows from the middle on: medians of {rounds}, in ms")
    print(f"  {'sort':16}{'floor':>10}{'cold':>10}{'jump':>10}{'scroll':>10}{'jump : floor':>14}")
    for sort in SORTS:
        try:
            times = [await once(targets, sort, own, middle) for _ in range(rounds)]
        except StoreUnavailable as error:
            # As in the console, a context that keeps the others waiting for long counts as away.
            print(f"  {sort:16}  this machine is too busy: {error.message}")
            continue
        floor, cold, jump, scroll = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"  {sort:16}{floor:10.1f}{cold:10.1f}{jump:10.1f}{scroll:10.1f}{jump / floor:14.1f}")


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="in all files together")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    parser.add_argument("--folder", type=Path, help="where to put the files; the disk matters")
    options = parser.parse_args()
    for name, least in (("sessions", len(NAMES)), ("rounds", 1)):
        if getattr(options, name) < least:
            parser.error(f"--{name} {getattr(options, name)} is too few: give {least} or more")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="nexus-bench-") as folder:
        asyncio.run(fill(Path(folder), options.sessions))
        asyncio.run(measure(Path(folder), options.sessions, options.rounds))


if __name__ == "__main__":
    main()
