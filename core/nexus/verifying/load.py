"""The load that one process puts on a store: mixed changes through a service, each noted in a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from nexus.app import AsyncNexus
from nexus.errors import NexusError, StoreUnavailable, VersionConflict, WaitTimeout
from nexus.model import Session
from nexus.service import Service
from nexus.sessions.clock import Clock
from nexus.verifying.ledger import Act, Log

SHARED: Final = tuple(f"shared-{number}" for number in range(3))
"""Sessions that all processes change at once; nothing ends them."""
WORKFLOW: Final = "verify-sum"
STEPS: Final = 12
PACE = 0.02
"""Seconds of a step."""
RULES: Final[Mapping[str, Any]] = {
    "recovery_interval": 1.5, "session_cleanup_interval": 1.0, "session_retention": 4.0, "session_timeout": 3600.0,
    "session_max_age": 0.0, "max_recoveries": 1000, "session_lock_timeout": 10.0, "enable_auth": False,
    "session_auth_required": False, "session_persistence": False, "max_live_sessions": 0, "worker_grace": 0.0,
}  # fmt: skip
"""Settings of an app that is verified: everything that takes time takes little."""
LONGEST_WAIT: Final = 5.0
"""Seconds for which a group is waited for."""
_BRIEF: Final = 0.6
"""Seconds of idling after which the sessions end that are left to expire."""


def make_app(store: str, prefix: str, log: Log | None, clock: Clock | None = None, **settings: Any) -> AsyncNexus:
    """An app with the workflow of the check, not opened.

    Args:
        store: The store's URL.
        prefix: What its keys begin with, on Redis.
        log: Where steps are noted; ``None`` where no run is executed.
        clock: The app's clock.
        **settings: Laid over ``RULES``.
    """
    app = AsyncNexus(clock=clock, store=store, session_prefix=prefix, **{**RULES, **settings})

    @app.workflow(WORKFLOW)
    async def verify_sum(run: Any, count: int) -> int:
        """Add up the numbers below ``count``."""
        async for number in run.steps(range(count)):
            if log is not None:
                log.step(run.session_id, number)
            run.state["sum"] = run.state.get("sum", 0) + number
            await asyncio.sleep(PACE)
        return int(run.state.get("sum", 0))

    return app


class Load:
    """One client of a store.

    Args:
        service: Of an open app, or of a server.
        name: Its own name; part of the ids of its sessions and of the keys that it sets.
        seed: Decides what it does.
        log: Where all of it is noted.
        door: Through which it comes in, for the ledger.
    """

    def __init__(self, service: Service, name: str, seed: int, log: Log, door: str = "sdk") -> None:
        self._service, self._name, self._log, self._door = service, name, log, door
        self._chance = random.Random(f"{seed}-{name}")  # noqa: S311 - not for secrets
        self._count = 0
        self._seen: dict[str, int] = {}

    async def work(self, seconds: float, pause: float = 0.002) -> None:
        """Change this and that for so long."""
        until = time.monotonic() + seconds
        acts = (self.set, self.set, self.set, self.add, self.compare, self.life, self.brief, self.run, self.crowd)
        while time.monotonic() < until:
            await self._chance.choice(acts)()
            await asyncio.sleep(pause * self._chance.random() * 2)

    async def set(self) -> None:
        """Set a key of its own in a shared session."""
        await self._set(self._chance.choice(SHARED))

    async def add(self) -> None:
        """Add 1 to a shared counter, by reading and writing."""
        session = self._chance.choice(SHARED)
        async with self._noting("add", session) as act:
            if self._door == "sdk":
                # The local service takes functions: who loses a race is asked again with what is there then.
                after = await self._service.patch_session(session, _add)  # type: ignore[arg-type]
            else:
                after = await self._add_from_afar(session)
            self._note(act, after.version)

    async def _add_from_afar(self, session: str) -> Session:
        """Read, and write if nobody was quicker, until nobody was."""
        while True:
            before = await self._service.get_session(session)
            with contextlib.suppress(VersionConflict):
                return await self._service.patch_session(session, _add(before.state), if_version=before.version)

    async def compare(self) -> None:
        """Set a key if the version is the one that this client saw last."""
        session, key = self._chance.choice(SHARED), self._key()
        async with self._noting("compare", session, key) as act:
            seen = self._seen.get(session, 1)
            after = await self._service.patch_session(session, {key: 1}, if_version=seen)
            self._note(act, after.version)
        self._seen[session] = (await self._quietly_read(session)) or 1

    async def life(self) -> None:
        """A whole life: create, use, end, and try once more when it is over."""
        session = await self._create()
        for _ in range(self._chance.randrange(3)):
            await self._set(session)
        late = asyncio.create_task(self._set(session))
        await self._end(session)
        await late
        await self._set(session)

    async def brief(self) -> None:
        """Create a session that soon expires, use it, and leave it."""
        session = await self._create(timeout=_BRIEF)
        for _ in range(self._chance.randrange(3)):
            await self._set(session)

    async def crowd(self) -> None:
        """A group: make it, fill it, wait for it, end it while one more comes, and try to join when it is over."""
        group = f"group-{self._name}-{self._next()}"
        async with self._noting("create group", group=group) as act:
            await self._service.create_group(group)
            self._note(act, None)
        members = [await self._create(group=group) for _ in range(self._chance.randrange(1, 4))]
        # One that comes too late to be ended with the others expires soon.
        waiting, late = asyncio.create_task(self._wait(group)), asyncio.create_task(self._create(_BRIEF, group))
        if self._chance.random() < 0.5:
            await self._end(members[0])
        async with self._noting("end group", group=group) as act:
            await self._service.end_group(group, status=self._chance.choice(("completed", "cancelled")))
            self._note(act, None)
        await asyncio.gather(waiting, late)
        await self._create(group=group)

    async def run(self) -> None:
        """Ask for a run in the background, until that is acknowledged, under one key."""
        session = f"run-{self._name}-{self._next()}"
        for _ in range(self._chance.choice((1, 2))):
            async with self._noting("run", session, steps=STEPS) as act:
                await self._service.execute(
                    WORKFLOW, {"count": STEPS}, session_id=session, background=True, idempotency_key="once",
                    checkpoint_interval=self._chance.choice((1, 3)),
                )  # fmt: skip
                self._note(act, None)

    async def _create(self, timeout: float | None = None, group: str | None = None) -> str:
        session = f"own-{self._name}-{self._next()}"
        async with self._noting("create", session, group=group or "") as act:
            after = await self._service.create_session(session_id=session, timeout=timeout, group=group)
            self._note(act, after.version)
        return session

    async def _end(self, session: str) -> None:
        async with self._noting("end", session) as act:
            after = await self._service.end_session(session, status=self._chance.choice(("completed", "cancelled")))
            self._note(act, after.version)

    async def _wait(self, group: str) -> None:
        async with self._noting("wait", group=group) as act:
            await self._service.wait_group(group, timeout=LONGEST_WAIT)
            self._note(act, None)

    async def _set(self, session: str) -> None:
        key = self._key()
        async with self._noting("set", session, key) as act:
            self._note(act, (await self._service.patch_session(session, {key: 1})).version)

    async def _quietly_read(self, session: str) -> int | None:
        try:
            return (await self._service.get_session(session)).version
        except NexusError:
            return None

    def _noting(
        self, kind: str, session: str = "", key: str = "", steps: int = 0, group: str = ""
    ) -> AbstractAsyncContextManager[Act]:
        return noting(self._log, kind, session, door=self._door, key=key, steps=steps, group=group)

    def _note(self, act: Act, version: int | None) -> None:
        self._log.answered(act, "done", version=version)

    def _key(self) -> str:
        return f"key-{self._name}-{self._next()}"

    def _next(self) -> int:
        self._count += 1
        return self._count


@asynccontextmanager
async def noting(
    log: Log, kind: str, session: str = "", *, door: str = "sdk", key: str = "", steps: int = 0, group: str = ""
) -> AsyncIterator[Act]:
    """Note that something is asked and, where it is refused, that; whoever asks notes that it was done."""
    act = log.asked(kind, session, group=group, door=door, key=key, steps=steps)
    try:
        yield act
    except (StoreUnavailable, WaitTimeout):
        log.answered(act, "unsure")
    except NexusError as error:
        log.answered(act, "refused", code=error.code)


def _add(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"counter": state.get("counter", 0) + 1}
