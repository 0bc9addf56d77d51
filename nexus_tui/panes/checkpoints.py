"""CheckpointsPane: a session's checkpoints, newest first, with the branches that resumes left behind."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from nexus.model import Checkpoint, Event, Session
from nexus_tui.viewmodels.branches import branches, rewinds_of
from nexus_tui.viewmodels.checkpoint_rows import CHECKPOINT_COLUMNS, checkpoint_rows
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_widgets import VirtualTable


class CheckpointsPane(Widget):
    """A table; moving through it shows the state at each checkpoint."""

    class Chosen(Message):
        """The cursor came to a checkpoint, or it was opened."""

        def __init__(self, checkpoint_id: str, *, opened: bool) -> None:
            self.checkpoint_id = checkpoint_id
            self.opened = opened
            super().__init__()

    class MarksChanged(Message):
        """Others are marked to compare."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._source = HeldRows()

    def compose(self) -> ComposeResult:
        """One table."""
        yield VirtualTable(CHECKPOINT_COLUMNS, self._source, empty="no checkpoints: no run has saved one yet")

    @property
    def table(self) -> VirtualTable:
        """The table."""
        return self.query_one(VirtualTable)

    def show(self, session: Session, checkpoints: Sequence[Checkpoint], events: Sequence[Event], now: float) -> None:
        """Draw the checkpoints.

        Args:
            session: Whose they are.
            checkpoints: Ascending.
            events: The session's newest, ascending.
            now: Seconds since the epoch.
        """
        places = branches(checkpoints, rewinds_of(session, events), session.at_checkpoint)
        rows = tuple(checkpoint_rows(checkpoints, now, places, session.at_checkpoint))
        if rows != self._source.rows:
            self._source.rows = rows
            self.table.invalidate()

    def point_at(self, checkpoint_id: str) -> None:
        """Put the cursor on a checkpoint, unless the user is moving it here.

        Args:
            checkpoint_id: Which.
        """
        index = next((at for at, row in enumerate(self._source.rows) if row.key == checkpoint_id), None)
        if index is not None and not self.table.has_focus:
            self.table.move_cursor(index)

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Tell which it is, if it was the user who moved."""
        event.stop()
        if self.table.has_focus and not self.table.keeps_first:
            self.post_message(self.Chosen(event.key, opened=False))

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Tell which was opened."""
        event.stop()
        self.post_message(self.Chosen(event.key, opened=True))

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        """Tell that others are to be compared."""
        event.stop()
        self.post_message(self.MarksChanged())
