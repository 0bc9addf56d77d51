"""ViewsDialog: the views that were saved, to show one or to remove some."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus.errors import InvalidInput
from nexus_tui.kept import Views
from nexus_tui.session_source import Sort
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.words import NOTHING
from nexus_widgets import Column, Row, Toned, VirtualTable, clean

_COLUMNS = (
    Column("name", "VIEW", 16, min_width=8, flex=1, sortable=False, priority=3),
    Column("filter", "FILTER", 24, min_width=8, flex=2, sortable=False, priority=2),
    Column("sort", "SORT", 12, sortable=False, priority=1),
)


class ViewsDialog(ModalScreen[str | None]):
    """Gives the name of the view that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False),
        Binding("v", "leave", "Leave", show=False, id="dialog.view"),
        Binding("delete,d", "remove", "Remove", show=False),
    ]

    def __init__(self, views: Views) -> None:
        """Make the dialog.

        Args:
            views: Those that are kept.
        """
        super().__init__(classes="dialog")
        self._views = views
        self._rows = HeldRows()
        self._table = VirtualTable(_COLUMNS, self._rows, empty="none yet: :view save NAME keeps what is shown",
                                   id="views-table")  # fmt: skip
        self._read()

    def compose(self) -> ComposeResult:
        """A frame with the views."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Views")
            yield self._table
            told = "⏎ shows it · d removes it · :view save NAME keeps what is shown · esc leaves"
            yield Static(Text(told), classes="dialog--label")

    def on_mount(self) -> None:
        """Start at the first."""
        self._table.focus()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Show the view."""
        event.stop()
        self.dismiss(event.key)

    def action_leave(self) -> None:
        """Leave what is shown as it is."""
        self.dismiss(None)

    def action_remove(self) -> None:
        """Forget the view under the cursor."""
        name = self._table.cursor_key
        if name is None:
            return
        try:
            self._views.remove(name)
        except InvalidInput as error:
            self.notify(clean(error.message), title=error.title, severity="error", markup=False)
        self._read()
        self._table.invalidate()

    def _read(self) -> None:
        found = ((name, self._views.get(name)) for name in self._views.names)
        self._rows.rows = tuple(
            Row(name, (clean(name, limit=60), Toned(_filter(view.q, faults=view.faults), "info"), _sort(view.sort)))
            for name, view in found
        )


def _sort(kept: str) -> Toned:
    return Toned(Sort.of(kept).words) if kept else Toned(NOTHING, "muted")


def _filter(q: str, *, faults: bool) -> str:
    return " ".join(each for each in (clean(q, limit=200), "faults only" if faults else "") if each) or NOTHING
