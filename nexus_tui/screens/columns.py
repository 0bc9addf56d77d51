"""ColumnsDialog: which columns the table shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from nexus_tui.viewmodels.session_rows import FIELDS


class ColumnsDialog(ModalScreen[tuple[str, ...] | None]):
    """A list of all columns; those that are ticked are shown, in the list's order. The id is always shown."""

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

    def compose(self) -> ComposeResult:
        """A frame with the list."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Columns")
            choices = [
                Selection(Text(f"{field.column.label:<11} {field.about}"), key, key in self._shown)
                for key, field in FIELDS.items()
                if key != "id"
            ]
            yield SelectionList[str](*choices, id="columns-list", compact=True)
            yield Static(Text("space chooses · ⏎ shows them · esc leaves"), classes="dialog--label")

    def action_leave(self) -> None:
        """Leave the columns as they are."""
        self.dismiss(None)

    def action_take(self) -> None:
        """Show what is ticked."""
        chosen = set(self.query_one("#columns-list", SelectionList).selected)
        self.dismiss(tuple(key for key in FIELDS if key == "id" or key in chosen))
