"""A service of the past answers as the live one did then: over random lives, and on every kind of store."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.errors import NexusError
from nexus.model import Group, Run, Session, Statistics
from nexus.service import Service
from nexus_tui.rewind.annals import Annals
from nexus_tui.rewind.service import PastService
from nexus_tui.rewind.unrolling import _TOLD
from tests.console.test_rewinding import _act, _counting, _failing, _waiting
from tests.console.world import StandingClock

QUERIES = (
    "", "status:live", "status:failed,suspended", "age>2m", "idle<50s", "expires<5m", "expires>10m", "group:g1",
    "status:final duration>1m", "status:live duration>1m", "-channel:api", "step>=2",
)  # fmt: skip
SORTS = ("-last_activity", "created_at", "status", "-duration", "expires_at")


@dataclass
class Sight:
    """What the live service said at one moment."""

    at: float
    statistics: Statistics
    groups: dict[str, Group]
    lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    runs: dict[str, Run | None] = field(default_factory=dict)


async def _sight(service: Service, at: float) -> Sight:
    sight = Sight(at, await service.statistics(), {each.id: each for each in (await service.list_groups()).items})
    for q in QUERIES:
        for sort in SORTS if not q else SORTS[:1]:
            sight.lists[q, sort] = [each.id for each in (await service.window(q, sort=sort, limit=500)).items]
    everything = (await service.list_sessions(limit=500)).items
    sight.sessions = {each.id: await service.get_session(each.id) for each in everything}
    sight.runs = {each.id: await service.get_run(each.id) for each in everything}
    return sight


async def _lived(app: AsyncNexus, clock: StandingClock, seed: int, acts: int = 70) -> list[Sight]:
    chance, ids, seen = random.Random(seed), list[str](), list[Sight]()
    for number in range(acts):
        clock.at += chance.choice((1.0, 2.5, 40.0))
        service = app.service(app.local_caller(chance.choice(("api", "cli", "mcp"))))
        with suppress(NexusError):  # What can't be done changes nothing.
            if number % 23 == 4:
                await service.create_group(f"g{number % 2}")
            elif number % 23 == 9:
                ids.append((await service.create_session(group="g1", state={"n": number})).id)
            elif number == 60:
                await service.end_group("g1")
            else:
                await _act(service, chance, ids, number)
        await service.window()  # marks what is due
        if number in (15, 40, 55, 64):
            seen.append(await _sight(service, clock.at))
    return seen


@pytest.mark.parametrize("seed", range(3))
async def test_lists_figures_groups_and_sessions_are_those_that_were_told_then(seed: int) -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock, session_lock_timeout=0.05) as app:
        for name, work in (("counting", _counting), ("failing", _failing), ("waiting", _waiting)):
            app.register(work, name=name)
        seen = await _lived(app, clock, seed)
        service = app.service(app.local_caller("cli"))
        annals = Annals(service, clock.now)
        for sight in seen:
            assert await annals.reach(sight.at) == sight.at
            past = PastService(annals, sight.at)
            await _same(past, sight)
            assert await past.doubts() == ()


async def _same(past: PastService, sight: Sight) -> None:
    for (q, sort), ids in sight.lists.items():
        window = await past.window(q, sort=sort, limit=500)
        assert ([each.id for each in window.items], window.total) == (ids, len(ids)), (q, sort)
        assert window.whole == len(sight.sessions)
    told, was = await past.statistics(), sight.statistics
    for name in was.__struct_fields__:
        assert getattr(told, name) == pytest.approx(getattr(was, name), rel=0.0201, abs=1e-5), name
    groups = {each.id: each for each in (await past.list_groups()).items}
    assert groups.keys() == sight.groups.keys()
    for each, group in groups.items():
        assert (group.by_status, group.status) == (sight.groups[each].by_status, sight.groups[each].status)
    for each, session in sight.sessions.items():
        then = await past.get_session(each)
        assert {name: getattr(then, name) for name in _TOLD} == {name: getattr(session, name) for name in _TOLD}
        if not past.note_of(each):
            assert then.state == session.state
        run, ran = await past.get_run(each), sight.runs[each]
        if run is not None or session.forked_from is None:
            assert _run_words(run) == _run_words(ran)


def _run_words(run: Run | None) -> tuple[Any, ...]:
    return (
        () if run is None else (run.id, run.workflow, run.status, run.error, run.ended_at, run.wait and run.wait.signal)
    )
