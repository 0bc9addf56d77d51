"""The lines of a JSON tree: one node made into one strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.segment import Segment
from textual.strip import Strip

from nexus_widgets.cells import fitted, line_text, marked_segments
from nexus_widgets.json_branch import MISSING, Node, is_container
from nexus_widgets.json_diff import same
from nexus_widgets.json_search import scalar_text
from nexus_widgets.styles import base_style, over_style, part_style
from nexus_widgets.text import cell_fit, clean

if TYPE_CHECKING:
    from rich.style import Style

    from nexus_widgets.json_path import Path
    from nexus_widgets.json_tree import JsonTree

Mark = Literal["added", "changed", ""]

_GLYPHS: dict[Mark, str] = {"added": "+", "changed": "~", "": " "}
_GUTTER = 2
_MAX_INDENT = 24


class TreeLines:
    """Draws a tree's lines."""

    def __init__(self, tree: JsonTree, empty: str) -> None:
        """Prepare to draw.

        Args:
            tree: Whose lines.
            empty: What an empty tree says.
        """
        self._tree = tree
        self._empty = empty
        self._marks: dict[Path, Mark] = {}

    def forget(self) -> None:
        """Compare with the older value anew from now on."""
        self._marks.clear()

    def arrow_x(self, node: Node) -> int:
        """Return where a node's arrow is, in cells from the left edge.

        Args:
            node: The node.
        """
        return _GUTTER + _indent(node)

    def line(self, line: int) -> Strip:
        """Draw a line.

        Args:
            line: Lines from the first one of the value.
        """
        tree = self._tree
        width, base = tree.line_width, base_style(tree)
        if line >= tree.line_count:
            if line or tree.line_count:
                return Strip.blank(width, base)
            return Strip([Segment(fitted(self._empty, width), self._own("empty"))], width)
        node = tree.node_at(line)
        if line == tree.cursor_line:
            style = tree.get_component_rich_style("json-tree--cursor")
            text = line_text(self._segments(node, base))
            return Strip([Segment(fitted(text, width), style)], width)
        return Strip(self._segments(node, base)).adjust_cell_length(width, base)

    def _segments(self, node: Node, base: Style) -> list[Segment]:
        mark = self._mark(node)
        arrow = ("▾" if node.is_open else "▸") if is_container(node.value) else " "
        segments = [
            Segment(f"{_GLYPHS[mark]} ", self._own(mark) if mark else base),
            Segment(f"{' ' * _indent(node)}{arrow} ", self._own("shape")),
        ]
        found = over_style(self._tree, "json-tree--match")
        if node.path:
            key = str(node.path[-1]) if isinstance(node.path[-1], int) else clean(node.path[-1], limit=200)
            style = self._own("shape" if isinstance(node.path[-1], int) else "key")
            segments += marked_segments(key, self._tree.needle, style, style + found)
            segments.append(Segment(": ", self._own("shape")))
        text, part = _shown(node.value)
        style = self._own(part)
        # A value that changed is bold as well: the glyph at the edge says so, this says where to look.
        style = style + self._own(mark) if mark and not is_container(node.value) else style
        room = max(self._tree.line_width, 1)
        return segments + marked_segments(cell_fit(text, room), self._tree.needle, style, style + found)

    def _mark(self, node: Node) -> Mark:
        if self._tree.is_comparing:
            mark = self._marks.get(node.path)
            if mark is None:
                mark = self._marks[node.path] = _compared(node)
            return mark
        return ""

    def _own(self, part: str) -> Style:
        return part_style(self._tree, f"json-tree--{part}")


def _indent(node: Node) -> int:
    # Deeper than this the arrows stay in one column, so that something is left to read with.
    return min(max(node.depth - 1, 0) * 2, _MAX_INDENT)


def _compared(node: Node) -> Mark:
    if node.previous is MISSING:
        return "added"
    return "" if same(node.previous, node.value) else "changed"


def _shown(value: object) -> tuple[str, str]:
    """Return a value's text on its line, and the name of its style."""
    if isinstance(value, dict):
        return (f"{{{len(value):,}}}" if value else "{}"), "shape"
    if isinstance(value, (list, tuple)):
        return (f"[{len(value):,}]" if value else "[]"), "shape"
    if isinstance(value, str):
        return scalar_text(value), "string"
    return scalar_text(value), "literal" if value is None or isinstance(value, bool) else "number"
