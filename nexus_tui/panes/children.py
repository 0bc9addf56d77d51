"""ChildrenPane: the sessions that a session started."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from nexus.model import Session
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_tui.viewmodels.session_rows import Context, columns, session_row
from nexus_widgets import VirtualTable

_FIELDS = ("id", "status", "workflow", "step", "age")


class ChildrenPane(Widget):
    """A table in order of creation; Enter opens a child."""

    class Opened(Message):
        """A child was opened."""

        def __init__(self, session_id: str) -> None:
            self.session_id = session_id
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._source = HeldRows()

    def compose(self) -> ComposeResult:
        """One table."""
        yield VirtualTable(columns(_FIELDS), self._source, empty="no children")

    def show(self, children: Sequence[Session], context: Context) -> None:
        """Draw the children.

        Args:
            children: In order of creation.
            context: What cells need besides.
        """
        rows = tuple(session_row(child, _FIELDS, context) for child in children)
        if rows != self._source.rows:
            self._source.rows = rows
            self.query_one(VirtualTable).invalidate()

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Tell which was opened."""
        event.stop()
        self.post_message(self.Opened(event.key))
