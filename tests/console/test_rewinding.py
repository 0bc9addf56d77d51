"""What sessions and lists were, worked out from events, is what they were: over random lives on a real store."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.errors import NexusError
from nexus.model import Session, Window
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import key_of
from nexus_tui.rewind.chronicle import Chronicle
from nexus_tui.rewind.lives import Lives
from nexus_tui.rewind.overlay import overlaid
from nexus_tui.rewind.unrolling import _TOLD
from tests.console.world import StandingClock

Seen = dict[str, Session]


async def _counting(run: Any) -> int:
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


async def _act(service: Any, chance: random.Random, ids: list[str], number: int) -> None:
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


async def _lived(app: AsyncNexus, clock: StandingClock, seed: int) -> list[tuple[float, Seen]]:
    chance, ids, seen = random.Random(seed), list[str](), list[tuple[float, Seen]]()
    for number in range(90):
        clock.at += chance.choice((1.0, 2.5, 40.0))
        service = app.service(app.local_caller(chance.choice(("api", "cli", "mcp"))))
        with suppress(NexusError):  # What can't be done changes nothing.
            await _act(service, chance, ids, number)
        await service.window()  # marks what is due
        seen.append((clock.at, {each: snap.session for each, snap in (await app.store.load_many(ids)).items()}))
    return seen


@pytest.mark.parametrize("seed", range(4))
async def test_every_session_is_told_as_it_was_after_every_change_and_so_is_every_list(seed: int) -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock, session_lock_timeout=0.05) as app:
        for name, work in (("counting", _counting), ("failing", _failing), ("waiting", _waiting)):
            app.register(work, name=name)
        seen = await _lived(app, clock, seed)
        service = app.service(app.local_caller("cli"))
        ids = sorted(await app.store.load_many([each for _, was in seen for each in was]))
        lives = await Lives(service, clock.now).of(ids)
        assert [each for each, life in lives.items() if not life.exact] == []
        for ts, was in seen:
            told = {each: record for each, life in lives.items() if (record := life.at(ts)) is not None}
            assert told.keys() == was.keys()
            for each, session in was.items():
                assert _words(told[each]) == _words(session)
        chronicle = Chronicle(service)
        for ts, was in (seen[5], seen[40], seen[-10]):
            assert await chronicle.reach(ts)
            touched = {event.session_id for event in chronicle.events if event.ts > ts and event.session_id}
            for field in (SortField.ACTIVITY, SortField.CREATED, SortField.STATUS, SortField.EXPIRES, SortField.STEP):
                for descending in (True, False):
                    await _same_list(app, Order(field, descending), was, lives, touched, ts)


async def _same_list(app: AsyncNexus, order: Order, was: Seen, lives: Any, touched: set[str], ts: float) -> None:
    service = app.service(app.local_caller("cli"))

    async def ask(offset: int, limit: int) -> Window[Session]:
        return await service.window(sort=str(order), offset=offset, limit=limit)

    now = [lives[each].today for each in touched]
    then = [record for each in touched if (record := lives[each].at(ts)) is not None]
    wanted = sorted(was.values(), key=lambda each: key_of(each, order.field), reverse=order.descending)
    for offset, limit in ((0, 50), (3, 4), (len(wanted) - 2, 10)):
        rows, total = await overlaid(ask, order, now, then, max(offset, 0), limit)
        assert [each.id for each in rows] == [each.id for each in wanted][max(offset, 0) : max(offset, 0) + limit]
        assert total == len(wanted)


def _words(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _TOLD}
