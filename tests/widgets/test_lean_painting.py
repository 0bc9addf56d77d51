"""A screen that paints only what changed shows, cell by cell, what one that paints everything would."""

from __future__ import annotations

import random
from typing import Any

import pyte
import pytest
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from nexus_widgets import Column, EventLog, LogEntry, Row, RowWindow, Toned, VirtualTable
from nexus_widgets.lean_painting import LeanCompositor, LeanUpdate, paint_lean

WIDTH, HEIGHT = 70, 24
WORDS = ("short", "a somewhat longer text", "wide 世界 cells", "", "end…")


class Rows:
    """A hundred rows that can all change."""

    total = 100
    version = 0

    async def window(self, offset: int, limit: int) -> RowWindow:
        numbers = range(offset, min(offset + limit, self.total))
        rows = (Row(str(at), (f"row {at}", Toned(f"世 {self.version * at % 7}", "bad"))) for at in numbers)
        return RowWindow(offset, tuple(rows), self.total)


class Crowded(Screen[None]):
    """Panes beside, in and over each other."""

    DEFAULT_CSS = """
    Crowded { layers: below above; }
    #top { height: 1; }
    #left { width: 21; border: round red; }
    #left Static { height: 3; }
    #table { border: round blue; }
    #log { height: 5; }
    #over { layer: above; width: 31; height: 7; border: heavy green; background: $surface; offset: 11 5; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.lean = paint_lean(self)
        self.rows = Rows()

    def compose(self) -> ComposeResult:
        yield Static("top", id="top", markup=False)
        with Horizontal():
            with VerticalScroll(id="left"):
                for number in range(9):
                    yield Static(f"item {number}", markup=False)
            yield VirtualTable([Column("a", "A", 9), Column("b", "B", 9, flex=1)], self.rows, id="table")
        yield EventLog(id="log")
        yield Static("over all", id="over", markup=False)


class Terminal(App[None]):
    """Gives every frame to a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = pyte.Screen(WIDTH, HEIGHT)
        self.lean_frames = 0

    def get_default_screen(self) -> Screen[None]:
        return Crowded()

    def _display(self, screen: Screen[None], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            self.lean_frames += isinstance(renderable, LeanUpdate)
            pyte.Stream(self.shown).feed(renderable.render_segments(self.console).replace("\n", "\r\n"))
        super()._display(screen, renderable)

    def whole(self) -> pyte.Screen:
        """What a frame with everything in it shows."""
        screen = pyte.Screen(WIDTH, HEIGHT)
        update = self.screen._compositor.render_full_update()
        pyte.Stream(screen).feed(update.render_segments(self.console).replace("\n", "\r\n"))
        return screen


def change(app: Terminal, dice: random.Random) -> None:
    """Change one thing."""
    screen = app.screen
    assert isinstance(screen, Crowded)
    table, log = screen.query_one("#table", VirtualTable), screen.query_one("#log", EventLog)
    match dice.randrange(9):
        case 0:
            screen.query_one("#top", Static).update(f"{dice.choice(WORDS)} {dice.random()}")
        case 1:
            dice.choice(list(screen.query("#left Static").results(Static))).update(dice.choice(WORDS))
        case 2:
            screen.query_one("#left").scroll_to(y=dice.randrange(20), animate=False, immediate=True)
        case 3:
            table.move_cursor(dice.randrange(100))
        case 4:
            screen.rows.version += 1
            table.invalidate()
        case 5:
            log.append([LogEntry("12:00:00", dice.choice(WORDS), dice.choice(WORDS))] * dice.randint(1, 9))
        case 6:
            screen.query_one("#over").display = dice.random() < 0.6
        case 7:
            screen.query_one("#over").styles.offset = (dice.randint(-8, 60), dice.randint(-3, 20))
        case _:
            dice.choice([table, log, screen.query_one("#left")]).focus()


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_painted_is_what_a_whole_frame_shows(seed: int) -> None:
    dice = random.Random(seed)
    app = Terminal()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        for step in range(40):
            for _ in range(dice.randint(1, 3)):
                change(app, dice)
            await pilot.pause()
            await app.workers.wait_for_complete()
            await pilot.pause()
            # What is still to be painted is painted, as the next frame would.
            app.screen._on_timer_update()
            assert app.shown.display == app.whole().display, (seed, step)
            assert app.shown.buffer == app.whole().buffer, (seed, step)
        assert app.lean_frames > 10


async def test_only_what_is_seen_of_changed_lines_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str | None, int]] = []
    whole = Widget.render_lines

    def noted(widget: Widget, crop: Region) -> list[Strip]:
        drawn.append((widget.id, crop.height))
        return whole(widget, crop)

    app = Terminal()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        screen = app.screen
        screen._on_timer_update()
        monkeypatch.setattr(Widget, "render_lines", noted)
        screen.query_one("#top", Static).update("other", layout=False)
        screen.query_one("#log", EventLog).refresh_line(0)
        await pilot.pause()
        screen._on_timer_update()
        monkeypatch.undo()
    assert sorted(drawn) == [("log", 1), ("top", 1)]


async def test_a_screen_whose_painting_is_not_known_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Terminal()
    async with app.run_test():
        assert isinstance(app.screen._compositor, LeanCompositor)
        other = Screen[None]()
        monkeypatch.delattr("textual._compositor.Compositor._regions_to_spans")
        assert not paint_lean(other)
        assert not isinstance(other._compositor, LeanCompositor)
