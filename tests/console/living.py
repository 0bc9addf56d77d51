"""Sessions that live at random on a real store, the same each time for the same seed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from nexus.app import AsyncNexus
from nexus.errors import NexusError
from nexus.service import Service
from tests.console.world import StandingClock

Act = Callable[[Service, random.Random, list[str], int], Awaitable[None]]
"""Does the next thing to some session of those whose ids are listed, and lists the new ones."""


async def counting(run: Any) -> int:
    """A workflow that comes to its end."""
    async for step in run.steps(range(4)):
        run.state["n"] = step
    return 4


async def _failing(run: Any) -> None:
    async for step in run.steps(range(5)):
        if step == 3:
            raise ValueError("row 3 has no price")


async def _waiting(run: Any) -> None:
    async for _ in run.steps(range(2)):
        pass
    await run.wait_for("approval")


def with_workflows(app: AsyncNexus) -> AsyncNexus:
    """The app, with one workflow that ends, one that fails and one that waits."""
    for name, work in (("counting", counting), ("failing", _failing), ("waiting", _waiting)):
        app.register(work, name=name)
    return app


async def act_at_random(service: Any, chance: random.Random, ids: list[str], number: int) -> None:
    """Do anything that can be done to a session, or make one."""
    one = chance.choice(ids) if ids else ""
    match chance.randrange(13) if ids else 0:
        case 0 | 1:
            made = await service.create_session(
                session_id=f"s{number}", timeout=chance.choice((60, 600, 0)), channel=chance.choice(("api", "mcp")),
                parent_session=one if chance.random() < 0.3 and one else None,
            )  # fmt: skip
            ids.append(made.id)
        case 2:
            await service.patch_session(one, {"a": number})
        case 3:
            await service.extend_session(one, chance.choice((30.0, 900.0)))
        case 4:
            await service.end_session(one, status=chance.choice(("completed", "cancelled")))
        case 5:
            await service.undo_session(one)
        case 6:
            await service.sync_session(one, "cli")
        case 7:
            await service.signal_session(one, "approval", True)
        case 8 | 9:
            await service.execute(chance.choice(("counting", "failing", "waiting")), session_id=one)
        case 10:
            await service.resume_session(one, background=False)
        case 11:
            await service.resume_session(one, checkpoint_id="checkpoint-2", background=False)
        case 12:
            ids.append((await service.fork_session(one, new_session_id=f"f{number}")).id)


async def lived(
    app: AsyncNexus, clock: StandingClock, seed: int, acts: int, act: Act = act_at_random
) -> AsyncIterator[tuple[int, Service, list[str]]]:
    """Do so many things, some time after each other; after each its number, a service, and the ids there are."""
    chance, ids = random.Random(seed), list[str]()
    for number in range(acts):
        clock.at += chance.choice((1.0, 2.5, 40.0))
        service = app.service(app.local_caller(chance.choice(("api", "cli", "mcp"))))
        with suppress(NexusError):  # What can't be done changes nothing.
            await act(service, chance, ids, number)
        await service.window()  # marks what is due
        yield number, service, ids
