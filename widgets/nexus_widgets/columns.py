"""Columns of a table, and how they share a width that may be too small for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOMY = 120
"""Cells from which on columns stand two cells apart, not one, unless that would cost one of them something."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called and how much room it wants."""

    key: str
    label: str
    width: int
    """Cells it wants."""
    justify: Literal["left", "right", "middle"] = "left"
    """Where cells stand; ``middle`` stands left, and loses its middle where it is too long, as made ids should."""
    min_width: int = 0
    """Cells it can shrink to; 0 means that it can't shrink."""
    flex: int = 0
    """Share of the width that is left over; 0 takes none."""
    flex_from: int = 0
    """Cells the table must have before the column takes its share."""
    max_width: int = 0
    """Cells it grows to at most; 0 means that there is no end."""
    from_width: int = 0
    """Cells the table must have before the column is shown at all."""
    sortable: bool = True
    priority: int = 0
    """Columns with a lower priority go first when the table is narrow; among equals, the rightmost."""

    @property
    def least(self) -> int:
        """The cells below which the column is dropped."""
        return min(self.min_width, self.width) if self.min_width else self.width


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column that is shown: where, how wide, and which of a row's cells belongs to it."""

    column: Column
    index: int
    """Position among all columns, shown or not."""
    x: int
    """First cell, from the left edge of the columns."""
    width: int


def fit_columns(columns: Sequence[Column], width: int) -> tuple[PlacedColumn, ...]:
    """Share a width among columns: drop, then shrink, then give what is left to the flexible ones.

    Args:
        columns: All columns, from left to right.
        width: The cells there are.

    Returns:
        The columns that are shown, from left to right. At least one, however narrow, if there are any.
    """
    kept = _kept(columns, width)
    widths = {index: columns[index].width for index in kept}
    gap = 2 if width >= ROOMY and _needed(widths.values(), 2) <= width else 1
    spare = width - _needed(widths.values(), gap)
    if spare < 0:
        _shrink(columns, widths, -spare)
    else:
        _widen(columns, widths, spare, width)
    placed: list[PlacedColumn] = []
    x = 0
    for index in kept:
        placed.append(PlacedColumn(columns[index], index, x, max(widths[index], 1)))
        x += widths[index] + gap
    return tuple(placed)


def _needed(widths: Iterable[int], gap: int) -> int:
    sizes = list(widths)
    return sum(sizes) + gap * max(len(sizes) - 1, 0)


def _kept(columns: Sequence[Column], width: int) -> list[int]:
    wanted = [index for index, column in enumerate(columns) if column.from_width <= width] or list(range(len(columns)))

    kept, dropped = wanted, list[int]()
    while len(kept) > 1 and _needed([columns[index].least for index in kept], 1) > width:
        last = min(kept, key=lambda index: (columns[index].priority, -index))
        kept = [index for index in kept if index != last]
        dropped.insert(0, last)
    # Where a wide one had to go after all, a small one that went before it may have room, at nobody's cost.
    for index in dropped:
        if _needed([columns[each].width for each in (*kept, index)], 1) <= width:
            kept = sorted([*kept, index])
    return kept


def _shrink(columns: Sequence[Column], widths: dict[int, int], excess: int) -> None:
    # Flexible columns give first: they hold prose, the others hold ids and words that a cut makes useless.
    for index in sorted(widths, key=lambda index: (columns[index].flex == 0, columns[index].priority, -index)):
        given = min(excess, widths[index] - columns[index].least)
        widths[index] -= given
        excess -= given
    if excess > 0:
        # Only one column is left and even that is too wide.
        index = next(iter(widths))
        widths[index] = max(widths[index] - excess, 1)


def _widen(columns: Sequence[Column], widths: dict[int, int], spare: int, width: int) -> None:
    growing = [index for index in widths if columns[index].flex and columns[index].flex_from <= width]
    while growing and spare > 0:
        given = _shared(columns, growing, spare)
        full = [index for index in growing if 0 < columns[index].max_width <= widths[index] + given[index]]
        if not full:
            for index, extra in given.items():
                widths[index] += extra
            return
        # Those that can grow no more leave the rest to the others.
        for index in full:
            extra = max(columns[index].max_width - widths[index], 0)
            widths[index] += extra
            spare -= extra
            growing.remove(index)


def _shared(columns: Sequence[Column], growing: Sequence[int], spare: int) -> dict[int, int]:
    given: dict[int, int] = {}
    shares = sum(columns[index].flex for index in growing)
    for index in growing:
        # Dividing what is left among the shares that are left makes the sum come out exactly.
        given[index] = spare * columns[index].flex // shares
        spare -= given[index]
        shares -= columns[index].flex
    return given
