"""What sessions and lists were, worked out from events, is what they were: over random lives on a real store."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.model import Session, Window
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import key_of
from nexus.stores.strides import ranks_of, widened
from nexus.testing.builders import NOW, a_session, ids_of
from nexus_tui.rewind.chronicle import Chronicle
from nexus_tui.rewind.lives import Lives
from nexus_tui.rewind.overlay import overlaid
from nexus_tui.rewind.unrolling import _TOLD
from tests.console.living import lived, with_workflows
from tests.console.world import StandingClock

Seen = dict[str, Session]


@pytest.mark.parametrize("seed", range(4))
async def test_every_session_is_told_as_it_was_after_every_change_and_so_is_every_list(seed: int) -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock, session_lock_timeout=0.05) as app:
        seen = list[tuple[float, Seen]]()
        async for _, _, made in lived(with_workflows(app), clock, seed, 90):
            seen.append((clock.at, {each: snap.session for each, snap in (await app.store.load_many(made)).items()}))
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

    async def ask(offset: int, limit: int, stride: int) -> Window[Session]:
        return await service.window(sort=str(order), offset=offset, limit=limit, stride=stride)

    now = [lives[each].today for each in touched]
    then = [record for each in touched if (record := lives[each].at(ts)) is not None]
    wanted = sorted(was.values(), key=lambda each: key_of(each, order.field), reverse=order.descending)
    for offset, limit in ((0, 50), (3, 4), (len(wanted) - 2, 10)):
        rows, total = await overlaid(ask, order, now, then, max(offset, 0), limit)
        assert [each.id for each in rows] == [each.id for each in wanted][max(offset, 0) : max(offset, 0) + limit]
        assert total == len(wanted)


@pytest.mark.parametrize("seed", range(20))
async def test_a_long_list_is_told_as_it_was_by_few_landmarks(seed: int) -> None:
    dice = random.Random(seed)
    order = Order(dice.choice((SortField.STEP, SortField.ID, SortField.ACTIVITY)), dice.random() < 0.5)

    def some(names: Iterable[str]) -> list[Session]:
        return [a_session(name, step=dice.randrange(30), last_activity=NOW + dice.random()) for name in names]

    names = [f"s{number:04}" for number in range(dice.choice((0, 5, 3000)))]
    changed = dice.sample(names, min(len(names), 700))
    made, ended = [f"made-{number}" for number in range(600)], [f"ended-{number}" for number in range(300)]
    same = some(set(names) - set(changed))
    now, then = some([*changed, *made]), some([*changed, *ended])
    present, wanted = _sorted([*same, *now], order), _sorted([*same, *then], order)
    asked = 0

    async def ask(offset: int, limit: int, stride: int) -> Window[Session]:
        nonlocal asked
        asked += 1
        ranks = widened(ranks_of(offset, limit, stride), len(present)) if stride > 1 else ranks_of(offset, limit, 1)
        rows = present[ranks.start : ranks.stop : ranks.step]
        return Window(items=tuple(rows), offset=offset, total=len(present), whole=len(present), stride=ranks.step)

    for offset in (0, 1, 250, len(wanted) // 2, max(len(wanted) - 20, 0), len(wanted), len(wanted) + 900):
        asked = 0
        rows, total = await overlaid(ask, order, now, then, offset, 40)
        assert (ids_of(rows), total) == (ids_of(wanted[offset : offset + 40]), len(wanted))
        assert asked <= 6


def _sorted(sessions: list[Session], order: Order) -> list[Session]:
    return sorted(sessions, key=lambda each: key_of(each, order.field), reverse=order.descending)


def _words(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _TOLD}
