"""One round: real processes change sessions through every door, faults strike, and every promise is checked."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec
from msgspec.structs import replace

from nexus.verifying import promises
from nexus.verifying.evidence import Evidence, Follower, gather, settle
from nexus.verifying.ledger import Ledger, read
from nexus.verifying.load import SHARED, make_app
from nexus.verifying.verdict import Verdict
from tests.chaos.suite import app as played
from tests.chaos.suite.archived import archive_all, kept
from tests.chaos.suite.cast import Actor
from tests.chaos.suite.clock import HOUR, shift
from tests.chaos.suite.grounds import GROUNDS, PREFIX, Fault, Ground
from tests.chaos.suite.plan import Plan
from tests.core.stores.redis.proxy import FaultProxy
from tests.running import command, environment, free_port

PATIENCE: Final = 60.0
Tell = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a round."""

    plan: Plan
    faults: dict[str, int]
    acts: dict[str, int]
    """How many acts there were by door and outcome."""
    seconds: float
    verdicts: tuple[Verdict, ...]
    died: tuple[str, ...]
    """Processes that ended by themselves."""

    @property
    def broken(self) -> list[str]:
        """The exact evidence of what did not hold."""
        found = [f"{verdict.promise}: {broken}" for verdict in self.verdicts for broken in verdict.broken]
        return [*found, *self.died]


class Round:
    """See the module's docstring.

    Args:
        plan: What happens.
        folder: Where all of it is kept; new.
        tell: Is told what happens, in words.
    """

    def __init__(self, plan: Plan, folder: Path, tell: Tell) -> None:
        self._plan, self._folder, self._tell = plan, folder, tell
        self._ledger = folder / "ledger"
        self._struck: Counter[str] = Counter()
        self._actors: list[Actor] = []
        self._proxies: list[FaultProxy] = []

    async def play(self) -> Outcome:
        """Play it; whatever happens, no process is left."""
        started = time.monotonic()
        opened = GROUNDS[self._plan.store](self._folder, archived=self._plan.archived)
        async with opened as ground, AsyncExitStack() as stack:
            # What was said is worth keeping with the store, even of a round that could not be played to its end.
            stack.callback(ground.disk.keep, self._folder / "kept")
            settings = played.archived_in(ground.archive)
            app = make_app(ground.direct, PREFIX, None, embedded_worker=False, **settings)
            await stack.enter_async_context(app)
            follower = Follower(app.store)
            async with follower.following():
                service = app.service(app.local_caller("sdk"))
                for session_id in SHARED:
                    await service.create_session(session_id=session_id, timeout=0)
                async with self._cast(ground):
                    await self._act(ground)
                    await settle(app.store, PATIENCE)
            ledger = read(self._ledger)
            if ground.archive:
                await archive_all(ground.direct, PREFIX, ground.archive)
            evidence = await gather(
                app.store, ledger.sessions(), live=app.parts.engine.live, followed=follower,
                trimmed_below=ground.trimmed_below,
            )  # fmt: skip
            verdicts = list(self._check(ledger, evidence))
            if ground.archive:
                verdicts.append(await kept(ground.direct, PREFIX, ground.archive, evidence))
        return self._outcome(ledger, verdicts, time.monotonic() - started)

    # -- the processes

    @asynccontextmanager
    async def _cast(self, ground: Ground) -> AsyncIterator[None]:
        plan = self._plan
        async with AsyncExitStack() as stack:
            try:
                urls = []
                for number in range(plan.servers):
                    port = free_port()
                    proxy = await stack.enter_async_context(FaultProxy(port))
                    self._proxies.append(proxy)
                    urls.append(f"http://127.0.0.1:{proxy.port}")
                    self._add(ground, f"s{number}", command("serve", *self._app(ground), "--port", str(port)))
                for number in range(plan.workers):
                    self._add(ground, f"w{number}", command("worker", *self._app(ground)))
                await asyncio.gather(*map(_ready, urls))
                for number in range(plan.drivers):
                    words = (sys.executable, "-m", "tests.chaos.suite.driver")
                    given = (f"d{number}", str(plan.seed), f"{plan.seconds:g}", *urls)
                    self._add(ground, f"d{number}", (*words, *given))
                yield
            finally:
                await asyncio.gather(*(actor.stop() for actor in self._actors))

    def _app(self, ground: Ground) -> tuple[str, ...]:
        return "--app", "tests.chaos.suite.app:app", "--store", ground.store

    def _add(self, ground: Ground, name: str, words: tuple[str, ...] | list[str]) -> None:
        clock = self._folder / f"clock-{name}"
        shift(clock, 0)
        given = {
            played.STORE: ground.store, played.PREFIX: PREFIX, played.LEDGER: str(self._ledger),
            played.CLOCK: str(clock), played.ARCHIVE: ground.archive, "NEXUS_SESSION_PREFIX": PREFIX,
        }  # fmt: skip
        if ground.archive:
            given |= {"NEXUS_SESSION_PERSISTENCE": "true", "NEXUS_DATABASE_URL": ground.archive}
        actor = Actor(name, words, environment(ground.store, **given), clock, ground.disk.folder / f"{name}.log")
        self._actors.append(actor)
        actor.start()

    # -- the faults

    async def _act(self, ground: Ground) -> None:
        faults = {**self._own_faults(ground), **ground.faults()}
        begun = time.monotonic()
        under_way: list[asyncio.Task[None]] = []
        for at, kind, chance in self._plan.faults(sorted(faults)):
            await asyncio.sleep(max(0.0, begun + at - time.monotonic()))
            self._struck[kind] += 1
            self._tell(f"{at:5.1f} s  {kind}")
            under_way.append(asyncio.create_task(faults[kind](chance)))
        await asyncio.sleep(max(0.0, begun + self._plan.seconds - time.monotonic()))
        await asyncio.gather(*under_way)
        ground.disk.free()
        for actor in self._actors:
            shift(actor.clock, 0)

    def _own_faults(self, ground: Ground) -> Mapping[str, Fault]:
        async def kill(chance: random.Random) -> None:
            chance.choice(self._actors).kill()

        async def freeze(chance: random.Random) -> None:
            await chance.choice(self._actors).freeze()

        async def jump(chance: random.Random) -> None:
            """One process's clock, or all of them, by an hour; they are right again later, or are not."""
            chosen = chance.choice([*([actor] for actor in self._actors), self._actors])
            for actor in chosen:
                shift(actor.clock, chance.choice((HOUR, -HOUR)))
            await asyncio.sleep(chance.uniform(1, 6))
            if chance.random() < 0.5:
                for actor in chosen:
                    shift(actor.clock, 0)

        async def fill(chance: random.Random) -> None:
            await asyncio.to_thread(ground.disk.fill)
            await asyncio.sleep(chance.uniform(0.5, 2))
            ground.disk.free()

        async def cut(chance: random.Random) -> None:
            chance.choice(self._proxies).cut()

        async def lose(chance: random.Random) -> None:
            chance.choice(self._proxies).lose_replies += chance.randrange(1, 4)

        own = {
            "kill": kill, "kill again": kill, "freeze": freeze, "clock": jump, "cut a server": cut,
            "lose answers": lose,
        }  # fmt: skip
        return {**own, "fill the disk": fill} if ground.disk.small else own

    # -- the end

    def _outcome(self, ledger: Ledger, verdicts: Sequence[Verdict], seconds: float) -> Outcome:
        acts = Counter(f"{act.door} {act.outcome}" for act in ledger.acts)
        died = tuple(
            f"process {actor.name} ended by itself with {code}: see its log" for actor in self._actors
            for code in actor.died
        )  # fmt: skip
        return Outcome(
            plan=self._plan, faults=dict(sorted(self._struck.items())), acts=dict(sorted(acts.items())),
            seconds=seconds, verdicts=tuple(verdicts), died=died,
        )  # fmt: skip

    def _check(self, ledger: Ledger, evidence: Evidence) -> Iterator[Verdict]:
        """All promises; a refusal that a store in trouble did not take is in the log, as the audit's guide says."""
        away, kept = played.unwritten(self._ledger), []
        for act in ledger.acts:
            # Who waits changes nothing, so that no refusal of it is written down.
            if act.outcome == "refused" and act.kind != "wait" and away[act.subject, act.code]:
                away[act.subject, act.code] -= 1
            else:
                kept.append(act)
        for promise in promises.PROMISES:
            acts = tuple(kept) if promise is promises.audit else ledger.acts
            yield promise(replace(ledger, acts=acts), evidence)


async def _ready(url: str) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as web:
        while True:
            try:
                if (await web.get(f"{url}/ready")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
