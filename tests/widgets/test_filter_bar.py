"""A filter bar tells of text that rests, completes words, and points at mistakes."""

from __future__ import annotations

import pytest

from nexus_widgets.demo.samples import complete
from nexus_widgets.filter_bar import Completion, FilterBar
from nexus_widgets.filter_hints import FilterHints, pointed
from tests.widgets.support import Host, remembering, screen_lines, settle, until

KINDS = (FilterBar.Changed, FilterBar.Submitted, FilterBar.Cancelled)


def hosted(value: str = "", *, debounce: float = 0) -> Host[FilterBar]:
    return remembering(FilterBar(value, complete=complete, debounce=debounce), *KINDS)


def is_debouncing(bar: FilterBar) -> bool:
    return bar._timer is not None


def is_shown(hints: FilterHints) -> bool:
    return hints.display


async def test_each_change_is_told_at_once_without_a_debounce() -> None:
    app = hosted()
    async with app.run_test(size=(80, 12)) as pilot:
        app.widget.focus()
        await pilot.press("a", "b", "backspace")
        assert [message.text for message in app.of(FilterBar.Changed)] == ["a", "ab", "a"]
        assert app.of(FilterBar.Changed)[0].control is app.widget


async def test_a_burst_of_typing_is_told_once_with_its_last_text() -> None:
    app = hosted(debounce=0.05)
    async with app.run_test(size=(80, 12)) as pilot:
        for text in ("a", "ab", "abc"):
            app.widget.set_text(text)
        await until(pilot, lambda: bool(app.of(FilterBar.Changed)))
        assert [message.text for message in app.of(FilterBar.Changed)] == ["abc"]


async def test_enter_submits_and_the_same_text_is_not_told_as_changed_after() -> None:
    app = hosted(debounce=3600)
    async with app.run_test(size=(80, 12)) as pilot:
        app.widget.focus()
        app.widget.set_text("age>1m")
        await settle(pilot)
        assert is_debouncing(app.widget)
        await pilot.press("enter")
        assert not is_debouncing(app.widget)
        assert [message.text for message in app.of(FilterBar.Submitted)] == ["age>1m"]
        app.widget._tell_changed()
        await settle(pilot)
        assert not app.of(FilterBar.Changed)


async def test_tab_takes_the_first_completion() -> None:
    app = hosted()
    async with app.run_test(size=(80, 12)) as pilot:
        app.widget.focus()
        await pilot.press("s", "tab")
        assert app.widget.text == "status:"
        await pilot.press("f", "tab")
        assert app.widget.text == "status:failed"
        await pilot.press("comma", "s", "tab", "space", "c", "tab")
        assert app.widget.text == "status:failed,suspended channel:"
        assert app.focused is not None


async def test_down_chooses_and_enter_takes_without_submitting() -> None:
    app = hosted("status:")
    async with app.run_test(size=(80, 14)) as pilot:
        app.widget.focus()
        await pilot.press("down", "down")
        await settle(pilot)
        assert [line.strip() for line in screen_lines(app)[1:4]] == ["active", "> in_progress", "suspended"]
        await pilot.press("enter")
        assert app.widget.text == "status:in_progress"
        assert not app.of(FilterBar.Submitted)
        await pilot.press("enter")
        assert [message.text for message in app.of(FilterBar.Submitted)] == ["status:in_progress"]


async def test_up_goes_round_to_the_last_completion_and_a_long_list_scrolls() -> None:
    many = [Completion(f"word{number}") for number in range(20)]
    app = remembering(FilterBar("w", complete=lambda _text, _cursor: many, debounce=0), *KINDS)
    async with app.run_test(size=(80, 20)) as pilot:
        app.widget.focus()
        await pilot.press("up")
        await settle(pilot)
        assert "> word19" in screen_lines(app)[8]
        await pilot.press("enter")
        assert app.widget.text == "word19"


async def test_a_click_takes_a_completion() -> None:
    app = hosted("status:")
    async with app.run_test(size=(80, 14)) as pilot:
        app.widget.focus()
        await pilot.press("down")
        await settle(pilot)
        await pilot.click(app.widget.hints, offset=(4, 3))
        await settle(pilot)
        assert app.widget.text == "status:failed"


async def test_escape_lets_go_of_a_choice_and_then_cancels() -> None:
    app = hosted("status:")
    async with app.run_test(size=(80, 14)) as pilot:
        app.widget.focus()
        await pilot.press("down", "escape")
        assert not app.widget.hints.completions
        assert not app.of(FilterBar.Cancelled)
        await pilot.press("escape")
        assert [message.text for message in app.of(FilterBar.Cancelled)] == ["status:"]


async def test_tab_without_completions_goes_on_and_leaving_hides_the_list() -> None:
    app = hosted()
    async with app.run_test(size=(80, 14)) as pilot:
        app.widget.focus()
        await pilot.press("s")
        assert is_shown(app.widget.hints)
        app.set_focus(None)
        await settle(pilot)
        assert not is_shown(app.widget.hints)
        app.widget.focus()
        await pilot.press("q", "q", "tab")


async def test_a_mistake_is_pointed_at_until_the_next_change() -> None:
    app = hosted("age>1m statsu:x")
    async with app.run_test(size=(80, 12)) as pilot:
        app.widget.focus()
        await settle(pilot)
        app.widget.show_error("unknown field", 7)
        await settle(pilot)
        bar, hint = screen_lines(app)[:2]
        assert hint.index("^") == bar.index("statsu")
        assert "^ unknown field" in hint
        await pilot.press("x")
        await settle(pilot)
        assert "^" not in screen_lines(app)[1]


async def test_the_number_of_matches_stands_at_the_right() -> None:
    app = hosted()
    async with app.run_test(size=(80, 12)) as pilot:
        app.widget.count_text = "21 of 1,002,413"
        await settle(pilot)
        assert screen_lines(app)[0].rstrip().endswith("21 of 1,002,413")


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        (3, 40, ("   ^ wrong word",)),
        (30, 36, ("                    wrong word ^"[1:],)),
        (5, 12, ("     ^", "wrong word")),
    ],
)
def test_a_message_stands_where_there_is_room(cell: int, width: int, lines: tuple[str, ...]) -> None:
    assert pointed("wrong word", cell, width) == lines


async def test_a_mistake_is_told_in_full_where_there_is_room() -> None:
    app = hosted()
    async with app.run_test(size=(150, 12)) as pilot:
        app.widget.set_text(f"{'a' * 60} b")
        await settle(pilot)
        app.widget.show_error(f"there is no field {'b' * 60} here", 61)
        await settle(pilot)
        assert f"^ there is no field {'b' * 60} here" in screen_lines(app)[1]
