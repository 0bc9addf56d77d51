"""A check of a store with real processes: mixed load, some are killed and some frozen; then the promises one by one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import msgspec

from nexus.app import AsyncNexus
from nexus.stores.opening import open_store
from nexus.verifying import client, promises
from nexus.verifying.evidence import Follower, gather, settle
from nexus.verifying.ledger import Ledger, read
from nexus.verifying.load import RULES, SHARED, make_app
from nexus.verifying.place import Place, place_beside
from nexus.verifying.verdict import Verdict

CLIENT: Final = (sys.executable, "-m", "nexus.verifying.client")
_KEEPER: Final = (sys.executable, "-m", "nexus.verifying.keeper")
_FROZEN: Final = 2 * float(RULES["recovery_interval"]) + 0.3
_PATIENCE: Final = 60.0
Tell = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a check does; the same seed makes the same faults at the same times, and the same choices of load."""

    seconds: float = 10.0
    processes: int = 3
    seed: int = 0
    client: Sequence[str] = CLIENT
    """The command of one process of load."""

    def faults(self) -> list[tuple[float, str, int]]:
        """When (seconds from the start), what, and to which process; in order of time."""
        chance = random.Random(f"faults-{self.seed}")  # noqa: S311 - not for secrets
        count = max(2, int(self.seconds / 3))
        kinds = [("kill", "freeze")[number % 2] for number in range(count)]
        times = sorted(chance.uniform(0.1, 0.8) * self.seconds for _ in kinds)
        return [(at, kind, chance.randrange(self.processes)) for at, kind in zip(times, kinds, strict=True)]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    seed: int
    seconds: float
    processes: int
    kills: int
    freezes: int
    acts: dict[str, int]
    """How many acts were done, refused and left unsure."""
    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> bool:
        """Whether no promise was found broken."""
        return all(verdict.kept for verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kept": self.kept, "seed": self.seed, "seconds": round(self.seconds, 1), "processes": self.processes,
            "kills": self.kills, "freezes": self.freezes, "acts": self.acts,
            "promises": [verdict.to_dict() for verdict in self.verdicts],
        }  # fmt: skip


async def verify(url: str, plan: Plan, tell: Tell = lambda _: None) -> Report:
    """Check a store, in a place of its own that is removed afterwards.

    Args:
        url: The user's store.
        plan: What to do.
        tell: Told of what happens, in words.

    Raises:
        StoreUnavailable: It could not be reached to begin with, or was away for a minute at the end.
        InvalidInput: The store can't be verified.
    """
    place = place_beside(url)
    async with open_store(place.store, prefix=place.prefix) if place.on_redis else nullcontext():
        pass
    with tempfile.TemporaryDirectory(prefix="nexus-verify-") as folder:
        async with _kept(place) as keeper:
            return await Trial(place, plan, Path(folder), keeper, tell).run()


@asynccontextmanager
async def _kept(place: Place) -> AsyncIterator[asyncio.StreamWriter]:
    """A keeper is there, and has cleaned up when the context ends."""
    keeper = await asyncio.create_subprocess_exec(*_KEEPER, stdin=asyncio.subprocess.PIPE, start_new_session=True)
    assert keeper.stdin is not None  # noqa: S101 - it has a pipe
    keeper.stdin.write(msgspec.json.encode(place) + b"\n")
    if place.folder is not None:
        os.makedirs(place.folder, mode=0o700)  # noqa: PTH103 - one call, before anything runs
    try:
        yield keeper.stdin
    finally:
        keeper.stdin.close()
        await keeper.wait()


class Trial:
    """One check in a place that is kept clean by somebody else.

    Args:
        place: Where.
        plan: What to do.
        folder: For ledgers.
        keeper: Is told of processes.
        tell: Is told of what happens, in words.
    """

    def __init__(self, place: Place, plan: Plan, folder: Path, keeper: asyncio.StreamWriter, tell: Tell) -> None:
        self._place, self._plan, self._folder, self._keeper, self._tell = place, plan, folder, keeper, tell
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._done: Counter[str] = Counter()
        self._generation = 0
        self._begun = 0.0

    async def run(self) -> Report:
        """Put on the load, make the faults, wait until all has settled, and check."""
        started = time.monotonic()
        app = make_app(self._place.store, self._place.prefix, None, embedded_worker=False)
        async with app:
            follower = Follower(app.store)
            try:
                async with follower.following():
                    await self._load(app)
                ledger = read(self._folder / "ledger")
                evidence = await gather(
                    app.store, ledger.sessions(), followed=follower, one_order=self._place.one_order
                )
            finally:
                await self._end_all()
        return Report(
            seed=self._plan.seed, seconds=time.monotonic() - started, processes=self._plan.processes,
            kills=self._done["kill"], freezes=self._done["freeze"], acts=_counted(ledger),
            verdicts=tuple(promises.check(ledger, evidence)),
        )  # fmt: skip

    async def _load(self, app: AsyncNexus) -> None:
        service = app.service(app.local_caller("sdk"))
        for session_id in SHARED:
            await service.create_session(session_id=session_id, timeout=0)
        await asyncio.gather(*(self._start(number, self._plan.seconds) for number in range(self._plan.processes)))
        self._begun = time.monotonic()
        self._tell(f"{self._plan.processes} processes change sessions for {self._plan.seconds:g} s")
        thaws = [await self._fault(*fault) for fault in self._plan.faults()]
        await asyncio.sleep(max(0.0, self._begun + self._plan.seconds - time.monotonic()))
        await asyncio.gather(*thaws)
        await settle(app.store, _PATIENCE)
        await self._end_all()

    async def _fault(self, at: float, kind: str, number: int) -> asyncio.Task[None]:
        await asyncio.sleep(max(0.0, self._begun + at - time.monotonic()))
        victim = self._processes[number]
        self._done[kind] += 1
        self._tell(f"{at:5.1f} s  {kind} process {victim.pid}")
        if kind == "freeze":
            victim.send_signal(signal.SIGSTOP)
            return asyncio.create_task(_thaw(victim))
        return asyncio.create_task(self._replace(number, max(0.5, self._plan.seconds - at)))

    async def _replace(self, number: int, seconds: float) -> None:
        await self._end(number)
        await self._start(number, seconds)

    async def _start(self, number: int, seconds: float) -> None:
        self._generation += 1
        name = f"{number}.{self._generation}"
        process = await asyncio.create_subprocess_exec(
            *self._plan.client, name, str(self._plan.seed), f"{seconds:.3f}", str(self._folder / "ledger"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=self._folder, env=self._environment(),
        )  # fmt: skip
        self._processes[number] = process
        self._keeper.write(f"+{process.pid}\n".encode())
        assert process.stdout is not None  # noqa: S101 - it has a pipe
        await process.stdout.readline()

    def _environment(self) -> dict[str, str]:
        # The user's own settings are for the user's own sessions.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NEXUS_")}
        path = os.pathsep.join(part for part in sys.path if part)
        return {**kept, "PYTHONPATH": path, client.STORE: self._place.store, client.PREFIX: self._place.prefix}

    async def _end_all(self) -> None:
        await asyncio.gather(*(self._end(number) for number in list(self._processes)))

    async def _end(self, number: int) -> None:
        process = self._processes.pop(number, None)
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()
            self._keeper.write(f"-{process.pid}\n".encode())


async def _thaw(victim: asyncio.subprocess.Process) -> None:
    await asyncio.sleep(_FROZEN)
    if victim.returncode is None:
        victim.send_signal(signal.SIGCONT)


def _counted(ledger: Ledger) -> dict[str, int]:
    counted = Counter(act.outcome for act in ledger.acts)
    return {outcome: counted[outcome] for outcome in ("done", "refused", "unsure")}
