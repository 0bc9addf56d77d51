"""What one client does to one session, recorded; and the session as a sequential object, which the checker asks.

The object is a version, a counter and a value. ``add`` is read-modify-write of the counter through a patch function,
``write`` sets the value whatever it was, ``compare`` sets it if the version is the one that this client saw last.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nexus import AsyncNexus
from nexus.errors import StoreUnavailable, VersionConflict
from nexus.local import LocalService
from tests.linearizability.checker import Operation

SESSION = "shared"
KINDS = ("read", "add", "write", "compare")
MOST_UNSURE = 6
"""Outcomes that a client may be left without: each may take effect at any time later, which doubles the orders."""
Content = tuple[int, int, int]
"""Version, counter, value."""
START: Content = (1, 0, 0)


def session(state: Content, operation: Operation) -> Content | None:
    """The sequential session; see ``checker.check``."""
    version, counter, value = state
    unknown, result = operation.returned is None, operation.result
    if operation.kind == "read":
        return state if unknown or result == state else None
    if operation.kind == "compare" and operation.argument[0] != version:
        # An unknown one that was refused changes nothing, as one that never happened.
        return state if not unknown and result == ("conflict", version) else None
    if operation.kind == "add":
        after = (version + 1, counter + 1, value)
    else:
        after = (version + 1, counter, operation.argument[-1])
    return after if unknown or result == after else None


def still_possible(state: Content, operation: Operation) -> bool:
    """Versions and counters never go down, and a counter rises by no more than its version; see ``checker.check``."""
    if operation.returned is None:
        return True
    if operation.result[0] == "conflict":
        return bool(state[0] <= operation.result[1])
    commits = operation.result[0] - state[0] - (operation.kind != "read")
    additions = operation.result[1] - state[1] - (operation.kind == "add")
    return bool(0 <= additions <= commits)


class Client:
    """Does one operation after the other and records each.

    Args:
        app: Its own, open, with a connection of its own.
        number: Which client.
        seed: Decides what it does.
    """

    def __init__(self, app: AsyncNexus, number: int, seed: int) -> None:
        self._service = LocalService(app.parts, app.local_caller("sdk"))
        self._number = number
        self._chance = random.Random(f"{seed}-{number}")
        self._version = 1
        self._written = 0
        self.done: list[Operation] = []
        self.unsure = 0

    async def work(self, operations: int, on_each: Callable[[], Awaitable[None]] | None = None) -> list[Operation]:
        """Do that many; ``on_each`` is awaited after each."""
        for _ in range(operations):
            await self.act()
            if on_each is not None:
                await on_each()
        return self.done

    @property
    def able(self) -> bool:
        """Whether it goes on: one that has been left without too many outcomes counts as crashed."""
        return self.unsure < MOST_UNSURE

    async def act(self) -> None:
        """Do one operation."""
        kind = self._chance.choice(KINDS)
        self.done.append(await self.do(kind, self._argument(kind)))

    async def do(self, kind: str, argument: tuple[int, ...]) -> Operation:
        """One operation, as it went."""
        called = time.monotonic()
        returned: float | None
        try:
            result: Any = await self._call(kind, argument)
        except VersionConflict as error:
            result, returned = ("conflict", error.details["current"]), time.monotonic()
            self._version = result[1]
        except StoreUnavailable:
            result, returned = None, None
            self.unsure += 1
        else:
            returned = time.monotonic()
            self._version = result[0]
        return Operation(
            client=self._number, kind=kind, argument=argument, called=called, returned=returned, result=result
        )

    def _argument(self, kind: str) -> tuple[int, ...]:
        if kind not in ("write", "compare"):
            return ()
        self._written += 1
        value = self._number * 100_000 + self._written
        return (value,) if kind == "write" else (self._version, value)

    async def _call(self, kind: str, argument: tuple[int, ...]) -> Any:
        if kind == "read":
            after = await self._service.get_session(SESSION)
        elif kind == "add":
            after = await self._service.patch_session(SESSION, _add)
        elif kind == "write":
            after = await self._service.patch_session(SESSION, {"value": argument[0]})
        else:
            after = await self._service.patch_session(SESSION, {"value": argument[1]}, if_version=argument[0])
        return after.version, after.state["counter"], after.state["value"]


def _add(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"counter": state["counter"] + 1}


async def prepare(app: AsyncNexus) -> None:
    """Create the session that all share, at ``START``."""
    await app.service(app.local_caller("sdk")).create_session(session_id=SESSION, state={"counter": 0, "value": 0})


async def last_look(app: AsyncNexus, number: int) -> Operation:
    """A read by one who comes when all others are done: what was done twice shows at the latest here."""
    found = await Client(app, number, 0).do("read", ())
    assert found.returned is not None
    return found
