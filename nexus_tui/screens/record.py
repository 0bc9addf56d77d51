"""RecordDialog: one record of the audit in full, and the way to what it is about."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from nexus.model.audit import AuditRecord
from nexus_tui.panes.about import AboutPane
from nexus_tui.viewmodels.audit_rows import number, record_text, record_words

GOES: dict[str, str] = {"session": "opens the session", "group": "shows the group's sessions"}
"""What can be gone to, by the kind of what a record is about."""


class RecordDialog(ModalScreen[bool]):
    """Is dismissed with whether to go to what the record is about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", show=False),
        Binding("enter,s", "go", "Go to it", show=False),
        Binding("y", "copy", "Copy as JSON", show=False),
    ]

    def __init__(self, record: AuditRecord, now: float) -> None:
        """Show a record.

        Args:
            record: Which.
            now: Seconds since the epoch.
        """
        super().__init__(classes="dialog")
        self._record = record
        self._words = record_words(record, now)

    @property
    def _can_go(self) -> bool:
        return self._record.target_kind in GOES and bool(self._record.target)

    def compose(self) -> ComposeResult:
        """A frame with the facts, and what the keys do."""
        goes = f"⏎ {GOES[self._record.target_kind]} · " if self._can_go else ""
        with Vertical(classes="dialog--frame record--frame") as frame:
            frame.border_title = Text(f"Audit record {number(self._record)}")
            yield AboutPane(id="record-about")
            yield Static(Text(f"{goes}y copies it as JSON · esc closes"), classes="dialog--label")

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        pane = self.query_one("#record-about", AboutPane)
        pane.focus()
        self.call_after_refresh(pane.show, self._words)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(result=False)

    def action_go(self) -> None:
        """Close it and go to what it is about; with nothing to go to, close it."""
        self.dismiss(self._can_go)

    def action_copy(self) -> None:
        """Copy the record."""
        self.app.copy_to_clipboard(record_text(self._record))
        self.notify("Copied the record", markup=False, timeout=2)
