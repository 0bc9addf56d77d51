"""Two JSON values are compared as JSON, path by path, and shown with a glyph for each kind."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.diff_view import DiffView
from nexus_widgets.json_diff import Change, diff, same
from nexus_widgets.json_path import json_path
from tests.widgets.support import remembering, screen_lines, settle
from tests.widgets.test_json_tree import JSON


def told(before: object, after: object) -> list[str]:
    signs = {"added": "+", "removed": "-", "changed": "~"}
    return [f"{signs[change.kind]}{json_path(change.path)}" for change in diff(before, after)]


def position(change: Change) -> int:
    step = change.path[0]
    assert isinstance(step, int)
    return step


def highlighted(view: DiffView) -> Change | None:
    return view.change


@given(JSON)
def test_a_value_is_the_same_as_its_copy(value: object) -> None:
    assert same(value, copy.deepcopy(value))
    assert told(value, copy.deepcopy(value)) == []


@given(JSON, JSON)
def test_values_are_the_same_exactly_when_there_is_no_difference(one: object, other: object) -> None:
    assert same(one, other) == (told(one, other) == [])
    assert same(one, other) == same(other, one)


@given(st.lists(st.integers(), max_size=8), st.lists(st.integers(), max_size=8))
def test_applying_the_differences_of_two_lists_gives_the_newer_one(before: list[int], after: list[int]) -> None:
    removed = {position(change) for change in diff(before, after) if change.kind == "removed"}
    added = {position(change): change.after for change in diff(before, after) if change.kind == "added"}
    changed = {position(change): change.after for change in diff(before, after) if change.kind == "changed"}
    assert len(before) - len(removed) + len(added) == len(after)
    assert all(after[index] == value for index, value in {**added, **changed}.items())


def test_json_types_are_told_apart() -> None:
    assert told({"a": 1, "b": 1, "c": 0}, {"a": 1.0, "b": True, "c": False}) == ["~$.a", "~$.b", "~$.c"]
    assert told([], {}) == ["~$"]
    assert told({"a": None}, {}) == ["-$.a"]


def test_something_put_in_front_or_appended_is_one_addition() -> None:
    assert told([1, 2, 3], [0, 1, 2, 3]) == ["+$[0]"]
    assert told([1, 2, 3], [1, 2, 3, 4]) == ["+$[3]"]
    assert told([1, 2, 3], [1, 3]) == ["-$[1]"]


def test_a_type_hidden_in_a_list_that_only_looks_alike_is_found() -> None:
    assert told([1, 2], [True, 2, 3]) == ["~$[0]", "+$[2]"]


def test_depth_does_not_stop_a_comparison() -> None:
    one: object = 1
    other: object = 2
    for number in range(900):
        one = [one] if number % 2 else [one, 0]
        other = [other, 0]
    assert not same(one, other)


async def test_a_view_counts_the_kinds_and_moves_its_cursor() -> None:
    app = remembering(DiffView(), DiffView.ChangeHighlighted)
    async with app.run_test(size=(80, 10)) as pilot:
        assert highlighted(app.widget) is None
        app.widget.set_values({"a": 1, "b": 2}, {"b": 3, "c": [1]}, before_name="one", after_name="two")
        await settle(pilot)
        lines = screen_lines(app)
        assert "one → two  +1 added, -1 removed, ~1 changed" in lines[0]
        assert [line.rstrip() for line in lines[1:4]] == ["- $.a: 1", "~ $.b: 2 → 3", "+ $.c: [1]"]
        await pilot.press("j", "end", "k", "home", "pagedown")
        assert app.widget.cursor_index == 2
        await pilot.click(offset=(3, 2))
        assert app.widget.change is not None
        assert json_path(app.widget.change.path) == "$.b"
        assert app.of(DiffView.ChangeHighlighted)[-1].change == app.widget.change


async def test_a_view_stops_at_its_limit_and_says_so() -> None:
    app = remembering(DiffView(max_changes=10))
    async with app.run_test(size=(80, 10)) as pilot:
        app.widget.set_values([0] * 100, [1] * 100)
        await settle(pilot)
        assert app.widget.summary == "~10 changed, and more"
        app.widget.set_values([1], [1])
        assert app.widget.summary == "no differences"
