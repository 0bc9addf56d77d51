"""The last look at what goes to the terminal: a line filter that lets no control or format character through.

Texts are cleaned where records become view models. This is for what nobody thought of: a widget of Textual's that
shows an input as it is, or a mistake of ours.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from nexus_widgets import cell_fit, cell_width, clean


class InertFilter(LineFilter):
    """Replaces what a terminal could act on; widths stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Make a line's segments inert.

        Args:
            segments: What a widget drew.
            background: Not looked at.
        """
        del background
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [self._inert(segment) for segment in segments]

    @staticmethod
    def _inert(segment: Segment) -> Segment:
        if segment.control or segment.text.isprintable():
            return segment
        width = segment.cell_length
        text = cell_fit(clean(segment.text), width)
        return Segment(text + " " * max(width - cell_width(text), 0), segment.style)
