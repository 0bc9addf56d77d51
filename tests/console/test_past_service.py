"""A service of the past answers as the live one did then: over random lives, and on every kind of store."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.channels.client import RemoteService
from nexus.errors import CheckpointNotFound, InvalidInput, NexusError, PermissionDenied, SessionNotFound
from nexus.model import Group, Run, Session, Statistics
from nexus.service import Service
from nexus_tui.rewind.annals import Annals
from nexus_tui.rewind.service import PastService
from nexus_tui.rewind.unrolling import _TOLD
from tests.channels.http.http_places import serving
from tests.console.living import act_at_random, counting, lived, with_workflows
from tests.console.world import StandingClock
from tests.core.stores.redis.servers import single

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


async def _act(service: Service, chance: random.Random, ids: list[str], number: int) -> None:
    if number % 23 == 4:
        await service.create_group(f"g{number % 2}")
    elif number % 23 == 9:
        ids.append((await service.create_session(group="g1", state={"n": number})).id)
    elif number == 60:
        await service.end_group("g1")
    else:
        await act_at_random(service, chance, ids, number)


@pytest.mark.parametrize("seed", range(3))
async def test_lists_figures_groups_and_sessions_are_those_that_were_told_then(seed: int) -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock, session_lock_timeout=0.05) as app:
        seen = list[Sight]()
        async for number, there, _ in lived(with_workflows(app), clock, seed, 70, _act):
            if number in (15, 40, 55, 64):
                seen.append(await _sight(there, clock.at))
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


@asynccontextmanager
async def _on(kind: str, folder: Path, clock: StandingClock) -> AsyncIterator[Service]:
    """A service on a kind of store, with two workflows and a clock that stands."""
    async with AsyncExitStack() as stack:
        file = f"sqlite:///{folder / 'sessions.db'}"
        store = stack.enter_context(single(folder)).url if kind == "redis" else file
        app = with_workflows(AsyncNexus(store=store, clock=clock, session_lock_timeout=0.05))
        if kind == "remote":
            place = stack.enter_context(serving(app))
            yield await stack.enter_async_context(RemoteService(place.url, channel="cli"))
            return
        await stack.enter_async_context(app)
        yield app.service(app.local_caller("cli"))


@pytest.mark.parametrize("kind", ["sqlite", "redis", "remote"])
async def test_the_past_is_told_on_every_kind_of_store(kind: str, tmp_path: Path) -> None:
    clock = StandingClock()
    async with _on(kind, tmp_path, clock) as service:
        await _morning(service, clock)
        sight = await _sight(service, clock.at)
        clock.at += 30
        await service.resume_session("b", checkpoint_id="checkpoint-2", background=False)
        await service.end_session("a", status="cancelled")
        await service.create_session(session_id="late", group="g1")
        await service.fork_session("b", checkpoint_id="checkpoint-1", new_session_id="copy")
        await service.extend_session("copy", 60)
        clock.at += 30
        annals = Annals(service, clock.now)
        past = PastService(annals, await annals.reach(sight.at))
        await _same(past, sight)
        assert await past.doubts() == ()
        assert [each.id for each in (await past.list_checkpoints("b")).items] == [f"checkpoint-{n}" for n in (1, 2, 3)]
        assert not any(each.superseded for each in (await past.list_checkpoints("b")).items)


async def _morning(service: Service, clock: StandingClock) -> None:
    await service.create_group("g1")
    await service.create_session(session_id="a", group="g1", state={"n": 1}, timeout=600)
    clock.at += 20
    await service.create_session(session_id="b", parent_session="a", timeout=600)
    with suppress(NexusError):
        await service.execute("failing", session_id="b")
    clock.at += 20
    await service.execute("counting", session_id="a")


async def test_reading_is_bounded_and_stops_at_the_earliest_moment_that_it_knows() -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:
        service = app.service(app.local_caller("cli"))
        for number in range(1500):
            clock.at += 1
            await service.create_session(session_id=f"s{number}")
        by_events = Annals(service, clock.now, most=1200)
        assert await by_events.reach(clock.at - 1400) == pytest.approx(clock.at - 1199, abs=1.01)
        assert by_events.chronicle.is_bounded
        by_sessions = Annals(service, clock.now, most_touched=50)
        at = await by_sessions.reach(clock.at - 1400)
        assert at == clock.at - 50, at
        past = PastService(by_sessions, at)
        assert (await past.statistics()).total == 1450
        assert (await past.window(sort="created_at", offset=1449, limit=5)).items[0].id == "s1449"
        apart = await past.window(sort="created_at", offset=3, limit=1000, stride=400)
        assert [each.id for each in apart.items] == ["s3", "s403", "s803", "s1203"]
        everything = Annals(service, clock.now)
        assert await everything.reach(clock.at - 99999) == clock.at - 1499


async def test_more_than_was_looked_for_since_the_last_look_is_read_all_the_same() -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:
        service = app.service(app.local_caller("cli"))
        await service.create_session(session_id="first")
        clock.at += 1
        annals = Annals(service, clock.now)
        past = PastService(annals, await annals.reach(clock.at - 0.5))
        for number in range(450):
            clock.at += 0.1
            await service.create_session(session_id=f"s{number}")
        assert [each.id for each in (await past.window()).items] == ["first"]
        assert annals.chronicle.newest == 451


async def test_what_was_deleted_since_is_not_shown_and_that_is_said() -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock, session_retention=60) as app:
        service = app.service(app.local_caller("cli"))
        await service.create_session(session_id="gone")
        await service.create_session(session_id="kept")
        await service.end_session("gone")
        clock.at += 100
        await app.session_manager.cleanup_expired()
        with pytest.raises(SessionNotFound):
            await service.get_session("gone")
        annals = Annals(service, clock.now)
        past = PastService(annals, await annals.reach(clock.at - 50))
        assert [each.id for each in (await past.window()).items] == ["kept"]
        assert await past.doubts() == ("1 session deleted since, not shown",)


async def test_nothing_that_is_not_there_yet_is_given_and_nothing_is_changed() -> None:
    clock = StandingClock()
    async with AsyncNexus(store="memory://", clock=clock) as app:
        app.register(counting, name="counting")
        service = app.service(app.local_caller("cli"))
        await service.create_session(session_id="a", timeout=900)
        clock.at += 10
        await service.execute("counting", session_id="a")
        await service.create_session(session_id="child", parent_session="a")
        clock.at += 10
        annals = Annals(service, clock.now)
        past = PastService(annals, await annals.reach(clock.at - 15))
        with pytest.raises(SessionNotFound, match="not there at"):
            await past.get_session("child")
        with pytest.raises(CheckpointNotFound, match="not there at"):
            await past.get_checkpoint("a", "checkpoint-1")
        assert (await past.list_children("a")).items == ()
        assert [event.type for event in (await past.list_events("a")).items] == ["session.created"]
        assert await past.get_run("a") is None
        with pytest.raises(InvalidInput, match="status:final"):
            await past.window("duration>1m")
        with pytest.raises(PermissionDenied, match="This is the past"):
            await past.as_service.end_session("a")
        assert (await service.get_session("a")).status.value == "active"
