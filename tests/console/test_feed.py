"""The gateway: it tells changes a few times a second, and knows whether what it shows is still true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nexus.errors import StoreUnavailable
from nexus.model import Event, Statistics
from nexus.service import FeedItem, Service
from nexus_tui.feed import Changed
from nexus_tui.history import History
from nexus_tui.known import Known
from tests.console.driving import NARROW, driving
from tests.console.world import NOW, World, populate


class Line:
    """What stands between a console and its service, and can be cut."""

    label = "prod"

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_cut = False
        self.asked: list[str] = []

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        if self.is_cut:
            raise StoreUnavailable("connection refused")
        yield self

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.world.service, name)

        async def ask(*args: Any, **more: Any) -> Any:
            self.asked.append(name)
            if self.is_cut:
                raise StoreUnavailable("connection reset by peer")
            return await call(*args, **more)

        return ask

    async def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[Any]:
        if self.is_cut:
            raise StoreUnavailable("connection reset by peer")
        async for item in self.world.service.feed(q, cursor=cursor):
            yield item


async def test_a_lost_connection_says_how_old_the_data_is_and_keeps_the_rows_as_unknown(full_world: World) -> None:
    line = Line(full_world)
    async with driving(line, full_world.clock) as driven:
        line.is_cut = True
        full_world.clock.at += 12
        await driven.beat()
        await driven.beat()
        await driven.until(lambda: "No connection" in driven.text)
        assert "data is 12s old" in driven.text
        assert "connection reset by peer" in driven.text
        assert "✖ NOT CONNECTED" in driven.text
        assert driven.table.stale
        assert driven.table.total == 50
        assert "session-123" in driven.text


async def test_the_console_connects_again_by_itself_and_shows_what_it_missed(full_world: World) -> None:
    line = Line(full_world)
    async with driving(line, full_world.clock) as driven:
        line.is_cut = True
        for _ in range(6):
            await driven.beat()
        await driven.until(lambda: driven.table.stale)
        line.is_cut = False
        await full_world.service.create_session(session_id="meanwhile")
        await driven.beat()
        await driven.until(lambda: "● LIVE" in driven.text and "No connection" not in driven.text)
        await driven.until(lambda: driven.table.total == 51)
        assert not driven.table.stale


async def test_a_change_over_a_lost_connection_is_not_told_as_done(full_world: World) -> None:
    line = Line(full_world)
    async with driving(line, full_world.clock) as driven:
        line.is_cut = True
        await driven.press("e", "enter")
        await driven.until(lambda: "connection reset by peer" in driven.told)
        assert "Extended" not in driven.told


async def test_a_server_that_is_down_at_the_start_is_waited_for(full_world: World) -> None:
    line = Line(full_world)
    line.is_cut = True
    async with driving(line, full_world.clock) as driven:
        assert "No connection" in driven.text
        line.is_cut = False
        await driven.until(lambda: driven.feed.link.state == "live", turns=1000)
        await driven.until(lambda: driven.table.total == 50)


async def test_a_storm_of_changes_is_told_a_few_times_a_second(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        told: list[Changed] = []
        driven.feed.changed.subscribe(driven.main, told.append, immediate=True)
        for number in range(300):
            await full_world.service.create_session(session_id=f"storm-{number}")
        await driven.until(lambda: sum(changed.count for changed in told) == 300)
        assert len(told) < 100
        assert frozenset().union(*(changed.sessions for changed in told)) == {f"storm-{n}" for n in range(300)}


async def test_a_quiet_console_asks_for_figures_rarely(full_world: World) -> None:
    line = Line(full_world)
    async with driving(line, full_world.clock) as driven:
        await driven.beat()
        line.asked.clear()
        for _ in range(10):
            await driven.beat()
        assert line.asked.count("statistics") == 2
        assert line.asked.count("window") == 0


async def test_events_before_the_start_are_in_the_log_once(world: World) -> None:
    await populate(world, sessions=3)
    async with driving(world, world.clock) as driven:
        log = driven.main.query_one("#events EventLog")
        await driven.until(lambda: log.entry_count)  # type: ignore[attr-defined]
        count = log.entry_count  # type: ignore[attr-defined]
        assert count == len(driven.feed.recent)
        assert len({event.seq for event in driven.feed.recent}) == count


def some_statistics(finished: int) -> Statistics:
    return Statistics(
        active=1, total=1, by_status={}, by_channel={}, by_workflow={}, finished=finished, avg_duration=1.0,
        p50_duration=1.0, p95_duration=2.0, p99_duration=3.0, success_rate=50.0, created_per_minute=0.0,
        ended_per_minute=0.0,
    )  # fmt: skip


def test_what_is_not_known_is_a_gap_in_the_plots_and_not_a_zero() -> None:
    history = History(kept=3)
    history.count(4)
    history.close_second(some_statistics(finished=0), live=True)
    history.close_second(some_statistics(finished=9), live=True)
    history.close_second(some_statistics(finished=9), live=False)
    assert list(history.events) == [4.0, 0.0, None]
    assert list(history.p95) == [None, 2.0, None]
    assert history.events_per_second() == 2.0
    history.close_second(None, live=True)
    assert len(history.events) == 3


async def test_while_nobody_could_follow_changes_are_told_less_often_and_afterwards_as_before(world: World) -> None:
    async with driving(world, world.clock) as driven:
        await driven.until(lambda: driven.feed.link.state == "live")
        told: list[Changed] = []
        driven.feed.changed.subscribe(driven.main, told.append, immediate=True)
        pace, usual = driven.feed._pace, driven.feed._pace.per_second
        for number in range(1, 600):
            event = Event(type="run.step", ts=NOW, session_id="busy", seq=number + 10**6)
            driven.feed._take(FeedItem(cursor=str(event.seq), event=event))
        await driven.until(lambda: sum(changed.count for changed in told) == 599)
        assert pace.per_second < usual
        assert len(driven.feed.recent) == 500
        assert driven.feed.last_events["busy"].seq == 599 + 10**6
        await world.service.create_session(session_id="later")
        await driven.until(lambda: "later" in told[-1].sessions)
        assert pace.per_second == usual


def test_of_many_sessions_those_are_known_that_had_an_event_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_tui.known.REMEMBERED", 3)
    known = Known(lambda: NOW)
    for seq, name in enumerate(["a", "b", "c", "a", "d", "e"]):
        known.remember(Event(type="run.step", ts=NOW, session_id=name, seq=seq))
    assert {name: event.seq for name, event in known.last_events.items()} == {"a": 3, "d": 4, "e": 5}


async def test_without_a_connection_no_change_is_asked_for(full_world: World) -> None:
    line = Line(full_world)
    async with driving(line, full_world.clock) as driven:
        line.is_cut = True
        full_world.clock.at += 12
        await driven.beat()
        await driven.until(lambda: driven.feed.link.state == "lost")
        await driven.press("e")
        assert driven.on_main
        assert "There is no connection: nothing was changed." in driven.told


async def test_a_console_that_never_was_connected_claims_to_know_nothing(full_world: World) -> None:
    line = Line(full_world)
    line.is_cut = True
    async with driving(line, full_world.clock, size=NARROW) as driven:
        await driven.until(lambda: "not connected: nothing is known yet" in driven.text)
        line.is_cut = False
        await driven.until(lambda: driven.table.total == 50)
