"""Each screen looks as it did when a person last looked at it."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from textual.pilot import Pilot

from nexus.errors import StoreUnavailable
from nexus.service import Service
from nexus_tui.app import NexusConsole
from tests.console.test_feed import Line
from tests.console.world import StandingClock, a_world, populate
from tests.snapshot_extension import SNAPSHOTS

Compare = Callable[..., bool]
SIZES = {"80x24": (80, 24), "140x40": (140, 40)}

MAIN: dict[str, tuple[str, ...]] = {
    "sessions": (),
    "marked": ("j", "space", "j", "j", "space"),
    "filtered": ("slash", *"workflow:index-files", "enter"),
    "filter_completions": ("slash", *"status", "colon", *"f", "down"),
    "filter_mistake": ("slash", *"age", "greater_than_sign", *"5m", "space", *"statsu", "colon", "1", "enter"),
    "help": ("question_mark",),
    "extend": ("e",),
    "end_several": ("space", "j", "space", "x"),
    "command_line": ("colon", *"ex"),
    "columns": ("w",),
    "groups": ("g", "j"),
    "events": ("l",),
    "session": ("enter",),
    "session_past": ("enter", "less_than_sign", "less_than_sign"),
    "session_diff": ("enter", "5", "space", "j", "j", "j", "j", "space", "3"),
    "session_about": ("enter", "8"),
    "resume_from_checkpoint": ("enter", "less_than_sign", "less_than_sign", "r"),
}
OTHERS = ("empty", "lost", "read_only")
THEMED = ("nexus-light", "no-color")
_REFRESHED = 0.08
"""Seconds: the pace of refreshes is a fifteenth of one."""
_ALIKE, _MOST_LOOKS = 3, 100

pytestmark = pytest.mark.usefixtures("steady_cursor")


@dataclass
class Stage:
    """A target whose world is made when the console opens it, in the console's own loop."""

    is_empty: bool = False
    label: str = "prod"
    clock: StandingClock = field(default_factory=StandingClock)
    line: Line | None = None

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        async with a_world(self.clock) as world:
            if not self.is_empty:
                await populate(world)
            self.line = Line(world)
            yield self.line


def fill_history(console: NexusConsole) -> None:
    """Three minutes of figures, the same in every run."""
    chance, history = random.Random(3), console.feed.history
    for second in range(180):
        history.events.append(max(18 + 11 * math.sin(second / 9) + chance.uniform(-5, 9), 0))
        history.p95.append(4300 + 500 * math.sin(second / 17) + chance.uniform(-200, 300))
        history.success.append(84 + 3 * math.sin(second / 11))


async def rest(pilot: Pilot[int]) -> None:
    """Wait until what was begun is shown: three looks in a row, further apart than refreshes are, see the same."""
    same, before = 0, None
    for _ in range(_MOST_LOOKS):
        await asyncio.sleep(_REFRESHED)
        await pilot.pause()
        seen = pilot.app.screen._compositor.render_strips()
        same, before = same + 1 if seen == before else 0, seen
        if same == _ALIKE:
            return


async def connected(pilot: Pilot[int]) -> NexusConsole:
    console = pilot.app
    assert isinstance(console, NexusConsole)
    while console.feed.link.state == "connecting":
        await pilot.pause(0.02)
    if console.feed.statistics is None or console.feed.statistics.total:
        fill_history(console)
    await console.feed.beat_once()
    await rest(pilot)
    return console


def compare(snap_compare: Compare, stage: Stage, size: str, keys: tuple[str, ...], **more: object) -> None:
    console = NexusConsole(stage, clock=stage.clock, beat=0, **more)  # type: ignore[arg-type]

    async def reach(pilot: Pilot[int]) -> None:
        await connected(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.02)
        await rest(pilot)

    assert snap_compare(console, terminal_size=SIZES[size], run_before=reach)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MAIN)
def test_screen(snap_compare: Compare, name: str, size: str) -> None:
    compare(snap_compare, Stage(), size, MAIN[name])


@pytest.mark.parametrize("size", SIZES)
def test_empty(snap_compare: Compare, size: str) -> None:
    compare(snap_compare, Stage(is_empty=True), size, ())


@pytest.mark.parametrize("size", SIZES)
def test_read_only(snap_compare: Compare, size: str) -> None:
    compare(snap_compare, Stage(), size, (), read_only=True)


@pytest.mark.parametrize("size", SIZES)
def test_lost(snap_compare: Compare, size: str) -> None:
    stage = Stage()
    console = NexusConsole(stage, clock=stage.clock, beat=0)

    async def lose(pilot: Pilot[int]) -> None:
        await connected(pilot)
        assert stage.line is not None
        stage.line.is_cut = True
        stage.clock.at += 42
        console.feed.fail(StoreUnavailable("connection to prod.example:8000 refused"))
        console.feed.beaten.publish(console.feed.link)
        await rest(pilot)

    assert snap_compare(console, terminal_size=SIZES[size], run_before=lose)


@pytest.mark.parametrize("theme", THEMED)
@pytest.mark.parametrize("name", ["sessions", "session_past", "end_several"])
def test_theme(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, name: str, theme: str) -> None:
    if theme == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    compare(snap_compare, Stage(), "140x40", MAIN[name], theme=None if theme == "no-color" else theme)


def test_every_golden_belongs_to_a_test() -> None:
    expected = {f"test_screen[{name}-{size}].svg" for name in MAIN for size in SIZES}
    expected |= {f"test_{name}[{size}].svg" for name in OTHERS for size in SIZES}
    expected |= {f"test_theme[{name}-{theme}].svg" for name in ("sessions", "session_past", "end_several")
                 for theme in THEMED}  # fmt: skip
    assert {path.name for path in (SNAPSHOTS / "console" / "test_goldens").iterdir()} == expected
