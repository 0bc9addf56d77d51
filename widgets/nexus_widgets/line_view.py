"""LineView: what the widgets that draw line by line have in common."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Size
from textual.scroll_view import ScrollView


class LineView(ScrollView, can_focus=True):
    """A view of many lines of which only those on the screen are made; it scrolls up and down, never sideways."""

    DEFAULT_CSS = """
    LineView {
        background: $surface;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    ALLOW_SELECT = False

    HEADER_LINES: ClassVar[int] = 0
    """Lines at the top that stay when the rest scrolls."""

    @property
    def line_width(self) -> int:
        """Cells of a line: what the scrollbar leaves."""
        return self.size.width - self.scrollbar_size_vertical

    @property
    def body_height(self) -> int:
        """Lines beneath the header; at least one."""
        return max(self.size.height - self.HEADER_LINES, 1)

    def resize_lines(self, lines: int) -> None:
        """Say how many lines there are, those of the header too.

        The screen is laid out anew only where a scrollbar comes or goes, or the width is another: a layout costs more
        than a frame, and a view that follows what happens gets lines with every frame.

        Args:
            lines: How many.
        """
        size = Size(self.line_width, lines)
        if size == self.virtual_size:
            return
        is_barred = self.show_vertical_scrollbar
        if size.width == self.virtual_size.width and is_barred and lines > self.container_size.height:
            self.set_reactive(LineView.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = lines
        else:
            self.virtual_size = size

    def watch_show_vertical_scrollbar(self, is_shown: bool) -> None:
        """Put the thumb where the view is: Textual doesn't tell a bar what was scrolled while it was hidden."""
        if is_shown:
            self.vertical_scrollbar.position = self.scroll_y

    def show_line(self, line: int) -> None:
        """Scroll as little as needed to have a line in view, before the next paint.

        Args:
            line: Line from the first one beneath the header.
        """
        top = self.scroll_offset.y
        if line < top:
            self.scroll_now(line)
        elif line >= top + self.body_height:
            self.scroll_now(line - self.body_height + 1)

    def scroll_now(self, line: float) -> None:
        """Scroll to a line before the next paint; a view that isn't on a screen yet stays at its top.

        Args:
            line: Line at the top, beneath the header; kept inside what there is.
        """
        if self.is_attached:
            # Forced: the line may have come in this same turn, before the scrollbar that it needs.
            self.scroll_to(y=line, animate=False, immediate=True, force=True)
