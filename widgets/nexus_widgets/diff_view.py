"""DiffView: what was added, removed and changed between two JSON values, a line each.

It guarantees that a difference is told by its glyph (`+`, `-`, `~`) and place, with colour only on top. Above
`max_changes` it stops looking, and says so.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from nexus_widgets.cells import fitted, line_text
from nexus_widgets.json_diff import Change, ChangeKind, diff
from nexus_widgets.json_path import json_path
from nexus_widgets.json_search import scalar_text
from nexus_widgets.line_view import LineView
from nexus_widgets.styles import base_style, part_style

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

GLYPHS: Final[dict[ChangeKind, str]] = {"added": "+", "removed": "-", "changed": "~"}


class DiffView(LineView, can_focus=True):
    """The differences of two values, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "diff-view--header",
        "diff-view--path",
        "diff-view--added",
        "diff-view--removed",
        "diff-view--changed",
        "diff-view--cursor",
    }

    DEFAULT_CSS = """
    DiffView > .diff-view--header { color: $text-muted; text-style: bold; }
    DiffView > .diff-view--path { color: $text-primary; }
    DiffView > .diff-view--added { color: $text-success; }
    DiffView > .diff-view--removed { color: $text-error; }
    DiffView > .diff-view--changed { color: $text-warning; }
    DiffView > .diff-view--cursor {
        color: $block-cursor-blurred-foreground;
        background: $block-cursor-blurred-background;
        text-style: $block-cursor-blurred-text-style;
    }
    DiffView:focus > .diff-view--cursor {
        color: $block-cursor-foreground;
        background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    """

    HEADER_LINES = 1

    cursor_index: reactive[int] = reactive(0, repaint=False)
    """Index of the difference under the cursor."""

    class ChangeHighlighted(Message):
        """The cursor came to another difference."""

        def __init__(self, view: DiffView, change: Change) -> None:
            """Remember the difference."""
            self.view = view
            self.change = change
            super().__init__()

        @property
        def control(self) -> DiffView:
            """The view that sent it."""
            return self.view

    def __init__(
        self,
        *,
        max_changes: int = 5000,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a view of two values that are the same.

        Args:
            max_changes: Where to stop looking.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._max_changes = max_changes
        self._changes: tuple[Change, ...] = ()
        self._names = ("before", "after")
        self._is_cut = False

    @property
    def changes(self) -> tuple[Change, ...]:
        """The differences that are shown."""
        return self._changes

    @property
    def change(self) -> Change | None:
        """The difference under the cursor."""
        return self._changes[self.cursor_index] if self._changes else None

    @property
    def summary(self) -> str:
        """How many differences there are of each kind, in words."""
        if not self._changes:
            return "no differences"
        counts = Counter(change.kind for change in self._changes)
        said = ", ".join(f"{GLYPHS[kind]}{counts[kind]:,} {kind}" for kind in GLYPHS if counts[kind])
        return f"{said}, and more" if self._is_cut else said

    def validate_cursor_index(self, index: int) -> int:
        """Keep the cursor on a difference."""
        return max(0, min(index, len(self._changes) - 1))

    def watch_cursor_index(self, old: int, new: int) -> None:
        """Paint the two lines that changed, and tell the owner."""
        self.refresh_line(old + self.HEADER_LINES)
        self.refresh_line(new + self.HEADER_LINES)
        self.show_line(self.cursor_index)
        if self.change is not None:
            self.post_message(self.ChangeHighlighted(self, self.change))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.line_width
        if y == 0:
            text = f"  {self._names[0]} → {self._names[1]}  {self.summary}"
            return Strip([Segment(fitted(text, width), self._own("header"))], width)
        index = self.scroll_offset.y + y - self.HEADER_LINES
        if index >= len(self._changes):
            return Strip.blank(width, base_style(self))
        segments = self._segments(self._changes[index])
        if index == self.cursor_index:
            cursor = self.get_component_rich_style("diff-view--cursor")
            return Strip([Segment(fitted(line_text(segments), width), cursor)], width)
        return Strip(segments).adjust_cell_length(width, base_style(self))

    def on_mount(self) -> None:
        """Size the scrollable area."""
        self._resize_area()

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._resize_area()
        self.show_line(self.cursor_index)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= self.HEADER_LINES:
            self.cursor_index = self.scroll_offset.y + offset.y - self.HEADER_LINES

    def action_move(self, lines: int) -> None:
        """Move the cursor by lines."""
        self.cursor_index += lines

    def action_page(self, pages: int) -> None:
        """Move the cursor by screens."""
        self.cursor_index += pages * self.body_height

    def action_first(self) -> None:
        """Move the cursor to the first difference."""
        self.cursor_index = 0

    def action_last(self) -> None:
        """Move the cursor to the last difference."""
        self.cursor_index = len(self._changes) - 1

    def set_values(
        self, before: object, after: object, *, before_name: str = "before", after_name: str = "after"
    ) -> None:
        """Compare two values.

        Args:
            before: The older one.
            after: The newer one.
            before_name: What the older one is called.
            after_name: What the newer one is called.
        """
        found = list(islice(diff(before, after), self._max_changes + 1))
        self._is_cut = len(found) > self._max_changes
        self._changes = tuple(found[: self._max_changes])
        self._names = (before_name, after_name)
        self.cursor_index = 0
        self._resize_area()
        self.refresh()

    def _segments(self, change: Change) -> list[Segment]:
        own = self._own(change.kind)
        parts = {
            "added": _short(change.after),
            "removed": _short(change.before),
            "changed": f"{_short(change.before)} → {_short(change.after)}",
        }
        return [
            Segment(f"{GLYPHS[change.kind]} ", own),
            Segment(json_path(change.path), self._own("path")),
            Segment(": ", base_style(self)),
            Segment(parts[change.kind], own),
        ]

    def _resize_area(self) -> None:
        self.resize_lines(len(self._changes) + self.HEADER_LINES)

    def _own(self, part: str) -> Style:
        return part_style(self, f"diff-view--{part}")


def _short(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{len(value):,}}}" if value else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{len(value):,}]" if value else "[]"
    return scalar_text(value)
