"""A session's descendants as rows, of which only what was opened is held."""

from __future__ import annotations

from nexus.model import Page, Session
from nexus.testing.builders import a_session
from nexus_tui.viewmodels.family import Family
from nexus_tui.viewmodels.session_rows import Context
from nexus_widgets import Toned
from tests.console.world import NOW

CONTEXT = Context(NOW, {})


def child(name: str, parent: str) -> Session:
    return a_session(name, parent_id=parent, created_at=NOW - 60)


def page(parent: str, *names: str, cursor: str | None = None, total: int | None = None) -> Page[Session]:
    items = tuple(child(name, parent) for name in names)
    return Page(items=items, next_cursor=cursor, total=total if total is not None else len(items))


def shown(family: Family) -> list[str]:
    cells = (row.cells[0] for row in family.rows(CONTEXT))
    return [cell.text if isinstance(cell, Toned) else str(cell) for cell in cells]


def test_children_are_listed_folded() -> None:
    family = Family("root")
    family.put("root", page("root", "a", "b"), first=True)
    assert shown(family) == ["▸ a", "▸ b"]


def test_an_opened_one_shows_its_own_beneath_it() -> None:
    family = Family("root")
    family.put("root", page("root", "a", "b"), first=True)
    family.put("a", page("a", "x"), first=True)
    family.open("a", is_open=True)
    assert shown(family) == ["▾ a", "  ▸ x", "▸ b"]
    family.open("a", is_open=False)
    assert shown(family) == ["▸ a", "▸ b"]


def test_one_without_children_says_so_once_that_is_known() -> None:
    family = Family("root")
    family.put("root", page("root", "a"), first=True)
    family.put("a", page("a"), first=True)
    assert shown(family) == ["· a"]


def test_of_a_million_only_what_was_read_is_held_and_a_row_stands_for_the_rest() -> None:
    family = Family("root")
    family.put("root", page("root", "a", "b", cursor="2", total=1_000_000), first=True)
    assert shown(family)[-1] == "… 999,998 more"
    last = family.rows(CONTEXT)[-1]
    assert family.is_rest(last.key)
    assert family.owner_of(last.key) == "root"
    family.put("root", page("root", "c", cursor=None, total=1_000_000), first=False)
    assert shown(family) == ["▸ a", "▸ b", "▸ c"]


def test_reading_the_first_page_again_keeps_what_was_read_behind_it() -> None:
    family = Family("root")
    family.put("root", page("root", "a", cursor="1", total=3), first=True)
    family.put("root", page("root", "b", cursor="2", total=3), first=False)
    family.put("root", page("root", "a", cursor="1", total=3), first=True)
    assert shown(family) == ["▸ a", "▸ b", "… 1 more"]


def test_a_child_that_is_born_appears_where_all_its_siblings_are_shown() -> None:
    family = Family("root")
    family.put("root", page("root", "a"), first=True)
    family.renew(child("b", "root"))
    assert shown(family) == ["▸ a", "▸ b"]
    assert family.total == 2


def test_a_deep_line_says_its_depth_in_figures() -> None:
    family, above = Family("root"), "root"
    for depth in range(30):
        family.put(above, page(above, f"n{depth}"), first=True)
        above = f"n{depth}"
        family.open(above, is_open=True)
    lines = shown(family)
    assert "29\u203a ▾ n29" in lines[-1]
    assert len(lines[-1]) < 30
