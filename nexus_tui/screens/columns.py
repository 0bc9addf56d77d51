"""ColumnsDialog: which columns the table shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.session_rows import FIELDS
from nexus_widgets import Column, Row, Toned, VirtualTable

_COLUMNS = (
    Column("label", "COLUMN", 12, sortable=False, priority=2),
    Column("about", "", 20, min_width=10, flex=1, sortable=False),
)


class ColumnsDialog(ModalScreen[tuple[str, ...] | None]):
    """All columns but the id, which is always shown; those that are marked are shown, in this order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("enter", "take", "Show these", show=False, priority=True),
    ]

    def __init__(self, shown: Sequence[str]) -> None:
        """Make the dialog.

        Args:
            shown: Keys of the columns that are shown now.
        """
        super().__init__(classes="dialog")
        self._shown = tuple(shown)
        rows = HeldRows()
        rows.rows = tuple(
            Row(key, (field.column.label, Toned(field.about, "muted"))) for key, field in FIELDS.items() if key != "id"
        )
        self._table = VirtualTable(_COLUMNS, rows, id="columns-table")

    def compose(self) -> ComposeResult:
        """A frame with the columns."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Columns")
            yield self._table
            yield Static(Text("space chooses · ⏎ shows the marked ones · esc leaves"), classes="dialog--label")

    def on_mount(self) -> None:
        """Mark what is shown."""
        self._table.mark(key for key in self._shown if key != "id")
        self._table.focus()

    def action_leave(self) -> None:
        """Leave the columns as they are."""
        self.dismiss(None)

    def action_take(self) -> None:
        """Show what is marked."""
        self.dismiss(tuple(key for key in FIELDS if key == "id" or key in self._table.marks))
