"""Rows of sessions are fetched and written no more often than what they say changes."""

from __future__ import annotations

from nexus.model import Session
from nexus.testing.builders import a_session
from nexus_tui.session_source import FRESH
from tests.console.driving import driving
from tests.console.world import NOW, World

HOURS = 7200.0


def session(name: str, ago: float, expires_in: float) -> Session:
    return a_session(name, created_at=NOW - ago, idle_deadline=NOW + expires_in)


async def test_only_times_that_are_near_are_looked_at_each_second(world: World) -> None:
    await world.put(session("old", HOURS, HOURS))
    await world.put(session("young", 30, HOURS))
    await world.put(session("expiring", HOURS, 30))
    async with driving(world, world.clock) as driven:
        await driven.until(lambda: driven.table.total == 3)
        source = driven.main.sessions.source
        assert not source.counts_seconds(["old", "not there"])
        assert source.counts_seconds(["old", "young"])
        assert source.counts_seconds(["expiring"])


async def test_far_times_are_written_anew_as_well_once_the_rows_are_old(world: World) -> None:
    await world.put(session("old", HOURS, HOURS))
    async with driving(world, world.clock) as driven:
        await driven.until(lambda: "2h" in driven.text)
        was_old = driven.main.sessions.source.is_old
        world.clock.at += HOURS / 2 + FRESH
        assert (was_old, driven.main.sessions.source.is_old) == (False, True)
        await driven.beat()
        await driven.until(lambda: "3h" in driven.text)
