"""What sessions and lists were, worked out from events, is what they were: over random lives on a real store."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.model import Session, Window
from nexus.stores.base import Order, SortField
from nexus.stores.ordering import key_of
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
