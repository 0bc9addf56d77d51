"""ColumnsDialog: which columns the table shows, in which order, and how wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus_tui.config.columns import WIDTHS
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.session_rows import FIELDS, Field, field_of
from nexus_widgets import Column, Row, Toned, VirtualTable

_COLUMNS = (
    Column("shown", "", 1, sortable=False, priority=4),
    Column("label", "COLUMN", 14, sortable=False, priority=3),
    Column("width", "WIDTH", 6, sortable=False, priority=2),
    Column("about", "", 20, min_width=10, flex=1, sortable=False),
)
Answer = tuple[tuple[str, ...], dict[str, int]]


class ColumnsDialog(ModalScreen[Answer | None]):
    """All columns: those that are shown first, in their order. Gives keys from left to right, and widths."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("enter", "take", "Show these", show=False, priority=True),
        Binding("space", "choose", "Show or hide", show=False, priority=True),
        Binding("shift+down,right_square_bracket", "shift(1)", "Move right", show=False, priority=True),
        Binding("shift+up,left_square_bracket", "shift(-1)", "Move left", show=False, priority=True),
        Binding("right,plus,greater_than_sign", "widen(1)", "Wider", show=False, priority=True),
        Binding("left,minus,less_than_sign", "widen(-1)", "Narrower", show=False, priority=True),
        Binding("backspace,delete", "free", "Let the table choose the width", show=False, priority=True),
        Binding("d", "default", "As at first", show=False, priority=True),
    ]

    def __init__(
        self, shown: Sequence[str], widths: Mapping[str, int], offered: Sequence[str] = (), default: Answer = ((), {})
    ) -> None:
        """Make the dialog.

        Args:
            shown: Keys of the columns that are shown now, from left to right.
            widths: Cells that were given to some.
            offered: Columns to offer besides ``FIELDS``.
            default: What ``d`` brings back.
        """
        super().__init__(classes="dialog")
        self._default = default
        self._widths = dict(widths)
        self._shown = list(shown)
        self._offered = [*FIELDS, *offered]
        self._rows = HeldRows()
        self._table = VirtualTable(_COLUMNS, self._rows, id="columns-table")
        self._write()

    def compose(self) -> ComposeResult:
        """A frame with the columns."""
        with Vertical(classes="dialog--frame") as frame:
            frame.border_title = Text("Columns")
            yield self._table
            yield Static(Text("space shows or hides · [ ] moves · ← → width · ⌫ auto"),
                         classes="dialog--label")  # fmt: skip
            yield Static(Text("⏎ takes it · d as at first · esc leaves"), classes="dialog--label")

    def on_mount(self) -> None:
        """Start at the first."""
        self._table.focus()

    def action_leave(self) -> None:
        """Leave the columns as they are."""
        self.dismiss(None)

    def action_take(self) -> None:
        """Show what is chosen."""
        self.dismiss((tuple(self._shown), {key: width for key, width in self._widths.items() if key in self._shown}))

    def action_choose(self) -> None:
        """Show or hide the column under the cursor; the id is always shown."""
        key = self._current
        if key is None or key == "id":
            return
        if key in self._shown:
            self._shown.remove(key)
        else:
            self._shown.append(key)
        self._write(key)

    def action_shift(self, places: int) -> None:
        """Move the column under the cursor."""
        key = self._current
        if key not in self._shown:
            return
        at = self._shown.index(key)
        to = at + places
        if 0 <= to < len(self._shown):
            self._shown[at], self._shown[to] = self._shown[to], self._shown[at]
            self._write(key)

    def action_widen(self, cells: int) -> None:
        """Give the column under the cursor another width."""
        key = self._current
        field = field_of(key) if key is not None else None
        if key is not None and field is not None:
            now = self._widths.get(key, field.column.width)
            self._widths[key] = max(WIDTHS.start, min(now + cells, WIDTHS.stop - 1))
            self._write(key)

    def action_free(self) -> None:
        """Let the table choose the width of the column under the cursor."""
        key = self._current
        if key is not None:
            self._widths.pop(key, None)
            self._write(key)

    def action_default(self) -> None:
        """Go back to the columns that the console starts with."""
        self._shown, self._widths = list(self._default[0]), dict(self._default[1])
        self._write("id")

    @property
    def _current(self) -> str | None:
        """The column under the cursor, also while its row is being written."""
        rows, at = self._rows.rows, self._table.cursor_index
        return rows[at].key if at < len(rows) else None

    def _write(self, key: str | None = None) -> None:
        order = [*self._shown, *(each for each in self._offered if each not in self._shown)]
        self._rows.rows = tuple(self._row(each, field) for each in order if (field := field_of(each)) is not None)
        if key is not None and key in order:
            table = self._table
            table.invalidate()
            table.cursor_index = order.index(key)
            # The rows held are the old ones: the cursor has no row until the new ones are there.
            table.cursor_key = None
            table.show_line(table.cursor_index)

    def _row(self, key: str, field: Field) -> Row:
        shown = key in self._shown
        given = self._widths.get(key)
        label = key if key not in FIELDS else field.column.label
        return Row(key, (
            Toned("●" if shown else "○", "good" if shown else "muted"), Toned(label, "plain" if shown else "muted"),
            Toned(str(given) if given else "auto", "info" if given else "muted"), Toned(field.about, "muted"),
        ))  # fmt: skip
