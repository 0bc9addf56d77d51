"""Rows of a table that are fetched a window at a time, and the few that are held.

The owner of the data implements `RowSource`; a table asks it only for what is on the screen and a margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text

    from nexus_widgets.tone import Toned

Cell: TypeAlias = "str | Text | Toned"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a key that stays when rows move, and a cell for each column."""

    key: str
    cells: tuple[Cell, ...]


class LateRow(Row):
    """A row whose cells are made when they are first looked at; for windows of which few rows are seen."""

    __slots__ = ("_made", "_make")
    _made: tuple[Cell, ...] | None
    _make: Callable[[], tuple[Cell, ...]]

    def __init__(self, key: str, make: Callable[[], tuple[Cell, ...]]) -> None:
        """Remember how.

        Args:
            key: See `Row`.
            make: Makes the cells; called once at most.
        """
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "_make", make)
        object.__setattr__(self, "_made", None)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """A cell for each column."""
        made = self._made
        if made is None:
            made = self._make()
            object.__setattr__(self, "_made", made)
        return made


@dataclass(frozen=True, slots=True)
class RowWindow:
    """Consecutive rows of a source, and how many there are in all."""

    offset: int
    """Index of the first row."""
    rows: tuple[Row, ...]
    total: int


class RowSource(Protocol):
    """Where a table's rows come from: an order, a total, and windows into it."""

    @property
    def total(self) -> int:
        """The rows there are, as far as is known without asking; 0 when unknown."""
        ...

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Fetch consecutive rows.

        Args:
            offset: Index of the first row.
            limit: The most rows to return; fewer come back at the end.
        """
        ...


@runtime_checkable
class LocatingSource(Protocol):
    """A source that can also say where a row is now, so that a cursor follows it out of the window."""

    async def locate(self, key: str) -> int | None:
        """Find a row.

        Args:
            key: The row's key.

        Returns:
            Its index, or None when it is gone or not known.
        """
        ...


class RowCache:
    """The rows held by a table: those of the last window, or, while frozen, of every window since."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rows: dict[int, Row] = {}
        self._index: dict[str, int] = {}

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows held, in no promised order."""
        return iter(self._rows.values())

    def get(self, index: int) -> Row | None:
        """Return the row at an index, or None when it is not held.

        Args:
            index: The row's index in the source.
        """
        return self._rows.get(index)

    def index_of(self, key: str) -> int | None:
        """Return where a row is, or None when it is not held.

        Args:
            key: The row's key.
        """
        return self._index.get(key)

    def covers(self, start: int, stop: int) -> bool:
        """Say whether every row of a range is held.

        Args:
            start: First index.
            stop: The index after the last one.
        """
        return all(index in self._rows for index in range(start, stop))

    def replace(self, window: RowWindow) -> None:
        """Forget all rows and hold those of a window.

        Args:
            window: The rows to hold.
        """
        self._rows = dict(enumerate(window.rows, window.offset))
        self._index = {row.key: index for index, row in self._rows.items()}

    def fill(self, window: RowWindow) -> None:
        """Add rows without moving any that is held: neither an index nor a key that is known changes.

        Args:
            window: The rows to add.
        """
        for index, row in enumerate(window.rows, window.offset):
            if index not in self._rows:
                self._rows[index] = row
                self._index.setdefault(row.key, index)

    def clear(self) -> None:
        """Forget all rows."""
        self._rows.clear()
        self._index.clear()
