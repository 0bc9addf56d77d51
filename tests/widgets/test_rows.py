"""Rows whose cells are made late are like others, and cost nothing before they are looked at."""

from __future__ import annotations

import pytest

from nexus_widgets.rows import Cell, LateRow


def late(key: str, *cells: Cell, made: list[str] | None = None) -> LateRow:
    def make() -> tuple[Cell, ...]:
        if made is not None:
            made.append(key)
        return cells

    return LateRow(key, make)


def test_cells_are_made_when_they_are_looked_at_and_once() -> None:
    made: list[str] = []
    row = late("a", "one", "two", made=made)
    assert row.key == "a"
    assert not made
    assert row.cells == ("one", "two")
    assert row.cells == ("one", "two")
    assert made == ["a"]


@pytest.mark.parametrize(
    ("other", "same"), [(late("a", "one"), True), (late("a", "two"), False), (late("b", "one"), False)]
)
def test_rows_are_the_same_with_the_same_key_and_cells(other: LateRow, same: bool) -> None:
    assert (late("a", "one") == other) is same
