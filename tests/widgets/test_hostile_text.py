"""Whatever a session says, no widget lets it reach the terminal as a control or as markup."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from nexus_widgets.banner import Banner
from nexus_widgets.columns import Column
from nexus_widgets.diff_view import DiffView
from nexus_widgets.event_log import EventLog, LogEntry
from nexus_widgets.filter_bar import Completion, FilterBar
from nexus_widgets.json_tree import JsonTree
from nexus_widgets.plot import BrailleSpark
from nexus_widgets.rows import Row, RowWindow
from nexus_widgets.stat_tile import StatTile
from nexus_widgets.text import clean
from nexus_widgets.timeline import Timeline, TimelinePoint
from nexus_widgets.tone import Toned
from nexus_widgets.virtual_table import VirtualTable
from tests.widgets.support import HOSTILE, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.strip import Strip
    from textual.widget import Widget

# Textual's own frames are made of these; nothing else outside printable text may be on the screen.
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


class OneRow:
    total = 1

    def __init__(self, text: str) -> None:
        self.text = text

    async def window(self, offset: int, limit: int) -> RowWindow:
        del offset, limit
        styled = Text(self.text)
        styled.stylize("bold", 0, 2)
        return RowWindow(0, (Row("k", (self.text, Toned(self.text, "bad"), Text(self.text), styled)),), 1)


def table(text: str) -> Widget:
    columns = [Column(f"c{number}", text, 12, flex=1) for number in range(4)]
    return VirtualTable(columns, OneRow(text), empty=text)


def empty_table(text: str) -> Widget:
    return VirtualTable([Column("c", "C", 12)], empty=text)


def log(text: str) -> Widget:
    made = EventLog()
    made.append([LogEntry(text, text, text, text, text, tone="bad")])
    made.filter_text = text[:2]
    return made


def tree(text: str) -> Widget:
    made = JsonTree(open_depth=3)
    made.set_value({text: text, "list": [text, {text: [text]}]}, {"list": [text]})
    return made


def searched_tree(text: str) -> Widget:
    made = JsonTree({text: [text]})
    made.search(text[:3])
    return made


def diff_view(text: str) -> Widget:
    made = DiffView()
    made.set_values({text: 1, "a": text}, {"a": text + "!", "b": {text: text}}, before_name=text, after_name=text)
    return made


def timeline(text: str) -> Widget:
    return Timeline([TimelinePoint(1.0, text, lane=text, glyph=text), TimelinePoint(2.0, text, glyph=text)])


def banner(text: str) -> Widget:
    made = Banner()
    made.say(text, "error", age=3)
    return made


def tile(text: str) -> Widget:
    return StatTile(text, text, text, values=[1, 2, 3])


def bare_tile(text: str) -> Widget:
    made = tile(text)
    made.styles.border = ("none", "red")
    return made


def spark(text: str) -> Widget:
    return BrailleSpark([1, 2, 3], title=text, value=text)


def filter_bar(text: str) -> FilterBar:
    made = FilterBar(text, prompt=text, complete=lambda _text, _cursor: [Completion(text, text)])
    made.count_text = text
    return made


def wrong_filter_bar(text: str) -> Widget:
    made = filter_bar(text)
    made.call_after_refresh(made.show_error, text, 1)
    return made


MAKERS: tuple[Callable[[str], Widget], ...] = (
    table,
    empty_table,
    log,
    tree,
    searched_tree,
    diff_view,
    timeline,
    banner,
    tile,
    bare_tile,
    spark,
    filter_bar,
    wrong_filter_bar,
)


class Stage(App[None]):
    """Shows one widget at a time, so that many texts need only one app."""

    CSS = "Screen { layout: vertical; }"

    def compose(self) -> ComposeResult:
        return iter(())


def assert_harmless(strips: list[Strip]) -> None:
    for strip in strips:
        for segment in strip:
            assert not segment.control
            for char in segment.text:
                assert unicodedata.category(char) not in FORBIDDEN, f"{char!r} in {segment.text!r}"
                assert not 0x1F1E6 <= ord(char) <= 0x1F1FF
            if segment.style is not None:
                assert segment.style.link is None
                assert "@click" not in segment.style.meta


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
async def test_hostile_text_is_inert_on_the_screen(make: Callable[[str], Widget]) -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)) as pilot:
        for payload in HOSTILE:
            widget = make(payload)
            await app.screen.mount(widget)
            widget.focus()
            await settle(pilot)
            await pilot.press("down", "right")
            await settle(pilot)
            assert_harmless(app.screen._compositor.render_strips())
            assert app.is_running
            await widget.remove()


@pytest.mark.parametrize("markup", ["[@click=app.quit]press[/]", "[bold red]loud[/bold red]", "[/]"])
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
async def test_markup_is_shown_as_it_is_written(make: Callable[[str], Widget], markup: str) -> None:
    app = Stage()
    async with app.run_test(size=(160, 20)) as pilot:
        widget = make(markup)
        await app.screen.mount(widget)
        await settle(pilot)
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert clean(markup)[:8] in shown


async def test_pasted_controls_do_not_stay_in_a_filter() -> None:
    from textual import events

    app = Stage()
    async with app.run_test() as pilot:
        bar = FilterBar()
        await app.screen.mount(bar)
        bar.focus()
        await settle(pilot)
        app.post_message(events.Paste("status:\x1b[2Jfailed\u202e"))
        await settle(pilot)
        assert bar.text == "status:␛[2Jfailed\ufffd"
