"""What a table tells its owner. The messages are reached through `VirtualTable`, and handled by names that begin so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from nexus_widgets.virtual_table import VirtualTable


class TableMessage(Message, namespace="virtual_table"):
    """A message of a table."""

    def __init__(self, table: VirtualTable) -> None:
        """Remember the table."""
        self.table = table
        super().__init__()

    @property
    def control(self) -> VirtualTable:
        """The table that sent it."""
        return self.table


class RowHighlighted(TableMessage, namespace="virtual_table"):
    """The cursor came to another row (or its row came to another index)."""

    def __init__(self, table: VirtualTable, key: str, index: int) -> None:
        """Remember the row's key and index."""
        super().__init__(table)
        self.key = key
        self.index = index


class RowSelected(TableMessage, namespace="virtual_table"):
    """A row was opened: enter, or a double click."""

    def __init__(self, table: VirtualTable, key: str) -> None:
        """Remember the row's key."""
        super().__init__(table)
        self.key = key


class MarksChanged(TableMessage, namespace="virtual_table"):
    """Marks were set or cleared."""

    def __init__(self, table: VirtualTable, keys: frozenset[str]) -> None:
        """Remember the keys that are marked now; all rows but ``table.spared`` where ``table.marks_all``."""
        super().__init__(table)
        self.keys = keys


class HeaderSelected(TableMessage, namespace="virtual_table"):
    """The header of a sortable column was clicked; the owner decides what that does."""

    def __init__(self, table: VirtualTable, key: str) -> None:
        """Remember the column's key."""
        super().__init__(table)
        self.key = key


class WaitingChanged(TableMessage, namespace="virtual_table"):
    """More updates wait while the table is frozen, or none any more."""

    def __init__(self, table: VirtualTable, count: int) -> None:
        """Remember how many wait."""
        super().__init__(table)
        self.count = count


class FetchFailed(TableMessage, namespace="virtual_table"):
    """The source raised; the rows held stay as they were."""

    def __init__(self, table: VirtualTable, error: Exception) -> None:
        """Remember what was raised."""
        super().__init__(table)
        self.error = error
