"""A table of any length shows what is in view, and keeps its cursor, marks and order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

import pytest
from textual import events

from nexus_widgets.columns import Column
from nexus_widgets.demo.samples import COLUMNS, SampleSource
from nexus_widgets.virtual_table import VirtualTable
from tests.widgets.support import Host, ListSource, LocatingListSource, remembering, screen_lines, settle, until

if TYPE_CHECKING:
    from rich.segment import Segment
    from rich.style import Style

    from nexus_widgets.rows import RowWindow

TWO_COLUMNS = (Column("key", "KEY", 10), Column("value", "VALUE", 20, flex=1, sortable=False))
MESSAGES = (
    VirtualTable.RowHighlighted,
    VirtualTable.RowSelected,
    VirtualTable.MarksChanged,
    VirtualTable.HeaderSelected,
    VirtualTable.WaitingChanged,
    VirtualTable.FetchFailed,
)


def keys(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


class Options(TypedDict, total=False):
    margin: int
    refreshes_per_second: float


def hosted(source: ListSource | None = None, **options: Unpack[Options]) -> Host[VirtualTable]:
    table = VirtualTable(TWO_COLUMNS, source if source is not None else ListSource(keys(500)), **options)
    return remembering(table, *MESSAGES)


def key_at(table: VirtualTable, index: int) -> str:
    row = table.row_at(index)
    assert row is not None
    return row.key


def style_of(segment: Segment) -> Style:
    assert segment.style is not None
    return segment.style


async def test_only_the_rows_in_view_and_a_margin_are_fetched() -> None:
    source = ListSource(keys(1000))
    app = hosted(source, margin=10)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        assert source.asked == [(0, 29)]
        assert app.widget.total == 1000
        assert app.widget.row_at(0) is not None
        assert app.widget.row_at(500) is None


async def test_a_million_rows_can_be_crossed_from_end_to_end() -> None:
    app = remembering(VirtualTable(COLUMNS, SampleSource()), *MESSAGES)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        assert app.widget.cursor_key == "session-999999"
        assert "session-999999" in screen_lines(app)[-1]
        await pilot.press("home")
        await settle(pilot)
        assert app.widget.cursor_key == "session-0"


async def test_keys_move_the_cursor_and_each_move_is_told_once() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        for key, index in (("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", 10), ("pageup", 0), ("end", 499)):
            await pilot.press(key)
            await settle(pilot)
            assert app.widget.cursor_index == index, key
            assert app.widget.cursor_key == f"k{index}", key
        told = [(message.key, message.index) for message in app.of(VirtualTable.RowHighlighted)]
        assert told == [(f"k{index}", index) for index in (0, 1, 2, 1, 0, 10, 0, 499)]


async def test_a_watcher_of_the_cursor_hears_of_a_move_before_the_key_handler_returns() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        heard: list[str | None] = []

        def hear(key: str | None) -> None:
            heard.append(key)

        app.watch(app.widget, "cursor_key", hear, init=False)
        app.widget.action_move(1)
        assert heard == ["k1"]


async def test_enter_selects_the_row_under_the_cursor() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        assert [message.key for message in app.of(VirtualTable.RowSelected)] == ["k1"]
        assert app.of(VirtualTable.RowSelected)[0].control is app.widget


async def test_the_cursor_stays_on_its_row_when_rows_are_sorted_anew() -> None:
    source = ListSource(keys(30))
    app = hosted(source)
    async with app.run_test(size=(60, 40)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "j")
        source.keys.reverse()
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.cursor_index == 26)
        assert app.widget.cursor_key == "k3"


async def test_the_cursor_follows_its_row_out_of_the_window_when_the_source_can_find_it() -> None:
    source = LocatingListSource(keys(5000))
    app = hosted(source, margin=5)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("j")
        source.keys.reverse()
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.cursor_index == 4998)
        await settle(pilot)
        assert app.widget.cursor_key == "k1"
        assert 4998 in app.widget.visible_range


async def test_without_a_way_to_find_its_row_the_cursor_stays_where_it_was() -> None:
    source = ListSource(keys(5000))
    app = hosted(source, margin=5)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("j")
        source.keys.reverse()
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.cursor_key == "k4998")
        assert app.widget.cursor_index == 1


async def test_a_cursor_scrolled_out_of_view_does_not_pull_the_screen_back() -> None:
    source = ListSource(keys(5000))
    app = hosted(source, margin=5)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        app.widget.scroll_to(y=1000, animate=False, immediate=True)
        await settle(pilot)
        app.widget.invalidate()
        await until(pilot, lambda: len(source.asked) >= 3)
        await settle(pilot)
        assert app.widget.visible_range.start == 1000
        assert "k1000" in screen_lines(app)[1]
        assert app.widget.cursor_key == "k0"
        await pilot.press("enter")
        assert [message.key for message in app.of(VirtualTable.RowSelected)] == ["k0"]


async def test_a_storm_of_changes_costs_few_fetches_and_ends_with_the_newest_rows() -> None:
    source = ListSource(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        before = len(source.asked)
        source.gate.clear()
        for number in range(5000):
            source.keys[0] = f"new{number}"
            app.widget.invalidate()
        source.gate.set()
        await until(pilot, lambda: app.widget.row_at(0) is not None and key_at(app.widget, 0) == "new4999")
        assert len(source.asked) - before <= 3


async def test_a_slow_source_is_let_finish_while_changes_go_on() -> None:
    source = ListSource(keys(100))
    app = hosted(source, refreshes_per_second=10_000)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        source.gate.clear()
        source.keys[0] = "first"
        app.widget.invalidate()
        await until(pilot, lambda: len(source.asked) == 2)
        for _ in range(20):
            app.widget.invalidate()
            await pilot.pause()
        assert len(source.asked) == 2
        source.gate.set()
        await until(pilot, lambda: len(source.asked) == 3)
        assert key_at(app.widget, 0) == "first"


async def test_nothing_moves_while_frozen_and_what_waits_is_counted() -> None:
    source = ListSource(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        app.widget.freeze()
        source.keys.reverse()
        for _ in range(7):
            app.widget.invalidate()
        app.widget.invalidate(updates=5)
        await until(pilot, lambda: bool(app.of(VirtualTable.WaitingChanged)))
        await until(pilot, lambda: app.of(VirtualTable.WaitingChanged)[-1].count == 12)
        assert app.widget.waiting == 12
        assert key_at(app.widget, 0) == "k0"
        await pilot.press("pagedown", "pagedown", "pageup", "pageup")
        await settle(pilot)
        assert key_at(app.widget, 0) == "k0"
        app.widget.thaw()
        await until(pilot, lambda: app.widget.row_at(99) is not None or key_at(app.widget, 0) == "k99")
        assert app.widget.waiting == 0
        await until(pilot, lambda: app.of(VirtualTable.WaitingChanged)[-1].count == 0)


async def test_rows_scrolled_to_while_frozen_are_fetched_without_moving_those_held() -> None:
    source = ListSource(keys(500))
    app = hosted(source, margin=5)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        app.widget.freeze()
        source.keys.reverse()
        await pilot.press("end")
        await settle(pilot)
        assert key_at(app.widget, 499) == "k0"
        assert key_at(app.widget, 0) == "k0"


async def test_an_order_that_is_asked_for_is_shown_while_frozen() -> None:
    source = ListSource(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        app.widget.freeze()
        source.keys.reverse()
        app.widget.set_sort("key", reverse=True)
        await settle(pilot)
        assert app.widget.is_frozen
        assert key_at(app.widget, 0) == "k99"
        source.keys.reverse()
        app.widget.invalidate()
        await settle(pilot)
        assert key_at(app.widget, 0) == "k99"


async def test_a_source_given_before_the_table_is_mounted_is_shown() -> None:
    app = remembering(VirtualTable(TWO_COLUMNS))
    app.widget.set_source(ListSource(["only"]))
    app.widget.set_sort("key")
    app.widget.mark(["only"])
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        assert "●" in screen_lines(app)[1]
        assert "only" in screen_lines(app)[1]


async def test_other_columns_are_shown_with_rows_made_for_them() -> None:
    source = ListSource(keys(10))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        app.widget.set_columns((Column("key", "ONLY", 10),))
        await settle(pilot)
        assert screen_lines(app)[0].split() == ["ONLY"]
        assert screen_lines(app)[1].split() == [">", "k0"]


async def test_marks_survive_scrolling_and_another_source() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("space", "j", "j", "space", "end")
        await settle(pilot)
        assert app.widget.marks == {"k0", "k2"}
        app.widget.set_source(ListSource(["k2", "k7"]))
        await settle(pilot)
        assert app.widget.marks == {"k0", "k2"}
        assert "●" in screen_lines(app)[1]
        assert "●" not in screen_lines(app)[2]
        app.widget.unmark(["k2"])
        app.widget.clear_marks()
        app.widget.clear_marks()
        await settle(pilot)
        told = [message.keys for message in app.of(VirtualTable.MarksChanged)]
        assert told == [{"k0"}, {"k0", "k2"}, {"k0"}, frozenset()]


async def test_all_rows_are_marked_without_knowing_them_and_some_are_spared() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        table = app.widget
        table.mark_all()
        await pilot.press("space", "end")
        await settle(pilot)
        assert (table.marks_all, table.marks, table.spared, table.marked_count) == (
            True,
            frozenset(),
            frozenset({"k0"}),
            499,
        )
        assert table.is_marked("never fetched")
        assert "●" in screen_lines(app)[-1]
        await pilot.press("home")
        await settle(pilot)
        assert "●" not in screen_lines(app)[1]
        await pilot.press("space")
        assert table.marked_count == 500
        table.clear_marks()
        assert (table.marks_all, table.marked_count, table.is_marked("k1")) == (False, 0, False)


async def test_space_takes_a_mark_away_again_and_shift_down_marks_on_the_way() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("space", "space", "shift+down", "shift+down")
        assert app.widget.marks == {"k0", "k1"}
        assert app.widget.cursor_index == 2


async def test_rows_not_there_yet_are_shown_as_placeholders() -> None:
    source = ListSource(keys(100))
    source.gate.clear()
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await pilot.pause()
        assert "·····" in screen_lines(app)[3]
        assert app.widget.cursor_key is None
        await pilot.press("enter", "space")
        assert not app.of(VirtualTable.RowSelected)
        source.gate.set()
        await settle(pilot)
        assert "k2" in screen_lines(app)[3]
        assert app.widget.cursor_key == "k0"


async def test_a_failing_source_is_told_and_leaves_the_rows_as_they_were() -> None:
    source = ListSource(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        source.error = ConnectionError("gone")
        app.widget.invalidate()
        await until(pilot, lambda: bool(app.of(VirtualTable.FetchFailed)))
        assert key_at(app.widget, 0) == "k0"
        source.error = None
        source.keys[0] = "back"
        app.widget.invalidate()
        await until(pilot, lambda: key_at(app.widget, 0) == "back")


async def test_a_source_that_gives_fewer_rows_than_it_counts_is_not_asked_for_ever() -> None:
    class Short(ListSource):
        async def window(self, offset: int, limit: int) -> RowWindow:
            return await super().window(offset, min(limit, 3))

    source = Short(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert len(source.asked) == 1


async def test_fewer_rows_than_before_keep_the_cursor_inside() -> None:
    source = ListSource(keys(100))
    app = hosted(source)
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        del source.keys[3:]
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.cursor_key == "k2")
        await settle(pilot)
        assert "k0" in screen_lines(app)[1]
        source.keys.clear()
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.total == 0)
        await settle(pilot)
        assert app.widget.cursor_key is None
        assert any("nothing here" in line for line in screen_lines(app))


async def test_an_order_that_was_left_is_not_shown_any_more() -> None:
    slow = ListSource(["old"])
    app = hosted(slow)
    async with app.run_test(size=(60, 11)) as pilot:
        slow.gate.clear()
        app.widget.set_source(slow)
        await pilot.pause()
        app.widget.set_source(ListSource(["new"]))
        slow.gate.set()
        await settle(pilot)
        assert key_at(app.widget, 0) == "new"


async def test_the_header_shows_the_order_and_tells_of_clicks_on_sortable_columns() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        app.widget.set_sort("key")
        await settle(pilot)
        assert "KEY ▲" in screen_lines(app)[0]
        app.widget.set_sort("key", reverse=True)
        await settle(pilot)
        assert "KEY ▼" in screen_lines(app)[0]
        await pilot.click(offset=(4, 0))
        await pilot.click(offset=(20, 0))
        assert [message.key for message in app.of(VirtualTable.HeaderSelected)] == ["key"]


async def test_a_click_moves_the_cursor_and_a_second_one_selects() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot.click(offset=(10, 4))
        assert app.widget.cursor_key == "k3"
        assert not app.of(VirtualTable.RowSelected)
        await pilot.click(offset=(10, 4), times=2)
        assert [message.key for message in app.of(VirtualTable.RowSelected)] == ["k3"]


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app = hosted()
    async with app.run_test(size=(60, 11)) as pilot:
        await settle(pilot)
        await pilot._post_mouse_events([events.MouseScrollDown], offset=(10, 5))
        await settle(pilot)
        assert app.widget.scroll_offset.y > 0
        assert app.widget.cursor_index == 0


async def test_stale_rows_are_shown_in_one_muted_style() -> None:
    app = remembering(VirtualTable(COLUMNS, SampleSource(50)))
    async with app.run_test(size=(100, 11)) as pilot:
        await settle(pilot)
        fresh = app.widget.render_line(5)
        app.widget.stale = True
        stale = app.widget.render_line(5)
        assert fresh.text == stale.text
        assert len({style_of(segment).color for segment in fresh}) > 1
        assert len({style_of(segment).color for segment in stale}) == 1


async def test_another_theme_is_drawn_at_once() -> None:
    app = remembering(VirtualTable(COLUMNS, SampleSource(50)))
    async with app.run_test(size=(100, 11)) as pilot:
        await settle(pilot)
        dark = app.widget.render_line(5)
        app.theme = "textual-light"
        await settle(pilot)
        assert {style_of(segment).bgcolor for segment in app.widget.render_line(5)}.isdisjoint(
            {style_of(segment).bgcolor for segment in dark}
        )


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 200])
async def test_every_line_fills_the_width_exactly(width: int) -> None:
    app = remembering(VirtualTable(COLUMNS, SampleSource()))
    async with app.run_test(size=(width, 24)) as pilot:
        await settle(pilot)
        assert {app.widget.render_line(y).cell_length for y in range(24)} == {width - 1}
        assert "ID" in app.widget.render_line(0).text


async def test_the_cursor_stays_on_the_first_row_until_it_is_moved_and_after_home_again() -> None:
    source = ListSource(["a", "b"])
    app = hosted(source)

    async def arrive(key: str) -> None:
        source.keys.insert(0, key)
        app.widget.invalidate()
        await until(pilot, lambda: app.widget.row_at(0) is not None and key_at(app.widget, 0) == key)

    async with app.run_test(size=(60, 12)) as pilot:
        await until(pilot, lambda: app.widget.cursor_key == "a")
        await arrive("c")
        assert (app.widget.cursor_key, app.widget.cursor_index) == ("c", 0)
        await pilot.press("j")
        await arrive("d")
        assert (app.widget.cursor_key, app.widget.cursor_index) == ("a", 2)
        await pilot.press("home")
        assert app.widget.keeps_first
        await arrive("e")
        assert app.widget.cursor_key == "e"
        # Whoever holds the rows, or opens one, means this row.
        app.widget.freeze()
        app.widget.thaw()
        await arrive("f")
        assert (app.widget.cursor_key, app.widget.cursor_index) == ("e", 1)
        await pilot.press("home", "enter")
        await arrive("g")
        assert (app.widget.cursor_key, app.widget.cursor_index) == ("f", 1)
