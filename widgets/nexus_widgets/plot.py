"""Plots made of braille dots or blocks, small enough for a tile and cheap enough for every update."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.styles import base_style, part_style
from nexus_widgets.text import cell_fit, cell_width, clean
from nexus_widgets.tone import TONE_CLASSES, Tone, tone_css, tone_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.color import Color

Kind = Literal["area", "line", "blocks"]
Value = float | None
"""A value of a series; None (and anything not finite) is a gap."""

_BRAILLE = 0x2800
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Bits of a braille cell's two columns, from the bottom up (the lowest left is 0x40, the lowest right 0x80)."""
_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one thing over time, oldest first."""

    values: tuple[Value, ...]
    tone: Tone = "plain"


def plot_rows(
    values: Sequence[Value],
    width: int,
    height: int,
    *,
    kind: Kind = "area",
    low: float | None = None,
    high: float | None = None,
) -> list[str]:
    """Draw a series, its newest value at the right edge.

    Args:
        values: Oldest first. Those that don't fit on the left are not drawn: there are two values in each cell of
            braille, one in each of blocks.
        width: Cells across.
        height: Lines.
        kind: Braille dots, filled down to the bottom (`area`) or not (`line`), or `blocks`.
        low: Value at the bottom; by default 0, or the least value when that is negative.
        high: Value at the top; by default the greatest value drawn.

    Returns:
        `height` texts of `width` cells, the top one first.
    """
    per_cell, per_line = (1, 8) if kind == "blocks" else (2, 4)
    columns = _tail(values, width * per_cell)
    levels = _levels(columns, height * per_line, low, high)
    spans = _spans(levels, filled=kind != "line")
    draw = _block_line if kind == "blocks" else _braille_line
    return [draw(spans, line * per_line) for line in reversed(range(height))]


def squeeze(values: Sequence[Value], count: int) -> list[Value]:
    """Reduce a series to fewer values by the mean of each part, so that all of it can be drawn.

    Args:
        values: Oldest first.
        count: The most values to return.
    """
    if len(values) <= count:
        return list(values)
    edges = [len(values) * part // count for part in range(count + 1)]
    return [_mean(values[start:stop]) for start, stop in pairwise(edges)]


class BrailleSpark(Widget):
    """A plot of one or more series, with a line for its title and its value when there is room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "braille-spark--title",
        "braille-spark--value",
        "braille-spark--low",
        "braille-spark--high",
        *TONE_CLASSES,
    }

    DEFAULT_CSS = """
    BrailleSpark { height: 3; color: $foreground; }
    BrailleSpark > .braille-spark--title { color: $text-muted; }
    BrailleSpark > .braille-spark--value { color: $foreground; text-style: bold; }
    BrailleSpark > .braille-spark--low { color: $primary; }
    BrailleSpark > .braille-spark--high { color: $text-primary; }
    """ + tone_css("BrailleSpark")

    title: reactive[str] = reactive("")
    """What is plotted; shown above the plot, if it has two lines or more."""
    value: reactive[str] = reactive("")
    """The newest value in words, at the right of the title."""
    series: reactive[tuple[Series, ...]] = reactive(())
    """What is plotted; where two meet in a cell, the later one is seen."""

    def __init__(
        self,
        values: Sequence[Value] = (),
        *,
        title: str = "",
        value: str = "",
        kind: Kind = "area",
        low: float | None = None,
        high: float | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a plot.

        Args:
            values: Oldest first.
            title: What is plotted.
            value: The newest value in words.
            kind: `area`, `line` or `blocks`.
            low: Value at the bottom; by default 0 or the least.
            high: Value at the top; by default the greatest.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._kind: Kind = kind
        self._low = low
        self._high = high
        self._drawn: list[Strip] = []
        self._drawn_for: object = None
        self.set_reactive(BrailleSpark.title, title)
        self.set_reactive(BrailleSpark.value, value)
        if values:
            self.set_reactive(BrailleSpark.series, (Series(tuple(values)),))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, height = self.size
        wanted = (width, height, self.title, self.value, self.series, base_style(self))
        if self._drawn_for != wanted:
            self._drawn = self._draw(width, height)
            self._drawn_for = wanted
        return self._drawn[y] if y < len(self._drawn) else Strip.blank(width, base_style(self))

    def notify_style_update(self) -> None:
        """Draw anew: the theme or a class changed."""
        super().notify_style_update()
        self._drawn_for = None

    def set_values(self, values: Sequence[Value], value: str | None = None) -> None:
        """Plot one series.

        Args:
            values: Oldest first.
            value: The newest value in words; None leaves it.
        """
        self.series = (Series(tuple(values)),)
        if value is not None:
            self.value = value

    def _draw(self, width: int, height: int) -> list[Strip]:
        has_caption = height > 1 and bool(self.title or self.value)
        lines = height - has_caption
        strips = self._plot(width, lines) if lines > 0 else []
        return [self._caption(width), *strips] if has_caption else strips

    def _caption(self, width: int) -> Strip:
        value = cell_fit(clean(self.value), width)
        room = max(width - cell_width(value), 0)
        return Strip([Segment(fitted(self.title, room), self._own("title")), Segment(value, self._own("value"))], width)

    def _plot(self, width: int, lines: int) -> list[Strip]:
        base = base_style(self)
        strips = [Strip.blank(width, base)] * lines
        low, high = _bounds([value for each in self.series for value in each.values], self._low, self._high)
        ramp = gradient(self, "braille-spark--low", "braille-spark--high", base)
        for order, each in enumerate(self.series):
            texts = plot_rows(each.values, width, lines, kind=self._kind, low=low, high=high)
            for y, text in enumerate(texts):
                share = (lines - 1 - y) / (lines - 1) if lines > 1 else 1.0
                style = ramp(share) if each.tone == "plain" else tone_style(self, each.tone)
                # Laying over goes cell by cell: the one series that most plots have needs none of it.
                strips[y] = _over(strips[y], text, style) if order else Strip([Segment(text, style)], width)
        return strips

    def _own(self, part: str) -> Style:
        return part_style(self, f"braille-spark--{part}")


def gradient(widget: Widget, low: str, high: str, base: Style) -> Callable[[float], Style]:
    """Make the colours between those of two component classes.

    Args:
        widget: The widget that has the classes.
        low: Component class of the colour at 0.
        high: Component class of the colour at 1.
        base: The style beneath.

    Returns:
        A function from a share (0 to 1) to a style.
    """
    first, last = widget.get_component_styles(low).color, widget.get_component_styles(high).color

    def style(share: float) -> Style:
        return base + Style(color=_mixed(first, last, share).rich_color)

    return style


def _mixed(first: Color, last: Color, share: float) -> Color:
    # Colours of the terminal's own palette have no components to mix.
    if first.ansi is not None or last.ansi is not None:
        return last if share > 0.5 else first
    return first.blend(last, share)


def _over(strip: Strip, text: str, style: Style) -> Strip:
    """Put a plot's line over another one; its blank cells let the other through."""
    below = strip.text
    segments: list[Segment] = []
    for index, char in enumerate(text):
        segments.extend(strip.crop(index, index + 1) if char in " \u2800" else [Segment(char, style)])
    return Strip(segments, len(below)).simplify()


def _tail(values: Sequence[Value], columns: int) -> list[Value]:
    if columns <= 0:
        return []
    last: list[Value] = [value if value is not None and math.isfinite(value) else None for value in values[-columns:]]
    gap: list[Value] = [None] * (columns - len(last))
    return gap + last


def _bounds(values: Sequence[Value], low: float | None, high: float | None) -> tuple[float, float]:
    known = [value for value in values if value is not None and math.isfinite(value)]
    bottom = min(0.0, min(known, default=0.0)) if low is None else low
    return bottom, max(known, default=0.0) if high is None else high


def _levels(columns: Sequence[Value], steps: int, low: float | None, high: float | None) -> list[int | None]:
    """Turn values into heights of 0 to `steps`; a value above the bottom is never drawn as nothing."""
    bottom, top = _bounds(columns, low, high)
    span = top - bottom
    levels: list[int | None] = []
    for value in columns:
        if value is None:
            levels.append(None)
        elif span <= 0:
            levels.append(1)
        else:
            share = min(max((value - bottom) / span, 0.0), 1.0)
            levels.append(max(round(share * steps), 1))
    return levels


def _spans(levels: Sequence[int | None], *, filled: bool) -> list[tuple[int, int]]:
    """Return the lowest and the highest step that is drawn in each column; (1, 0) draws nothing."""
    if filled:
        return [(1, level or 0) for level in levels]
    spans: list[tuple[int, int]] = []
    before: int | None = None
    for level in levels:
        if level is None:
            spans.append((1, 0))
        else:
            # A line has to reach up or down to its neighbour, or a steep one falls apart into dots.
            reached = level if before is None or before == level else before + (1 if level > before else -1)
            spans.append((min(level, reached), max(level, reached)))
        before = level
    return spans


def _block_line(spans: Sequence[tuple[int, int]], floor: int) -> str:
    return "".join(_BLOCKS[min(max(top - floor, 0), 8)] for _, top in spans)


def _braille_line(spans: Sequence[tuple[int, int]], floor: int) -> str:
    cells: list[str] = []
    for index in range(0, len(spans), 2):
        bits = 0
        for column, (low, top) in zip(_DOTS, spans[index : index + 2], strict=True):
            bits |= sum(column[max(low - floor - 1, 0) : max(top - floor, 0)])
        cells.append(chr(_BRAILLE + bits) if bits else " ")
    return "".join(cells)


def _mean(values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None
