"""The cursor of a table: where it is, and whether it stays on its row or on the first one."""

from __future__ import annotations

from textual.reactive import reactive

from nexus_widgets.table_marks import MarkedView


class CursorView(MarkedView):
    """A view of rows with a cursor; which row it is on is known to whoever holds the rows."""

    cursor_index: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor."""

    _keeps_first: bool = True

    @property
    def is_frozen(self) -> bool:
        """Whether rows are held in place."""
        raise NotImplementedError

    def _name_cursor(self) -> None:
        """Tell which row the cursor is on."""
        raise NotImplementedError

    def _refresh_row(self, index: int) -> None:
        """Paint a row anew."""
        raise NotImplementedError

    @property
    def keeps_first(self) -> bool:
        """Whether the cursor stays on the first row, whichever that is: until it is moved, and after `Home` again."""
        return self._keeps_first

    def validate_cursor_index(self, index: int) -> int:
        """Keep the cursor inside the rows."""
        return max(0, min(index, self.total - 1))

    def watch_cursor_index(self, old: int, new: int) -> None:
        """Paint the two lines that changed."""
        self._refresh_row(old)
        self._refresh_row(new)

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.move_cursor(self.cursor_index + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by screens."""
        self.move_cursor(self.cursor_index + pages * self.body_height)

    def action_first(self) -> None:
        """Move the cursor to the first row, and keep it on the first one while rows move."""
        self.move_cursor(0)
        self._keeps_first = not self.is_frozen

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.move_cursor(self.total - 1)

    def action_mark_and_move(self, rows: int) -> None:
        """Mark the row under the cursor and move on."""
        if self.cursor_key is not None:
            self.mark([self.cursor_key])
        self.action_move(rows)

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and bring it into view, all before the next paint.

        Args:
            index: Index in the source; kept inside it.
        """
        self._keeps_first = False
        self.cursor_index = index
        # Before scrolling, which may fetch: a fetch follows the row that the cursor is on now, not the one it left.
        self._name_cursor()
        self.show_line(self.cursor_index)
