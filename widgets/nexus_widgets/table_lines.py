"""The lines of a table: rows made into strips, and kept while neither the row nor the layout changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from nexus_widgets.cells import cell_segments, fitted, plain_cell
from nexus_widgets.columns import PlacedColumn, fit_columns
from nexus_widgets.styles import base_style
from nexus_widgets.text import cell_fit

if TYPE_CHECKING:
    from rich.style import Style

    from nexus_widgets.rows import Cell, Row
    from nexus_widgets.virtual_table import VirtualTable

CURSOR_GLYPH, MARK_GLYPH = ">", "●"
GUTTER = 3
_KEPT_LINES = 400


class TableLines:
    """Draws a table's lines."""

    def __init__(self, table: VirtualTable, empty: str) -> None:
        """Prepare to draw.

        Args:
            table: Whose lines.
            empty: What a table without rows says.
        """
        self._table = table
        self._empty = empty
        self._placed: tuple[PlacedColumn, ...] = ()
        self._blanks: list[str] = []
        self._fits = False
        self._width = -1
        self._kept: dict[tuple[str, bool, bool], tuple[Row, Strip]] = {}

    def say_when_empty(self, text: str) -> None:
        """Change what a table without rows says.

        Args:
            text: What it says.
        """
        self._empty = text

    def forget(self) -> None:
        """Lay the columns out and draw every line anew from now on."""
        self._kept.clear()
        self._width = -1

    def column_at(self, x: int) -> PlacedColumn | None:
        """Find a column by a place on the screen.

        Args:
            x: Cells from the left edge of the table.
        """
        inside = x - GUTTER
        if self._width < 0:
            self._place()
        return next((each for each in self._placed if each.x <= inside <= each.x + each.width), None)

    def line(self, y: int) -> Strip:
        """Draw a line of the screen.

        Args:
            y: Lines from the top; 0 is the header.
        """
        table = self._table
        if self._width != table.line_width:
            self._place()
        if y == 0:
            return self._header()
        index = table.scroll_offset.y + y - 1
        if index < table.total:
            row = table.row_at(index)
            is_cursor = index == table.cursor_index
            return self._placeholder(is_cursor=is_cursor) if row is None else self._row(row, is_cursor=is_cursor)
        if table.total == 0 and y == 2:
            return self._said(self._empty)
        return Strip.blank(table.line_width, base_style(table))

    def _place(self) -> None:
        self.forget()
        self._width = self._table.line_width
        self._placed = fit_columns(self._table.columns, max(self._width - GUTTER, 1))
        ends = [each.x for each in self._placed[1:]] + [max(self._width - GUTTER, 1)]
        self._fits = all(end >= each.x + each.width for end, each in zip(ends, self._placed, strict=True))
        self._blanks = [" " * (end - each.x - each.width) for end, each in zip(ends, self._placed, strict=True)]

    def _header(self) -> Strip:
        table = self._table
        style = table.get_component_rich_style("virtual-table--header")
        sorted_style = table.get_component_rich_style("virtual-table--sorted")
        segments = [Segment(" " * GUTTER, style)]
        for each, blank in zip(self._placed, self._blanks, strict=True):
            label, own = each.column.label, style
            if table.sort is not None and table.sort[0] == each.column.key:
                arrow = "▼" if table.sort[1] else "▲"
                label = f"{label} {arrow}" if len(label) + 2 <= each.width else cell_fit(label, each.width - 1) + arrow
                own = sorted_style
            segments.append(Segment(fitted(label, each.width, each.column.justify) + blank, own))
        return self._whole(segments, style)

    def _row(self, row: Row, *, is_cursor: bool) -> Strip:
        key = (row.key, is_cursor, self._table.is_marked(row.key))
        kept = self._kept.get(key)
        # The same row is drawn again each time the window is fetched: comparing is cheaper than drawing.
        if kept is not None and kept[0] == row:
            return kept[1]
        strip = self._drawn(row, is_cursor=is_cursor, is_marked=key[2])
        if len(self._kept) > _KEPT_LINES:
            self._kept.clear()
        self._kept[key] = (row, strip)
        return strip

    def _drawn(self, row: Row, *, is_cursor: bool, is_marked: bool) -> Strip:
        table = self._table
        gutter = f"{CURSOR_GLYPH if is_cursor else ' '}{MARK_GLYPH if is_marked else ' '} "
        flat = self._flat_style(is_cursor=is_cursor)
        if flat is not None:
            texts = [
                fitted(plain_cell(self._cell(row, each)), each.width, each.column.justify) + blank
                for each, blank in zip(self._placed, self._blanks, strict=True)
            ]
            return self._whole([Segment(gutter + "".join(texts), flat)], flat)
        base = base_style(table)
        mark = table.get_component_rich_style("virtual-table--mark") if is_marked else base
        segments = [Segment(gutter, mark)]
        for each, blank in zip(self._placed, self._blanks, strict=True):
            cell = self._cell(row, each)
            segments += cell_segments(table, cell, each.width, each.column.justify, base, tail=blank)
        return self._whole(segments, base)

    def _cell(self, row: Row, placed: PlacedColumn) -> Cell:
        return row.cells[placed.index] if placed.index < len(row.cells) else ""

    def _flat_style(self, *, is_cursor: bool) -> Style | None:
        """Return the one style of a row whose cells' own colours would not be readable, or not be true."""
        table = self._table
        if is_cursor:
            return table.get_component_rich_style("virtual-table--cursor")
        return table.get_component_rich_style("virtual-table--stale") if table.stale else None

    def _placeholder(self, *, is_cursor: bool) -> Strip:
        table = self._table
        style = table.get_component_rich_style("virtual-table--cursor" if is_cursor else "virtual-table--placeholder")
        segments = [Segment(f"{CURSOR_GLYPH if is_cursor else ' '}  ", style)]
        for each, blank in zip(self._placed, self._blanks, strict=True):
            dots = "·" * max(each.width // 2, 1)
            segments.append(Segment(fitted(dots, each.width, each.column.justify) + blank, style))
        return self._whole(segments, style)

    def _said(self, text: str) -> Strip:
        table = self._table
        style = table.get_component_rich_style("virtual-table--placeholder")
        return Strip([Segment(fitted(text, table.line_width, "center"), style)], table.line_width)

    def _whole(self, segments: list[Segment], style: Style) -> Strip:
        # Columns fill the width exactly wherever one fits at all, so that nothing has to be measured.
        return Strip(segments, self._width) if self._fits else Strip(segments).adjust_cell_length(self._width, style)
