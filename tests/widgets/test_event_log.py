"""A log keeps its newest lines, follows them until its reader scrolls, and can be held and filtered."""

from __future__ import annotations

from typing import TypedDict, Unpack

from nexus_widgets.event_log import EventLog, LogEntry
from nexus_widgets.log_ring import LogRing
from tests.widgets.support import Host, remembering, screen_lines, settle, until


def entries(start: int, stop: int) -> list[LogEntry]:
    return [LogEntry("03:04:05", f"s{number}", f"text {number}", "api", "alice") for number in range(start, stop)]


class Options(TypedDict, total=False):
    max_entries: int


def hosted(**options: Unpack[Options]) -> Host[EventLog]:
    return remembering(EventLog(**options), EventLog.FollowChanged)


async def test_new_lines_are_followed_to_the_bottom() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 100))
        await until(pilot, lambda: "text 99" in screen_lines(app)[-1])
        app.widget.append(entries(100, 101))
        await until(pilot, lambda: "text 100" in screen_lines(app)[-1])
        assert app.widget.follow
        assert not app.of(EventLog.FollowChanged)


async def test_a_scrollbar_that_comes_with_many_lines_stands_where_the_log_does() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        bar = app.widget.vertical_scrollbar
        app.widget.append(entries(0, 5))
        await settle(pilot)
        assert not app.widget.show_vertical_scrollbar
        app.widget.append(entries(5, 100))
        await until(pilot, lambda: app.widget.show_vertical_scrollbar)
        assert bar.position == app.widget.scroll_y > 0


async def test_scrolling_up_stops_following_and_end_follows_again() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 100))
        await settle(pilot)
        await pilot.press("k", "k")
        assert not app.widget.follow
        app.widget.append(entries(100, 200))
        await until(pilot, lambda: app.widget.virtual_size.height == 200)
        assert "text 97" in screen_lines(app)[-1]
        await pilot.press("end")
        await settle(pilot)
        assert "text 199" in screen_lines(app)[-1]
        assert [message.follow for message in app.of(EventLog.FollowChanged)] == [False, True]
        assert app.of(EventLog.FollowChanged)[0].control is app.widget


async def test_paging_and_home_and_back_down_to_the_bottom() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 100))
        await settle(pilot)
        await pilot.press("home")
        await settle(pilot)
        assert "text 0" in screen_lines(app)[0]
        await pilot.press("pagedown", "j", "pageup")
        await settle(pilot)
        assert "text 1 " in screen_lines(app)[0]
        for _ in range(12):
            await pilot.press("pagedown")
        assert app.widget.follow


async def test_a_reader_keeps_the_same_lines_while_old_ones_leave() -> None:
    app = hosted(max_entries=100)
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 100))
        await settle(pilot)
        await pilot.press("pageup")
        await settle(pilot)
        top = screen_lines(app)[0]
        app.widget.append(entries(100, 120))
        await until(pilot, lambda: app.widget.scroll_offset.y < 80)
        await settle(pilot)
        assert screen_lines(app)[0] == top
        assert app.widget.entry_count == 100


async def test_lines_are_held_back_while_paused_and_counted() -> None:
    app = hosted(max_entries=50)
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 3))
        await settle(pilot)
        app.widget.pause()
        app.widget.append(entries(3, 203))
        await settle(pilot)
        assert app.widget.is_paused
        assert app.widget.waiting == 200
        assert app.widget.entry_count == 3
        app.widget.resume()
        await until(pilot, lambda: "text 202" in screen_lines(app)[-1])
        assert app.widget.waiting == 0
        assert app.widget.entry_count == 50


async def test_a_filter_shows_only_entries_that_hold_it_also_those_that_come_later() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 30))
        app.widget.filter_text = "TEXT 1"
        await settle(pilot)
        assert app.widget.entry_count == 11
        app.widget.append(entries(100, 105))
        await until(pilot, lambda: "text 104" in screen_lines(app)[-1])
        assert app.widget.entry_count == 16
        app.widget.filter_text = "nothing like it"
        await settle(pilot)
        assert "no entry matches" in screen_lines(app)[0]
        app.widget.filter_text = ""
        await settle(pilot)
        assert app.widget.entry_count == 35
        assert app.widget.follow


async def test_a_cleared_log_is_empty() -> None:
    app = hosted()
    async with app.run_test(size=(60, 10)) as pilot:
        app.widget.append(entries(0, 30))
        await settle(pilot)
        app.widget.clear()
        await settle(pilot)
        assert "no events yet" in screen_lines(app)[0]


async def test_narrow_logs_leave_out_the_actor_and_then_the_channel() -> None:
    for width, channel, actor in ((120, True, True), (60, True, False), (40, False, False)):
        app = hosted()
        async with app.run_test(size=(width, 10)) as pilot:
            app.widget.append(entries(0, 30))
            await settle(pilot)
            line = screen_lines(app)[-1]
            assert ("api" in line, "alice" in line) == (channel, actor)


def test_a_ring_says_how_many_shown_entries_left_it() -> None:
    ring = LogRing(10)
    assert ring.extend(entries(0, 10)) == 0
    ring.set_filter("text 1")
    assert ring.extend(entries(10, 12)) == 1
    assert [ring.shown[index].text for index in range(len(ring.shown))] == ["text 10", "text 11"]
    assert ring.extend(entries(12, 212)) == 110
    assert len(ring.shown) == 0
    assert ring.extend(entries(1000, 1003)) == 0
    assert len(ring.shown) == 3


async def test_on_a_wide_screen_channel_and_actor_stay_near_a_short_text_and_a_long_one_is_whole() -> None:
    app = hosted()
    async with app.run_test(size=(300, 10)) as pilot:
        app.widget.append([*entries(0, 1), LogEntry("03:04:05", "s1", f"failed: {'x' * 150}", "api", "alice")])
        await until(pilot, lambda: "failed" in screen_lines(app)[1])
        short, long = screen_lines(app)[:2]
        assert short.index("alice") < 160
        assert "x" * 150 in long
        assert long.index("alice") > short.index("alice")
