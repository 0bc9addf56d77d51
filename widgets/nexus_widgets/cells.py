"""From cells to segments: fitted to a width, with a last look that nothing in them can act on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text

from nexus_widgets.text import cell_fit, cell_middle, cell_width, clean, is_inert
from nexus_widgets.tone import Toned, tone_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.style import Style
    from textual.widget import Widget

    from nexus_widgets.rows import Cell


def inert_text(text: Text) -> Text:
    """Return a styled text that is safe to draw on one line.

    Args:
        text: Any text. An inert one comes back as it is; otherwise the styles of parts are lost, since cleaning
            moves characters.
    """
    return text if is_inert(text.plain) else Text(clean(text.plain), style=text.style)


def fitted(text: str, width: int, justify: str = "left") -> str:
    """Clean, cut and pad a text to exactly a width.

    Args:
        text: Any text.
        width: Terminal cells.
        justify: `left`, `right`, `center`, or `middle`: left, and cut in the middle where it is too long.
    """
    cut = (cell_middle if justify == "middle" else cell_fit)(clean(text), width)
    pad = " " * max(width - cell_width(cut), 0)
    if justify == "right":
        return pad + cut
    if justify == "center":
        half = len(pad) // 2
        return pad[:half] + cut + pad[half:]
    return cut + pad


def plain_cell(cell: Cell) -> str:
    """Return a cell's text without its style.

    Args:
        cell: Any cell.
    """
    if isinstance(cell, str):
        return cell
    return cell.text if isinstance(cell, Toned) else cell.plain


def cell_segments(
    widget: Widget, cell: Cell, width: int, justify: str, base: Style, *, tail: str = ""
) -> list[Segment]:
    """Render a cell to exactly a width, and what comes after it.

    Args:
        widget: The widget that draws it, for tones.
        cell: What to draw.
        width: Terminal cells.
        justify: `left`, `right` or `middle`.
        base: The style beneath the cell's own.
        tail: Blanks after the cell; in its own segment if it has one style, since each segment costs bytes.
    """
    if isinstance(cell, Toned):
        style = base if cell.tone == "plain" else tone_style(widget, cell.tone)
        return [Segment(fitted(cell.text, width, justify) + tail, style)]
    if isinstance(cell, str):
        return [Segment(fitted(cell, width, justify) + tail, base)]
    text = inert_text(cell)
    if not text.spans:
        own = widget.app.console.get_style(text.style, default="none") if text.style else None
        return [Segment(fitted(text.plain, width, justify) + tail, base + own if own else base)]
    segments = _styled_segments(widget.app.console, text, width, justify, base)
    return [*segments, Segment(tail, base)] if tail else segments


def marked_segments(text: str, needle: str, base: Style, mark: Style) -> list[Segment]:
    """Split a text at every place where a needle is found, without regard to case.

    Args:
        text: Inert text.
        needle: What to mark; empty marks nothing.
        base: Style of the rest.
        mark: Style of the places.
    """
    if not needle:
        return [Segment(text, base)]
    found: list[Segment] = []
    # Where lower case changes the length (as that of İ does), places in it don't fit the text: match exactly.
    low, needle = (text.lower(), needle.lower()) if len(text.lower()) == len(text) else (text, needle)
    start = 0
    while (at := low.find(needle, start)) >= 0:
        if at > start:
            found.append(Segment(text[start:at], base))
        start = at + len(needle)
        found.append(Segment(text[at:start], mark))
    if start < len(text):
        found.append(Segment(text[start:], base))
    return found


def line_text(segments: Sequence[Segment]) -> str:
    """Join the texts of segments.

    Args:
        segments: What a line is made of.
    """
    return "".join(segment.text for segment in segments)


def _styled_segments(console: Console, text: Text, width: int, justify: str, base: Style) -> list[Segment]:
    text = text.copy()
    text.end = ""
    text.truncate(width, overflow="ellipsis")
    pad = width - text.cell_len
    segments = list(Segment.apply_style(text.render(console), base))
    if pad > 0:
        blank = Segment(" " * pad, base)
        segments = [blank, *segments] if justify == "right" else [*segments, blank]
    return segments
