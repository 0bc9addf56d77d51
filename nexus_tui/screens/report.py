"""ReportDialog: what came of a change to many sessions, when not all went well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.acting.plan import Item
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.screens.plan import rows_that_fit
from nexus_tui.screens.progress import counted
from nexus_tui.viewmodels.item_rows import COLUMNS, ItemRows, words_of
from nexus_tui.viewmodels.words import plural
from nexus_widgets import Toned, VirtualTable, clean, wrapped

_ROWS = 13
"""Lines of the table at most; beyond that it scrolls."""


class ReportDialog(ModalScreen[str]):
    """Names each session that was left as it was, and why; gives ``again`` where another plan is wanted for them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", "Close", show=False),
        Binding("y", "copy", "Copy", show=False),
        Binding("a", "again", "Again", show=False),
    ]

    def __init__(self, heading: str, items: Sequence[Item], *, stay: bool, again: bool) -> None:
        """Make a report.

        Args:
            heading: What was done to how many.
            items: What came of each.
            stay: Whether those that were left stay marked.
            again: Whether another plan may be asked for.
        """
        super().__init__(classes="dialog")
        self._heading = heading
        self._stay = "They stay marked. " if stay else ""
        self._items = tuple(items)
        self._left = tuple(item for item in items if not item.went_well)
        self._again = sum(item.again for item in items) if again else 0
        self._table = VirtualTable(COLUMNS, ItemRows(self._left), id="report-table")

    def compose(self) -> ComposeResult:
        """A frame with a line for each."""
        again = f"a plans again for {plural(self._again, 'session')} · " if self._again else ""
        with Vertical(classes="dialog--frame plan--frame -final") as frame:
            frame.border_title = Text("Not all went well")
            yield Static(Text(clean(self._heading, limit=300)))
            told = ToneLines(classes="dialog--told")
            told.set_reactive(ToneLines.lines, (Line(counted(self._items)),))
            yield told
            yield self._table
            yield ToneLines(id="report-why")
            yield Static(Text(f"{self._stay}{again}y copies the list · esc closes"), classes="dialog--label")

    def on_mount(self) -> None:
        """Let the arrow keys go through them."""
        self._table.focus()
        self._show_why(0)

    def on_resize(self) -> None:
        """Leave room for the reason beneath the table."""
        self._table.styles.height = min(len(self._left) + 1, rows_that_fit(self.app.size.height, 12, _ROWS))

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Tell the whole reason of the one under the cursor."""
        event.stop()
        self._show_why(event.index)

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Enter closes it."""
        event.stop()
        self.action_leave()

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Here nothing is marked."""
        event.stop()
        self._table.clear_marks()

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss("")

    def action_again(self) -> None:
        """Ask for another plan."""
        if self._again:
            self.dismiss("again")

    def action_copy(self) -> None:
        """Copy the list: an id, what came of it and why, apart by tabs."""
        lines = (f"{clean(item.session_id, limit=128)}\t{item.outcome}\t{clean(item.why)}" for item in self._left)
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify(f"Copied {plural(len(self._left), 'line')}", markup=False, timeout=2)

    def _show_why(self, index: int) -> None:
        if index < len(self._left):
            width = max(self._table.size.width, 40)
            lines = wrapped(words_of(self._left[index]), width)[:2]
            self.query_one("#report-why", ToneLines).lines = tuple(Line((Toned(line, "muted"),)) for line in lines)
