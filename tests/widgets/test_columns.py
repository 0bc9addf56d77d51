"""Columns share a width: dropped, shrunk, or widened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.columns import Column, fit_columns


def shown(columns: list[Column], width: int) -> dict[str, int]:
    return {each.column.key: each.width for each in fit_columns(columns, width)}


def test_flexible_columns_take_what_is_left() -> None:
    columns = [Column("a", "A", 10), Column("b", "B", 10, flex=1), Column("c", "C", 10, flex=2)]
    assert shown(columns, 62) == {"a": 10, "b": 20, "c": 30}


def test_flexible_columns_shrink_before_the_others() -> None:
    columns = [Column("a", "A", 10, min_width=5), Column("b", "B", 10, min_width=4, flex=1)]
    assert shown(columns, 17) == {"a": 10, "b": 6}
    assert shown(columns, 12) == {"a": 7, "b": 4}


def test_columns_are_dropped_from_the_right_unless_another_has_a_lower_priority() -> None:
    columns = [Column("a", "A", 10), Column("b", "B", 10), Column("c", "C", 10)]
    assert list(shown(columns, 25)) == ["a", "b"]
    columns = [Column("a", "A", 10), Column("b", "B", 10), Column("c", "C", 10, priority=5)]
    assert list(shown(columns, 25)) == ["a", "c"]


def test_a_small_column_comes_back_where_a_wide_one_had_to_go_after_it() -> None:
    columns = [Column("a", "A", 10, priority=3), Column("small", "S", 4), Column("wide", "W", 12, priority=1)]
    assert list(shown(columns, 28)) == ["a", "small", "wide"]
    assert list(shown(columns, 23)) == ["a", "wide"]
    assert list(shown(columns, 22)) == ["a", "small"]


def test_columns_stand_further_apart_where_there_is_room() -> None:
    columns = [Column("a", "A", 10), Column("b", "B", 10)]
    assert [each.x for each in fit_columns(columns, 119)] == [0, 11]
    assert [each.x for each in fit_columns(columns, 120)] == [0, 12]


def test_columns_stand_closer_where_one_would_lose_something_by_it() -> None:
    columns = [Column("a", "A", 100), Column("b", "B", 20, min_width=4)]
    assert shown(columns, 121) == {"a": 100, "b": 20}
    assert [each.x for each in fit_columns(columns, 121)] == [0, 101]
    assert [each.x for each in fit_columns(columns, 122)] == [0, 102]


@given(
    st.lists(
        st.builds(
            Column,
            key=st.just("k"),
            label=st.just("L"),
            width=st.integers(1, 40),
            min_width=st.just(0) | st.integers(1, 5),
            flex=st.integers(0, 3),
            priority=st.integers(0, 3),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 250),
)
def test_columns_never_overlap_and_never_pass_the_right_edge(columns: list[Column], width: int) -> None:
    placed = fit_columns(columns, width)
    assert placed
    edge = 0
    for each in placed:
        assert each.x >= edge
        assert each.width >= 1
        edge = each.x + each.width
    assert edge <= width
    if any(each.column.flex for each in placed):
        assert edge == width or sum(each.column.least for each in placed) >= width
