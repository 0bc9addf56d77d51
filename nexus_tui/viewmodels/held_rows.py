"""Rows of a table that are all there."""

from __future__ import annotations

from nexus_widgets import Row, RowWindow


class HeldRows:
    """A row source over a few rows; set ``rows`` and invalidate the table."""

    def __init__(self) -> None:
        self.rows: tuple[Row, ...] = ()

    @property
    def total(self) -> int:
        """How many."""
        return len(self.rows)

    async def window(self, offset: int, limit: int) -> RowWindow:
        """Some of them.

        Args:
            offset: Index of the first.
            limit: The most to return.
        """
        return RowWindow(offset, self.rows[offset : offset + limit], self.total)
