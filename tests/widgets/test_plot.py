"""Plots put the newest value at the right, leave gaps, and fit their widget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.plot import BrailleSpark, Kind, Series, plot_rows, squeeze
from nexus_widgets.progress import ProgressCell, bar, labelled_bar, percent
from nexus_widgets.stat_tile import StatTile
from tests.widgets.support import remembering, screen_lines, settle

VALUES = st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), max_size=60)


@given(VALUES, st.integers(0, 30), st.integers(1, 4), st.sampled_from(["area", "line", "blocks"]))
def test_a_plot_fills_its_room_exactly(values: list[float | None], width: int, height: int, kind: Kind) -> None:
    rows = plot_rows(values, width, height, kind=kind)
    assert len(rows) == height
    assert {len(row) for row in rows} <= {width}


def test_an_area_reaches_down_and_the_newest_value_is_at_the_right() -> None:
    assert plot_rows([0, 1, 2, 3, 4], 3, 1) == ["⢀⣠⣾"]
    assert plot_rows([1, 4], 1, 2, high=8) == [" ", "⣸"]
    assert plot_rows([4, 8], 2, 2, high=8, kind="blocks") == [" █", "██"]


def test_a_line_reaches_to_its_neighbour() -> None:
    assert plot_rows([1, 4], 1, 1, kind="line", high=4) == ["⡸"]


def test_gaps_and_a_flat_line_are_told_apart() -> None:
    assert plot_rows([None, float("nan")], 1, 1) == [" "]
    assert plot_rows([0, 0], 1, 1) == ["⣀"]
    assert plot_rows([], 2, 1) == ["  "]


def test_a_long_series_is_squeezed_by_means() -> None:
    assert squeeze([1, 3, 5, 7], 2) == [2, 6]
    assert squeeze([1, None, None, None], 2) == [1, None]
    assert squeeze([1, 2], 5) == [1, 2]


async def test_a_spark_shows_title_and_value_when_it_has_the_lines() -> None:
    app = remembering(BrailleSpark([1, 2, 3], title="events/s", value="4,982"))
    async with app.run_test(size=(30, 6)) as pilot:
        await settle(pilot)
        assert screen_lines(app)[0].startswith("events/s")
        assert screen_lines(app)[0].rstrip().endswith("4,982")
        app.widget.styles.height = 1
        await settle(pilot)
        assert "events/s" not in screen_lines(app)[0]
        app.widget.set_values([4, 4], "5")
        await settle(pilot)
        assert screen_lines(app)[0].rstrip().endswith("⣿")


async def test_the_later_of_two_series_is_seen_where_they_meet() -> None:
    app = remembering(BrailleSpark())
    async with app.run_test(size=(4, 3)) as pilot:
        app.widget.series = (Series((1.0, 1.0, 1.0, 1.0), "cat1"), Series((4.0, 4.0), "bad"))
        await settle(pilot)
        assert screen_lines(app)[2] == "  ⣶⣿"


async def test_a_tile_puts_its_figure_on_the_border_or_on_its_first_line() -> None:
    app = remembering(StatTile("success", "99 %", "of 1,000", values=[1, 2, 3]))
    async with app.run_test(size=(30, 6)) as pilot:
        await settle(pilot)
        assert "success 99 %" in screen_lines(app)[0]
        assert "of 1,000" in screen_lines(app)[2]
        app.widget.set_figure("98 %", [3, 2], "of 2,000")
        await settle(pilot)
        assert "success 98 %" in screen_lines(app)[0]
        app.widget.styles.border = ("none", "red")
        app.widget.refresh()
        await settle(pilot)
        assert screen_lines(app)[0].startswith("success")
        app.widget.styles.height = 1
        await settle(pilot)
        assert screen_lines(app)[0].startswith("success 98 % ")


@pytest.mark.parametrize(
    ("width", "seen"),
    [
        (40, "api 40 %  cli 32 %  mcp 16 %"),
        (26, "api 40 % cli 32 % mcp 16 %"),
        (25, "api 40 %  cli 32 %"),
        (6, "api 4…"),
    ],
)
async def test_a_tile_leaves_out_what_it_could_only_cut_off(width: int, seen: str) -> None:
    app = remembering(StatTile("events/s", "21", "api 40 %  cli 32 %  mcp 16 %"))
    app.widget.styles.border = ("none", "red")
    async with app.run_test(size=(width, 6)) as pilot:
        await settle(pilot)
        assert screen_lines(app)[1].rstrip() == seen


@pytest.mark.parametrize(
    ("fraction", "drawn"),
    [(0, "░░░░"), (0.5, "██░░"), (0.53, "██▏░"), (1, "████"), (2, "████"), (-1, "░░░░"), (float("nan"), "░░░░")],
)
def test_a_bar_is_drawn_in_eighths(fraction: float, drawn: str) -> None:
    assert bar(fraction, 4).plain == drawn


@given(st.floats(allow_nan=True), st.integers(0, 60))
def test_a_bar_is_exactly_as_wide_as_asked(fraction: float, width: int) -> None:
    assert len(bar(fraction, width).plain) == width


def test_only_what_is_complete_says_100_and_only_nothing_says_0() -> None:
    assert [percent(value) for value in (0, 0.001, 0.614, 0.999, 1)] == ["0 %", "1 %", "61 %", "99 %", "100 %"]
    assert percent(float("nan")) == "?"
    assert labelled_bar(0.61, 10).plain == "██▌░  61 %"
    assert labelled_bar(0.61, 8).plain == "    61 %"


async def test_a_progress_cell_follows_its_fraction() -> None:
    app = remembering(ProgressCell(0.25))
    async with app.run_test(size=(14, 2)) as pilot:
        await settle(pilot)
        assert screen_lines(app)[0] == "██░░░░░░  25 %"
        app.widget.fraction = 1.0
        await settle(pilot)
        assert screen_lines(app)[0] == "████████ 100 %"
