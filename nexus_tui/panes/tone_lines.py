"""ToneLines: short lines of toned words, some at the left and some at the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets import Toned, cell_fit, cell_width, clean
from nexus_widgets.styles import base_style
from nexus_widgets.tone import TONE_CLASSES, tone_css, tone_style


@dataclass(frozen=True, slots=True)
class Line:
    """Words at the left, and words at the right that have precedence."""

    left: tuple[Toned, ...] = ()
    right: tuple[Toned, ...] = ()


class ToneLines(Widget):
    """Draws lines; what doesn't fit is cut at the left part's end."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    DEFAULT_CSS = """
    ToneLines { height: auto; color: $foreground; }
    """ + tone_css("ToneLines")

    ALLOW_SELECT = False

    lines: reactive[tuple[Line, ...]] = reactive(())
    """What is drawn."""

    def watch_lines(self, old: tuple[Line, ...], new: tuple[Line, ...]) -> None:
        """Ask for another layout only when another height is wanted: times and ages change each second."""
        if len(old) != len(new):
            self.refresh(layout=True)

    def get_content_height(self, *_: object) -> int:
        """As high as there are lines."""
        return max(len(self.lines), 1)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if y >= len(self.lines):
            return Strip.blank(width, base_style(self))
        line = self.lines[y]
        right = self._segments(line.right, width)
        room = max(width - _width(right), 0)
        left = self._segments(line.left, room)
        gap = Segment(" " * max(room - _width(left), 0), base_style(self))
        return Strip([*left, gap, *right]).adjust_cell_length(width, base_style(self))

    def _segments(self, parts: Iterable[Toned], room: int) -> list[Segment]:
        segments: list[Segment] = []
        for part in parts:
            text = cell_fit(clean(part.text), room)
            if not text:
                break
            room -= cell_width(text)
            segments.append(Segment(text, tone_style(self, part.tone)))
        return segments


def _width(segments: Sequence[Segment]) -> int:
    return sum(cell_width(segment.text) for segment in segments)
