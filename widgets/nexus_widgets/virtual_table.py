"""VirtualTable: a table of any length that holds only the rows that are seen.

It guarantees that the cursor, once it was moved, stays on its row (by key) when rows move, that nothing moves while it
is frozen, that a storm of `invalidate` costs at most some fifteen fetches a second, and that a cursor move within the
rows held is painted from the handler that received the key. It is deliberately not a store: order, filter and cells
belong to the `RowSource` that its owner implements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual.binding import Binding, BindingType
from textual.reactive import reactive

from nexus_widgets import table_messages
from nexus_widgets.pace import PER_SECOND
from nexus_widgets.row_feed import Fetched, RowFeed, View
from nexus_widgets.table_cursor import CursorView
from nexus_widgets.table_lines import TableLines
from nexus_widgets.tone import TONE_CLASSES, tone_css

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.strip import Strip

    from nexus_widgets.columns import Column
    from nexus_widgets.rows import Row, RowSource


class VirtualTable(CursorView, can_focus=True):
    """A table over a row source, with a cursor, marks and a header that shows the order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="line.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="line.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="line.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="line.page-up"),
        Binding("home", "first", "First", show=False, id="line.first"),
        Binding("end", "last", "Last", show=False, id="line.last"),
        Binding("enter", "select", "Open", show=False),
        Binding("space", "toggle_mark", "Mark", show=False, id="line.mark"),
        Binding("shift+down", "mark_and_move(1)", "Mark down", show=False),
        Binding("shift+up", "mark_and_move(-1)", "Mark up", show=False),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--sorted",
        "virtual-table--cursor",
        "virtual-table--mark",
        "virtual-table--placeholder",
        "virtual-table--stale",
        *TONE_CLASSES,
    }

    DEFAULT_CSS = """
    VirtualTable > .virtual-table--header { color: $text-muted; text-style: bold; }
    VirtualTable > .virtual-table--sorted { color: $text-accent; text-style: bold; }
    VirtualTable > .virtual-table--cursor {
        color: $block-cursor-blurred-foreground;
        background: $block-cursor-blurred-background;
        text-style: $block-cursor-blurred-text-style;
    }
    VirtualTable:focus > .virtual-table--cursor {
        color: $block-cursor-foreground;
        background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    VirtualTable > .virtual-table--mark { color: $text-accent; text-style: bold; }
    VirtualTable > .virtual-table--placeholder { color: $text-disabled; }
    VirtualTable > .virtual-table--stale { color: $text-disabled; text-style: italic; }
    """ + tone_css("VirtualTable")

    HEADER_LINES = 1

    stale: reactive[bool] = reactive(default=False)
    """Whether the rows may no longer be true: they are shown as unknown."""

    RowHighlighted: TypeAlias = table_messages.RowHighlighted
    RowSelected: TypeAlias = table_messages.RowSelected
    MarksChanged: TypeAlias = table_messages.MarksChanged
    HeaderSelected: TypeAlias = table_messages.HeaderSelected
    WaitingChanged: TypeAlias = table_messages.WaitingChanged
    FetchFailed: TypeAlias = table_messages.FetchFailed

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource | None = None,
        *,
        empty: str = "nothing here",
        margin: int = 50,
        refreshes_per_second: float = PER_SECOND,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a table.

        Args:
            columns: From left to right.
            source: Where rows come from; without one the table is empty.
            empty: What an empty table says.
            margin: Rows fetched above and below those on the screen.
            refreshes_per_second: The most fetches a second that `invalidate` causes.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._columns = tuple(columns)
        self._mark_none()
        self._lines = TableLines(self, empty)
        self._feed = RowFeed(self, self._view, self._tell_waiting, margin=margin, per_second=refreshes_per_second)
        self._feed.set_source(source)
        self.sort: tuple[str, bool] | None = None
        if source is not None:
            self.set_reactive(VirtualTable.total, source.total)

    # What is shown

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, shown or not."""
        return self._columns

    @property
    def is_frozen(self) -> bool:
        """Whether rows are held in place."""
        return self._feed.is_frozen

    @property
    def waiting(self) -> int:
        """Updates that came since the table was frozen."""
        return self._feed.waiting

    @property
    def visible_range(self) -> range:
        """Indices of the rows on the screen."""
        top = self.scroll_offset.y
        return range(top, min(top + self.body_height, self.total))

    def row_at(self, index: int) -> Row | None:
        """Return the row at an index, or None while it isn't held.

        Args:
            index: Index in the source.
        """
        return self._feed.cache.get(index)

    # Watchers

    def watch_total(self) -> None:
        """Resize the scrollable area and keep the cursor inside it."""
        self._resize_area()
        self.cursor_index = self.validate_cursor_index(self.cursor_index)

    def watch_stale(self) -> None:
        """Draw all rows anew."""
        self._lines.forget()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Fetch the rows that came into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._feed.want()

    def notify_style_update(self) -> None:
        """Draw all rows anew: the theme, the focus or a class changed."""
        super().notify_style_update()
        self._lines.forget()

    # Render

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        return self._lines.line(y)

    # Handlers

    def on_mount(self) -> None:
        """Size the scrollable area."""
        self._resize_area()

    def on_resize(self) -> None:
        """Fetch what fits."""
        self._resize_area()
        self.show_line(self.cursor_index)
        self._feed.want()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; a second click opens the row, one on the header asks for another order."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self.HEADER_LINES:
            placed = self._lines.column_at(offset.x)
            if placed is not None and placed.column.sortable:
                self.post_message(self.HeaderSelected(self, placed.column.key))
            return
        index = self.scroll_offset.y + offset.y - self.HEADER_LINES
        if index < self.total:
            self.move_cursor(index)
            if event.chain == 2:
                self.action_select()

    def on_fetched(self, event: Fetched) -> None:
        """Take what a worker brought."""
        event.stop()
        before = {index: self._feed.cache.get(index) for index in self.visible_range}
        result = self._feed.accept(event)
        if isinstance(result, Exception):
            self.post_message(self.FetchFailed(self, result))
            return
        if result is not None:
            self.total = result.total
            self._follow_row(event.located)
        if self._feed.cache.get(self.cursor_index) is not None or self.total == 0:
            # Off the rows held, the cursor keeps the key it had: it was the screen that went away, not the row.
            self._name_cursor()
        self._refresh_changed(before)
        self._feed.want()

    # Actions

    def action_select(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            # Who comes back from what was opened looks for it where it is.
            self._keeps_first = False
            self.post_message(self.RowSelected(self, self.cursor_key))

    # Verbs

    def invalidate(self, updates: int = 1) -> None:
        """Say that the data changed: the rows in view are fetched again soon, or counted while frozen.

        Args:
            updates: How many changes this stands for.
        """
        self._feed.invalidate(updates)

    def set_source(self, source: RowSource) -> None:
        """Show other data, from the top. Marks stay; a frozen table shows it too, and stays frozen.

        Args:
            source: Where rows come from now.
        """
        self._feed.set_source(source)
        self.cursor_key = None
        self._keeps_first = not self.is_frozen
        self.total = source.total
        self.cursor_index = 0
        self.scroll_now(0)
        self._restart()

    def say_when_empty(self, text: str) -> None:
        """Change what the table says when it has no rows.

        Args:
            text: What it says.
        """
        self._lines.say_when_empty(text)
        self.refresh()

    def set_sort(self, key: str | None, *, reverse: bool = False) -> None:
        """Show in the header which column orders the rows, and fetch them in the new order.

        The owner changes the source's order before. The cursor stays on its row, also while frozen.

        Args:
            key: The column's key, or None for an order that no column shows.
            reverse: Whether the largest comes first.
        """
        self.sort = None if key is None else (key, reverse)
        self._restart()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; rows fetched from now on have cells for these.

        Args:
            columns: From left to right.
        """
        self._columns = tuple(columns)
        self._lines.forget()
        self._feed.cache.clear()
        self._restart()

    def freeze(self) -> None:
        """Hold every row where it is until `thaw`; what changes meanwhile is counted. The cursor stays on its row."""
        self._keeps_first = False
        self._feed.freeze()

    def thaw(self) -> None:
        """Let rows move again and show what changed."""
        self._feed.thaw()

    # The rows held

    def _resize_area(self) -> None:
        self.resize_lines(self.total + self.HEADER_LINES)

    def _refresh_row(self, index: int) -> None:
        self.refresh_line(index + self.HEADER_LINES)

    def _refresh_changed(self, before: dict[int, Row | None]) -> None:
        """Paint the rows in view that are not what they were: a few changes then cost a few lines of output."""
        seen = self.visible_range
        if not seen or not before:
            self.refresh()
        for index in seen:
            if index not in before or before[index] != self._feed.cache.get(index):
                self._refresh_row(index)

    def _name_cursor(self) -> None:
        row = self._feed.cache.get(self.cursor_index)
        if row is None:
            self.cursor_key = None
        elif row.key != self.cursor_key:
            self.cursor_key = row.key
            self.post_message(self.RowHighlighted(self, row.key, self.cursor_index))

    def _follow_row(self, located: int | None) -> None:
        """Put the cursor where its row is now, and keep it in view if it was."""
        if self._keeps_first:
            self.cursor_index = 0
            return
        was_seen = self.cursor_index in self.visible_range
        index = None if self.cursor_key is None else self._feed.cache.index_of(self.cursor_key)
        if index is None:
            index = located
        # A row that is gone, or off the rows held, leaves the cursor where it was, inside what there is.
        self.cursor_index = self.cursor_index if index is None else index
        if was_seen:
            self.show_line(self.cursor_index)

    # What the feed asks

    def _view(self) -> View | None:
        if not self.is_attached or not self.size.height:
            return None
        seen = self.visible_range
        follows = self.cursor_index in seen and not self._keeps_first
        return View(seen, self.body_height, self.total, self.cursor_key if follows else None)

    def _tell_marks(self) -> None:
        self.post_message(self.MarksChanged(self, self.marks))

    def _tell_waiting(self) -> None:
        self.post_message(self.WaitingChanged(self, self._feed.waiting))

    def _restart(self) -> None:
        self._lines.forget()
        self.refresh()
        self._feed.restart()
