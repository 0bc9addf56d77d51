"""A timeline gives each point a cell, and its cursor walks through them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.banner import Banner
from nexus_widgets.demo.samples import points
from nexus_widgets.timeline import Timeline, TimelinePoint
from nexus_widgets.timeline_points import place
from tests.widgets.support import remembering, screen_lines, settle


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.integers(1, 60), st.data(), st.booleans())
def test_points_never_share_a_cell_and_the_cursor_is_always_shown(
    times: list[float], width: int, data: st.DataObject, by_time: bool
) -> None:
    cursor = data.draw(st.integers(0, len(times) - 1))
    placed = place(sorted(times), width, cursor, by_time=by_time)
    cells = [each.x for each in placed]
    assert cells == sorted(set(cells))
    assert all(0 <= x < width for x in cells)
    assert cursor in {each.index for each in placed}
    assert len(placed) == min(len(times), width)


async def test_left_and_right_move_by_points_and_shift_by_checkpoints() -> None:
    app = remembering(Timeline(points(12)), Timeline.PointHighlighted)
    async with app.run_test(size=(60, 5)) as pilot:
        await settle(pilot)
        await pilot.press("left", "left", "right", "shift+left", "shift+left", "home", "shift+right", "end")
        told = [message.index for message in app.of(Timeline.PointHighlighted)]
        assert told[-8:] == [10, 9, 10, 9, 4, 0, 4, 11]
        assert app.of(Timeline.PointHighlighted)[0].control is app.widget
        await pilot.press("right")
        assert app.widget.cursor == 11


async def test_the_point_under_the_cursor_is_named() -> None:
    app = remembering(Timeline(points(12)))
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.press("home", "right", "right", "right", "right")
        await settle(pilot)
        assert screen_lines(app)[1].split() == ["5/12", "+32s", "◆", "checkpoint-1", "saved", "api"]


async def test_lanes_have_a_line_each_when_there_is_room() -> None:
    app = remembering(Timeline(points(20)))
    async with app.run_test(size=(60, 8)) as pilot:
        app.widget.styles.height = 5
        await settle(pilot)
        assert [line.split()[0] for line in screen_lines(app)[:4]] == ["api", "cli", "mcp", "20/20"]


async def test_a_cursor_on_the_last_point_stays_on_the_last_one_and_another_stays_where_it_is() -> None:
    app = remembering(Timeline(points(5)))
    async with app.run_test(size=(60, 5)) as pilot:
        app.widget.set_points(points(9))
        assert app.widget.cursor == 8
        await pilot.press("left")
        app.widget.set_points(points(20))
        assert app.widget.cursor == 7
        app.widget.set_points(())
        assert app.widget.point is None
        await settle(pilot)
        assert "nothing happened yet" in screen_lines(app)[0]
        await pilot.press("left", "right", "home", "end")


async def test_a_click_goes_to_the_nearest_point() -> None:
    app = remembering(Timeline([TimelinePoint(0, "a"), TimelinePoint(10, "b"), TimelinePoint(20, "c")]))
    async with app.run_test(size=(60, 5)) as pilot:
        await settle(pilot)
        await pilot.click(offset=(27, 0))
        assert app.widget.cursor == 1


async def test_more_points_than_cells_are_shown_around_the_cursor() -> None:
    app = remembering(Timeline(points(500)))
    async with app.run_test(size=(60, 5)) as pilot:
        app.widget.cursor = 250
        await settle(pilot)
        line = screen_lines(app)[0]
        assert (line[0], line[-1]) == ("◂", "▸")


async def test_a_banner_takes_room_only_while_it_says_something() -> None:
    app = remembering(Banner())
    async with app.run_test(size=(50, 4)) as pilot:
        await settle(pilot)
        assert not app.widget.display
        app.widget.say("connection lost", "warning", age=268)
        await settle(pilot)
        assert screen_lines(app)[0].startswith(" ! connection lost ")
        assert screen_lines(app)[0].endswith(" data is 4m28 old ")
        app.widget.hide()
        await settle(pilot)
        assert not app.widget.display


async def test_a_banner_takes_as_many_lines_as_its_message_needs_up_to_three() -> None:
    app = remembering(Banner())
    async with app.run_test(size=(50, 6)) as pilot:
        app.widget.say("the store can't be written: check who owns its folder", "error", age=3)
        await settle(pilot)
        assert app.widget.size.height == 2
        assert screen_lines(app)[0].startswith(" ✖ the store can't be written:")
        assert screen_lines(app)[0].endswith(" data is 3s old ")
        assert screen_lines(app)[1].strip() == "check who owns its folder"
        app.widget.say("word " * 60, "error", age=3)
        await settle(pilot)
        assert app.widget.size.height == 3
        assert screen_lines(app)[2].rstrip().endswith("…")
        app.widget.say("short", "error", age=3)
        await settle(pilot)
        assert app.widget.size.height == 1
