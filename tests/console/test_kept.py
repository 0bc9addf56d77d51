"""What the console keeps between two starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import InvalidInput
from nexus_tui.kept import MOST_LINES, History, Kept, View, Views


def test_a_view_is_there_at_the_next_start(tmp_path: Path) -> None:
    view = View("status:failed age>10m", "-last", ("id", "status"), faults=True)
    Kept(tmp_path).views.save("late ones", view)
    again = Kept(tmp_path).views
    assert again.names == ["late ones"]
    assert again.get("late ones") == view
    again.remove("late ones")
    assert Kept(tmp_path).views.names == []


def test_two_consoles_see_each_others_views(tmp_path: Path) -> None:
    one, two = Kept(tmp_path).views, Kept(tmp_path).views
    one.save("a", View("group:a"))
    two.save("b", View("group:b"))
    assert one.names == two.names == ["a", "b"]


def test_what_is_kept_is_for_its_user_only(tmp_path: Path) -> None:
    Kept(tmp_path).views.save("a", View())
    assert (tmp_path / "views.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "x" * 61, "save", "remove it", "a\x1b[2Jb"])
def test_a_name_that_can_be_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        Views().save(name, View())


def test_a_view_that_is_not_there_is_answered_with_those_that_are() -> None:
    views = Views()
    views.save("mine", View())
    with pytest.raises(InvalidInput, match="There are: mine"):
        views.get("yours")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": 1}', '{"a": {"q": 3}}', "[" * 100_000, '{"a": {"columns": "x"}}']
)
def test_a_file_that_is_none_costs_its_views_and_nothing_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "views.json").write_text(text)
    views = Kept(tmp_path).views
    assert views.names == []
    views.save("a", View("status:failed"))
    assert Kept(tmp_path).views.get("a").q == "status:failed"


def test_the_history_keeps_a_line_once_and_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    history = History(path)
    for number in range(MOST_LINES + 5):
        history.lines = [*history.lines, f"extend {number}m"]
    history.add("theme nexus-light")
    history.add('patch {"db": {"password": "hunter2"}}')
    history.add('patch {"api_key": "hunter2"}')
    history.add("sort age")
    history.add("theme nexus-light")
    assert History(path).lines == ["sort age", "theme nexus-light"]


def test_a_folder_that_can_not_be_made_costs_the_memory_not_the_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = History(blocked / "history.json")
    history.add("sort age")
    assert history.lines == ["sort age"]
    with pytest.raises(InvalidInput, match="can't be written"):
        Views(blocked / "views.json").save("a", View())
