"""JsonTree: a JSON value of any size as a tree that is unfolded where it is read.

It guarantees that only the lines on the screen are made, that keys and strings are inert, and that what is
unfolded, and the cursor, stay where they are when a newer value comes. It is deliberately not an editor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from nexus_widgets.json_branch import MISSING, Branch, Node, is_container
from nexus_widgets.json_lines import TreeLines
from nexus_widgets.json_path import Path, json_path
from nexus_widgets.json_search import find_paths, small_containers
from nexus_widgets.line_view import LineView

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip


class JsonTree(LineView, can_focus=True):
    """A tree of one JSON value, with a cursor, a search and marks on what changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="line.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="line.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="line.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="line.page-up"),
        Binding("home", "first", "First", show=False, id="line.first"),
        Binding("end", "last", "Last", show=False, id="line.last"),
        Binding("enter", "toggle_node", "Unfold or fold", show=False),
        Binding("space", "toggle_node", "Unfold or fold", show=False, id="line.mark"),
        Binding("right", "unfold", "Unfold", show=False, id="line.right"),
        Binding("left", "fold", "Fold", show=False, id="line.left"),
        Binding("n", "next_match(1)", "Next match", show=False),
        Binding("N", "next_match(-1)", "Previous match", show=False),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "json-tree--key",
        "json-tree--string",
        "json-tree--number",
        "json-tree--literal",
        "json-tree--shape",
        "json-tree--added",
        "json-tree--changed",
        "json-tree--cursor",
        "json-tree--match",
        "json-tree--empty",
    }

    DEFAULT_CSS = """
    JsonTree > .json-tree--key { color: $text-primary; }
    JsonTree > .json-tree--string { color: $text-success; }
    JsonTree > .json-tree--number { color: $text-warning; }
    JsonTree > .json-tree--literal { color: $text-accent; text-style: italic; }
    JsonTree > .json-tree--shape { color: $text-muted; }
    JsonTree > .json-tree--added { color: $text-success; text-style: bold; }
    JsonTree > .json-tree--changed { color: $text-warning; text-style: bold; }
    JsonTree > .json-tree--cursor {
        color: $block-cursor-blurred-foreground;
        background: $block-cursor-blurred-background;
        text-style: $block-cursor-blurred-text-style;
    }
    JsonTree:focus > .json-tree--cursor {
        color: $block-cursor-foreground;
        background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    JsonTree > .json-tree--match { text-style: bold reverse; }
    JsonTree > .json-tree--empty { color: $text-disabled; }
    """

    cursor_line: reactive[int] = reactive(0, repaint=False)
    """Line of the cursor, from the first line of the value."""

    class PathHighlighted(Message):
        """The cursor came to another path."""

        def __init__(self, tree: JsonTree, path: str, value: object) -> None:
            """Remember the path, written as a JSON path, and the value that is there."""
            self.tree = tree
            self.path = path
            self.value = value
            super().__init__()

        @property
        def control(self) -> JsonTree:
            """The tree that sent it."""
            return self.tree

    def __init__(
        self,
        value: object = MISSING,
        *,
        empty: str = "nothing here",
        open_depth: int = 1,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a tree.

        Args:
            value: A JSON value; left out, the tree is empty.
            empty: What an empty tree says.
            open_depth: How many levels of small containers are unfolded at first.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._open_depth = open_depth
        self._value: object = MISSING
        self._root = Branch(MISSING)
        self._needle = ""
        self._matches: list[Path] = []
        self._lines = TreeLines(self, empty)
        if value is not MISSING:
            self.set_value(value)

    @property
    def value(self) -> object:
        """The value that is shown."""
        return self._value

    @property
    def line_count(self) -> int:
        """Lines that the value takes as it is unfolded now."""
        return self._root.lines or (self._value is not MISSING)

    @property
    def path(self) -> str:
        """The cursor's path, written as a JSON path."""
        return json_path(self.cursor_node.path)

    @property
    def cursor_node(self) -> Node:
        """What is under the cursor."""
        return self.node_at(self.cursor_line)

    @property
    def is_comparing(self) -> bool:
        """Whether there is an older value to compare with."""
        return self._root.previous is not MISSING

    @property
    def needle(self) -> str:
        """The text that was searched for last."""
        return self._needle

    def node_at(self, line: int) -> Node:
        """Return what is on a line.

        Args:
            line: Line from the first one of the value.
        """
        if self._root.lines:
            return self._root.at(max(0, min(line, self._root.lines - 1)))
        return Node((), self._value, self._root.previous, is_open=False)

    def validate_cursor_line(self, line: int) -> int:
        """Keep the cursor inside the value."""
        return max(0, min(line, self.line_count - 1))

    def watch_cursor_line(self, old: int, new: int) -> None:
        """Paint the two lines that changed, and tell the owner."""
        self.refresh_line(old)
        self.refresh_line(new)
        self.show_line(self.cursor_line)
        self._tell_path()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self._lines.line(self.scroll_offset.y + y)

    def on_mount(self) -> None:
        """Size the scrollable area, and tell the owner where the cursor is."""
        self._resize_area()
        self._tell_path()

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._resize_area()
        self.show_line(self.cursor_line)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; a second click, or one on the arrow, unfolds or folds."""
        offset = event.get_content_offset(self)
        line = self.scroll_offset.y + (offset.y if offset is not None else 0)
        if offset is None or line >= self.line_count:
            return
        self.cursor_line = line
        if event.chain == 2 or offset.x == self._lines.arrow_x(self.node_at(line)):
            self.action_toggle_node()

    def action_move(self, lines: int) -> None:
        """Move the cursor by lines."""
        self.cursor_line += lines

    def action_page(self, pages: int) -> None:
        """Move the cursor by screens."""
        self.cursor_line += pages * self.body_height

    def action_first(self) -> None:
        """Move the cursor to the first line."""
        self.cursor_line = 0

    def action_last(self) -> None:
        """Move the cursor to the last line."""
        self.cursor_line = self.line_count - 1

    def action_toggle_node(self) -> None:
        """Unfold or fold what is under the cursor."""
        node = self.cursor_node
        self._set_open(node.path, is_open=not node.is_open)

    def action_unfold(self) -> None:
        """Unfold what is under the cursor, or go to its first child."""
        node = self.cursor_node
        if node.is_open:
            self.cursor_line += 1
        else:
            self._set_open(node.path, is_open=True)

    def action_fold(self) -> None:
        """Fold what is under the cursor, or go to what holds it."""
        node = self.cursor_node
        if node.is_open:
            self._set_open(node.path, is_open=False)
        elif node.depth > 1:
            self.reveal(node.path[:-1])

    def action_next_match(self, step: int) -> None:
        """Go to the next match of the search, or the one before."""
        if self._matches:
            path = self.cursor_node.path
            here = self._matches.index(path) if path in self._matches else (-1 if step > 0 else 0)
            self.reveal(self._matches[(here + step) % len(self._matches)])

    def set_value(self, value: object, previous: object = MISSING) -> None:
        """Show a value; what is unfolded, and the cursor's path, stay where the value still has them.

        Args:
            value: A JSON value.
            previous: An older value: what was added since, and what changed, is marked.
        """
        is_first = self._value is MISSING
        cursor = () if is_first else self.cursor_node.path
        unfolded = list(self._root.open_paths())
        self._value = value
        self._root = Branch(value, previous)
        self._root.unfold(small_containers(value, self._open_depth) if is_first else unfolded)
        self._lines.forget()
        self._matches = find_paths(value, self._needle)
        line = self._root.line_of(cursor) if cursor else 0
        self._resize_area()
        self.cursor_line = self.cursor_line if line is None else line
        self.refresh()
        self._tell_path()

    def search(self, needle: str) -> int:
        """Find a text in keys and values, without regard to case, and go to the first match from the cursor on.

        Args:
            needle: What to find; empty ends the search.

        Returns:
            How many lines match, folded ones too; counted up to ten thousand.
        """
        self._needle = needle
        self._matches = find_paths(self._value, needle)
        if self._matches and self.cursor_node.path not in self._matches:
            self.reveal(self._first_match_below())
        self.refresh()
        return len(self._matches)

    def reveal(self, path: Path) -> None:
        """Unfold what holds a path and put the cursor on it.

        Args:
            path: Keys and indices from the root down.
        """
        if len(path) > 1 and self._root.set_open(path[:-1], is_open=True):
            self._resize_area()
            self.refresh()
        line = self._root.line_of(path) if path else 0
        if line is not None:
            self.cursor_line = line

    def unfold_all(self, limit: int = 2000) -> None:
        """Unfold containers from the top down.

        Args:
            limit: The most lines to show.
        """
        self._root.unfold(small_containers(self._value, depth=1000, limit=limit))
        self._resize_area()
        self.refresh()

    def fold_all(self) -> None:
        """Show the first level only."""
        path = self.cursor_node.path[:1]
        self._root = Branch(self._value, self._root.previous)
        self._resize_area()
        self.reveal(path)
        self.refresh()

    def _first_match_below(self) -> Path:
        """Return the first match after the cursor among the lines shown, or the first of all."""
        for path in self._matches:
            line = self._root.line_of(path)
            if line is not None and line >= self.cursor_line:
                return path
        return self._matches[0]

    def _set_open(self, path: Path, *, is_open: bool) -> None:
        if path and is_container(self.cursor_node.value) and self._root.set_open(path, is_open=is_open):
            self._resize_area()
            self.refresh()

    def _resize_area(self) -> None:
        self.resize_lines(self.line_count)

    def _tell_path(self) -> None:
        if self.is_attached and self._value is not MISSING:
            node = self.cursor_node
            self.post_message(self.PathHighlighted(self, json_path(node.path), node.value))
