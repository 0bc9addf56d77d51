"""A JSON tree unfolds where it is read, finds texts, and marks what changed."""

from __future__ import annotations

import json
from typing import TypedDict, Unpack

from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.json_branch import MISSING, Branch
from nexus_widgets.json_path import json_path
from nexus_widgets.json_tree import JsonTree
from tests.widgets.support import Host, remembering, screen_lines, settle

VALUE = {"user": {"tier": "gold", "names": ["a", "b"]}, "count": 3, "empty": {}, "odd key": None}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


class Options(TypedDict, total=False):
    open_depth: int


def hosted(value: object = MISSING, **options: Unpack[Options]) -> Host[JsonTree]:
    return remembering(JsonTree(value, **options), JsonTree.PathHighlighted)


def flat(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for step, child in children:
        found += [(*path, step), *flat(child, (*path, step))]
    return found


@given(JSON, st.data())
def test_lines_of_a_partly_unfolded_value_are_those_of_a_plain_walk(value: object, data: st.DataObject) -> None:
    paths = flat(value)
    holders = {path[:-1] for path in paths}
    branch = Branch(value)
    opened: set[tuple[str | int, ...]] = set()
    for path in data.draw(st.lists(st.sampled_from(paths), max_size=8)) if paths else ():
        is_open = path not in opened
        if branch.set_open(path, is_open=is_open):
            if is_open:
                opened |= {path[:end] for end in range(1, len(path) + 1) if path[:end] in holders}
            else:
                opened = {each for each in opened if each[: len(path)] != path}
    expected = [path for path in paths if all(path[:end] in opened for end in range(1, len(path)))]
    assert branch.lines == len(expected)
    assert [branch.at(line).path for line in range(branch.lines)] == expected
    assert [branch.line_of(path) for path in expected] == list(range(len(expected)))
    assert set(branch.open_paths()) == opened
    again = Branch(value)
    again.unfold(opened)
    assert [again.at(line).path for line in range(again.lines)] == expected


def test_a_path_is_written_so_that_it_can_be_copied() -> None:
    assert json_path(()) == "$"
    assert json_path(("user", "names", 3)) == "$.user.names[3]"
    assert json_path(("odd key", 'a"b', "\x1b\u202e", "1st")) == '$["odd key"]["a\\"b"]["\\u001b\\u202e"]["1st"]'


async def test_keys_unfold_fold_and_move() -> None:
    app = hosted(VALUE, open_depth=0)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        assert app.widget.line_count == 4
        await pilot.press("enter", "j", "j", "right")
        assert app.widget.path == "$.user.names"
        assert app.widget.line_count == 8
        await pilot.press("right")
        assert app.widget.path == "$.user.names[0]"
        await pilot.press("left")
        assert app.widget.path == "$.user.names"
        await pilot.press("left", "left")
        assert app.widget.path == "$.user"
        await pilot.press("space")
        assert app.widget.line_count == 4
        await pilot.press("end")
        assert app.widget.path == '$["odd key"]'
        await pilot.press("enter", "home", "k")
        assert app.widget.path == "$.user"
        told = [message.path for message in app.of(JsonTree.PathHighlighted)]
        assert told[0] == "$.user"
        assert told[-1] == "$.user"
        assert '$["odd key"]' in told


async def test_clicks_move_and_unfold() -> None:
    app = hosted(VALUE, open_depth=0)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        await pilot.click(offset=(20, 1))
        assert app.widget.path == "$.count"
        await pilot.click(offset=(2, 0))
        assert app.widget.line_count == 6


async def test_a_scalar_and_an_empty_tree_have_their_line() -> None:
    app = hosted("just text")
    async with app.run_test(size=(60, 5)) as pilot:
        await settle(pilot)
        assert '"just text"' in screen_lines(app)[0]
        assert app.widget.path == "$"
        await pilot.press("j", "right", "left", "enter")
    app = hosted()
    async with app.run_test(size=(60, 5)) as pilot:
        await settle(pilot)
        assert "nothing here" in screen_lines(app)[0]
        await pilot.press("j", "enter")


async def test_a_newer_value_keeps_the_cursor_and_what_is_unfolded() -> None:
    app = hosted(VALUE)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        app.widget.reveal(("user", "names", 1))
        app.widget.set_value({"first": 1, **VALUE, "user": {"names": ["a", "b"], "tier": "silver"}})
        await settle(pilot)
        assert app.widget.path == "$.user.names[1]"


async def test_what_was_added_and_changed_is_marked_by_a_glyph() -> None:
    app = hosted()
    async with app.run_test(size=(60, 20)) as pilot:
        app.widget.set_value(
            {"a": 1, "b": 2, "c": True, "d": {"e": 1}, "f": 0}, {"a": 1, "b": 3, "c": 1, "d": {"e": 2}}
        )
        await settle(pilot)
        assert [line[0] for line in screen_lines(app)[:6]] == [" ", "~", "~", "~", "~", "+"]
        app.widget.set_value({"a": 1})
        await settle(pilot)
        assert screen_lines(app)[0][0] == " "


async def test_a_search_counts_folded_lines_and_walks_through_them() -> None:
    app = hosted({"list": [{"name": f"item {number}"} for number in range(50)], "ITEM": None}, open_depth=0)
    async with app.run_test(size=(60, 10)) as pilot:
        await settle(pilot)
        assert app.widget.search("item 4") == 11
        assert app.widget.path == "$.list[4].name"
        await pilot.press("n")
        assert app.widget.path == "$.list[40].name"
        await pilot.press("N", "N")
        assert app.widget.path == "$.list[49].name"
        assert app.widget.search("item") == 51
        assert app.widget.search("") == 0
        await pilot.press("n")
        assert app.widget.path == "$.list[49].name"


async def test_a_document_of_a_mebibyte_is_walked_from_end_to_end() -> None:
    value = {"rows": list(range(200_000)), "after": "end"}
    assert len(json.dumps(value)) > 1 << 20
    app = hosted(value, open_depth=0)
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        assert app.widget.line_count == 200_002
        await pilot.press("end")
        assert app.widget.path == "$.after"
        await pilot.press("k")
        assert app.widget.path == "$.rows[199999]"
        assert app.widget.search("19999") == 12
        app.widget.fold_all()
        assert app.widget.line_count == 2
        app.widget.unfold_all()
        assert app.widget.line_count == 2


async def test_a_deeply_nested_value_can_be_unfolded_and_compared() -> None:
    def nest(core: object, depth: int = 900) -> object:
        for _ in range(depth):
            core = [core]
        return core

    app = hosted()
    async with app.run_test(size=(60, 20)) as pilot:
        app.widget.set_value(nest(1), nest(2))
        app.widget.unfold_all()
        await pilot.press("end")
        await settle(pilot)
        assert app.widget.line_count == 900
        assert app.widget.search("1") == 1
        assert screen_lines(app)[-1].startswith("~")


async def test_numbers_of_any_size_are_shown() -> None:
    app = hosted({"big": 10**6000, "small": 1e-300})
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        assert "big: 0x" in screen_lines(app)[0]
        assert "1e-300" in screen_lines(app)[1]
