"""The past of a live service looks as it did when a person last looked at it: told unmistakably, in every width."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from textual.pilot import Pilot

from nexus.model import Event, Session, Status
from nexus.service import Service
from nexus.testing.builders import a_session, an_event
from nexus_tui.app import NexusConsole
from tests.console.test_goldens import SIZES, THEMED, Compare, rest
from tests.console.test_time_travel import BEGAN, a_morning
from tests.console.world import StandingClock, a_world
from tests.snapshot_extension import SNAPSHOTS

MOMENT = BEGAN + 150
PAST = ("dashboard", "session", "doubts", "help")

pytestmark = pytest.mark.usefixtures("steady_cursor")


@dataclass
class Morning:
    """A target whose world is made when the console opens it."""

    doubtful: bool = False
    label: str = "prod"
    clock: StandingClock = field(default_factory=lambda: StandingClock(BEGAN))

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        async with a_world(self.clock) as world:
            await a_morning(world)
            if self.doubtful:
                await world.put(_restored(), events=(_restoration(),))
            yield world.service


def _restored() -> Session:
    return a_session(
        "restored-1", status=Status.ACTIVE, channel="api", owner="alice", version=9, created_at=BEGAN + 30,
        last_activity=BEGAN + 200, workflow="nightly-report",
    )  # fmt: skip


def _restoration() -> Event:
    return an_event("session.restored", "restored-1", ts=BEGAN + 200, channel="api", actor="alice", version=9)


async def _reach(pilot: Pilot[int], name: str) -> None:
    console = pilot.app
    assert isinstance(console, NexusConsole)
    while console.feed.link.state == "connecting":
        await pilot.pause(0.02)
    await console.feed.beat_once()
    console.main.do_seek("08:02:30")
    while console.feed.past is None:
        await pilot.pause(0.02)
    await rest(pilot)
    if name == "session":
        console.open_session("orders")
    elif name == "help":
        await pilot.press("question_mark")
    await console.feed.beat_once()
    await rest(pilot)


def _compare(snap_compare: Compare, name: str, size: str, **more: object) -> None:
    target = Morning(doubtful=name == "doubts")
    console = NexusConsole(target, clock=target.clock, beat=0, **more)  # type: ignore[arg-type]

    async def reach(pilot: Pilot[int]) -> None:
        await _reach(pilot, name)

    assert snap_compare(console, terminal_size=SIZES[size], run_before=reach)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAST)
def test_past(snap_compare: Compare, name: str, size: str) -> None:
    _compare(snap_compare, name, size)


@pytest.mark.parametrize("theme", THEMED)
def test_theme(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    if theme == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    _compare(snap_compare, "dashboard", "140x40", theme=None if theme == "no-color" else theme)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_past[{name}-{size}].svg" for name in PAST for size in SIZES}
    expected |= {f"test_theme[{theme}].svg" for theme in THEMED}
    assert {path.name for path in (SNAPSHOTS / "console" / "test_goldens_of_the_past").iterdir()} == expected
