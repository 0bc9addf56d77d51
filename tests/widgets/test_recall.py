"""Going through what was written before; breaking lines; where something has come to."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from nexus_widgets import FilterBar, Scrubber, cell_width, wrapped
from nexus_widgets.recall import Recall
from tests.widgets.support import HOSTILE


def test_up_brings_the_newest_first_and_down_comes_back_to_what_was_begun() -> None:
    recall = Recall(("one", "two", "three"))
    assert [recall.move(-1, "")] == ["three"]
    assert recall.move(-1, "three") == "two"
    assert recall.move(1, "two") == "three"
    assert recall.move(1, "three") == ""
    assert recall.move(1, "") is None


def test_a_beginning_narrows_what_is_brought() -> None:
    recall = Recall(("filter a", "theme x", "filter b"))
    assert recall.move(-1, "fi") == "filter b"
    assert recall.move(-1, "filter b") == "filter a"
    assert recall.move(-1, "filter a") is None
    assert recall.move(1, "filter a") == "filter b"
    assert recall.move(1, "filter b") == "fi"


def test_without_earlier_texts_nothing_is_brought() -> None:
    assert Recall(()).move(-1, "x") is None


class BarApp(App[None]):
    def compose(self) -> ComposeResult:
        yield FilterBar(prompt=":", debounce=0, recall=("theme nexus-light", "sort age"))


async def test_the_bar_brings_them_with_the_arrow_keys() -> None:
    async with BarApp().run_test() as pilot:
        bar = pilot.app.query_one(FilterBar)
        bar.focus()
        await pilot.press("up")
        assert bar.text == "sort age"
        await pilot.press("up")
        assert bar.text == "theme nexus-light"
        await pilot.press("down", "down")
        assert bar.text == ""


@pytest.mark.parametrize("width", [1, 2, 7, 40])
@pytest.mark.parametrize("text", ["", "a", "a few words that go on", "x" * 99, "日本語のテキスト", "a " + "b" * 30])
def test_lines_are_no_wider_than_they_may_be_and_lose_nothing(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_width(line) <= max(width, 2) for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_hostile_texts_come_to_an_end() -> None:
    for text in HOSTILE:
        assert wrapped(text, 5)


class ScrubberApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.sought: list[float] = []

    def compose(self) -> ComposeResult:
        yield Scrubber([0, 1, 5, 0, 0, 2], id="line")

    def on_scrubber_sought(self, event: Scrubber.Sought) -> None:
        self.sought.append(event.share)


async def test_a_scrubber_marks_its_place_and_a_click_tells_another() -> None:
    async with ScrubberApp().run_test(size=(41, 3)) as pilot:
        app = pilot.app
        assert isinstance(app, ScrubberApp)
        line = app.query_one(Scrubber)
        line.share = 0.5
        await pilot.pause()
        text = line.render_line(0).text
        assert text.index("┃") == 20
        assert cell_width(text) == 41
        assert "█" in text
        assert "·" in text
        await pilot.click("#line", offset=(30, 0))
        assert app.sought == [0.75]
        line.share = 7
        assert line.share == 1.0
