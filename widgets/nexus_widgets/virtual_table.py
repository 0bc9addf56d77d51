"""VirtualTable: a table of any length that holds only the rows that are seen.

It guarantees that the cursor stays on its row (by key) when rows move, that nothing moves while it is frozen,
that a storm of `invalidate` costs at most some fifteen fetches a second, and that a cursor move within the rows
held is painted from the handler that received the key. It is deliberately not a store: order, filter and cells
belong to the `RowSource` that its owner implements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from nexus_widgets.line_view import LineView
from nexus_widgets.pace import PER_SECOND
from nexus_widgets.row_feed import Fetched, RowFeed, View
from nexus_widgets.table_lines import TableLines
from nexus_widgets.tone import TONE_CLASSES, tone_css

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.strip import Strip

    from nexus_widgets.columns import Column
    from nexus_widgets.rows import Row, RowSource


class VirtualTable(LineView, can_focus=True):
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

    cursor_index: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor."""
    cursor_key: reactive[str | None] = reactive(None, repaint=False)
    """Key of the row under the cursor; None where there is no row, or while it isn't fetched. Watch it to update
    what depends on the cursor in the same handler that moved it."""
    stale: reactive[bool] = reactive(default=False)
    """Whether the rows may no longer be true: they are shown as unknown."""
    total: reactive[int] = reactive(0, repaint=False)
    """How many rows the source has."""

    class _TableMessage(Message):
        """A message of a table."""

        def __init__(self, table: VirtualTable) -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> VirtualTable:
            """The table that sent it."""
            return self.table

    class RowHighlighted(_TableMessage):
        """The cursor came to another row (or its row came to another index)."""

        def __init__(self, table: VirtualTable, key: str, index: int) -> None:
            """Remember the row's key and index."""
            super().__init__(table)
            self.key = key
            self.index = index

    class RowSelected(_TableMessage):
        """A row was opened: enter, or a double click."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            """Remember the row's key."""
            super().__init__(table)
            self.key = key

    class MarksChanged(_TableMessage):
        """Marks were set or cleared."""

        def __init__(self, table: VirtualTable, keys: frozenset[str]) -> None:
            """Remember the keys that are marked now; all rows but ``table.spared`` where ``table.marks_all``."""
            super().__init__(table)
            self.keys = keys

    class HeaderSelected(_TableMessage):
        """The header of a sortable column was clicked; the owner decides what that does."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            """Remember the column's key."""
            super().__init__(table)
            self.key = key

    class WaitingChanged(_TableMessage):
        """More updates wait while the table is frozen, or none any more."""

        def __init__(self, table: VirtualTable, count: int) -> None:
            """Remember how many wait."""
            super().__init__(table)
            self.count = count

    class FetchFailed(_TableMessage):
        """The source raised; the rows held stay as they were."""

        def __init__(self, table: VirtualTable, error: Exception) -> None:
            """Remember what was raised."""
            super().__init__(table)
            self.error = error

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
        self._marks: dict[str, None] = {}
        self._marks_all = False
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
    def marks(self) -> frozenset[str]:
        """Keys of the marked rows, shown or not; none while all are marked, whose keys nobody knows."""
        return frozenset() if self._marks_all else frozenset(self._marks)

    @property
    def marks_all(self) -> bool:
        """Whether every row is marked, whatever rows there are, but those spared."""
        return self._marks_all

    @property
    def spared(self) -> frozenset[str]:
        """Keys of the rows whose mark was taken away while all are marked."""
        return frozenset(self._marks) if self._marks_all else frozenset()

    @property
    def marked_count(self) -> int:
        """How many rows are marked, as far as is known."""
        return max(self.total - len(self._marks), 0) if self._marks_all else len(self._marks)

    def is_marked(self, key: str) -> bool:
        """Say whether a row is marked.

        Args:
            key: The row's key.
        """
        return (key in self._marks) != self._marks_all

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

    def validate_cursor_index(self, index: int) -> int:
        """Keep the cursor inside the rows."""
        return max(0, min(index, self.total - 1))

    def watch_cursor_index(self, old: int, new: int) -> None:
        """Paint the two lines that changed."""
        self._refresh_row(old)
        self._refresh_row(new)

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

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.move_cursor(self.cursor_index + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by screens."""
        self.move_cursor(self.cursor_index + pages * self.body_height)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.move_cursor(0)

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.move_cursor(self.total - 1)

    def action_select(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.RowSelected(self, self.cursor_key))

    def action_toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        key = self.cursor_key
        if key is not None:
            (self.unmark if self.is_marked(key) else self.mark)([key])

    def action_mark_and_move(self, rows: int) -> None:
        """Mark the row under the cursor and move on."""
        if self.cursor_key is not None:
            self.mark([self.cursor_key])
        self.action_move(rows)

    # Verbs

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and bring it into view, all before the next paint.

        Args:
            index: Index in the source; kept inside it.
        """
        self.cursor_index = index
        # Before scrolling, which may fetch: a fetch follows the row that the cursor is on now, not the one it left.
        self._name_cursor()
        self.show_line(self.cursor_index)

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
        """Hold every row where it is until `thaw`; what changes meanwhile is counted."""
        self._feed.freeze()

    def thaw(self) -> None:
        """Let rows move again and show what changed."""
        self._feed.thaw()

    def mark(self, keys: Iterable[str]) -> None:
        """Mark rows, whether they are in view or not.

        Args:
            keys: The rows' keys.
        """
        self._set_marks(keys, kept=not self._marks_all)

    def unmark(self, keys: Iterable[str]) -> None:
        """Take marks away.

        Args:
            keys: The rows' keys.
        """
        self._set_marks(keys, kept=self._marks_all)

    def mark_all(self) -> None:
        """Mark every row, those that were never fetched too, until `clear_marks`."""
        self._marked({}, marks_all=True)

    def clear_marks(self) -> None:
        """Take all marks away."""
        self._marked({}, marks_all=False)

    # The rows held

    def _set_marks(self, keys: Iterable[str], *, kept: bool) -> None:
        """Keep keys among the marks (or, while all are marked, among the spared), or drop them from there."""
        some = dict.fromkeys(keys)
        if kept:
            self._marked({**self._marks, **some}, marks_all=self._marks_all)
        else:
            self._marked({key: None for key in self._marks if key not in some}, marks_all=self._marks_all)

    def _marked(self, marks: dict[str, None], *, marks_all: bool) -> None:
        if marks.keys() != self._marks.keys() or marks_all != self._marks_all:
            self._marks, self._marks_all = marks, marks_all
            self.refresh()
            self.post_message(self.MarksChanged(self, self.marks))

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
        return View(seen, self.body_height, self.total, self.cursor_key if self.cursor_index in seen else None)

    def _tell_waiting(self) -> None:
        self.post_message(self.WaitingChanged(self, self._feed.waiting))

    def _restart(self) -> None:
        self._lines.forget()
        self.refresh()
        self._feed.restart()
