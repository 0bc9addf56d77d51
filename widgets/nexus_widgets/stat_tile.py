"""StatTile: one figure with its name, its recent course and a line beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.plot import Kind, Value, gradient, plot_rows
from nexus_widgets.styles import base_style, part_style
from nexus_widgets.text import cell_fit, cell_width, clean
from nexus_widgets.tone import TONE_CLASSES, Tone, tone_css, tone_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style


class StatTile(Widget):
    """A figure in a frame.

    With a border, title and value are on the border; without one they take the first line. What lines are left go
    to the plot, and the last one to the sub line. On a single line the plot comes after the value.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "stat-tile--title",
        "stat-tile--value",
        "stat-tile--sub",
        "stat-tile--low",
        "stat-tile--high",
        *TONE_CLASSES,
    }

    DEFAULT_CSS = """
    StatTile {
        height: 4;
        border: round $foreground 25%;
        color: $foreground;
        border-title-color: $text-muted;
    }
    StatTile > .stat-tile--title { color: $text-muted; }
    StatTile > .stat-tile--value { color: $foreground; text-style: bold; }
    StatTile > .stat-tile--sub { color: $text-muted; }
    StatTile > .stat-tile--low { color: $primary; }
    StatTile > .stat-tile--high { color: $text-primary; }
    """ + tone_css("StatTile")

    title: reactive[str] = reactive("")
    """What the figure is."""
    value: reactive[str] = reactive("")
    """The figure, formatted."""
    sub: reactive[str] = reactive("")
    """A line beneath: where the figure comes from, or what it is made of."""
    tone: reactive[Tone] = reactive[Tone]("plain")
    """Whether the figure is good or bad."""
    values: reactive[tuple[Value, ...]] = reactive(())
    """The figure's recent course, oldest first; empty draws no plot."""

    def __init__(
        self,
        title: str = "",
        value: str = "",
        sub: str = "",
        *,
        values: Sequence[Value] = (),
        tone: Tone = "plain",
        kind: Kind = "area",
        low: float | None = None,
        high: float | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a tile.

        Args:
            title: What the figure is.
            value: The figure, formatted.
            sub: The line beneath: parts two spaces apart. Where they don't fit they stand closer, then the last go.
            values: The figure's recent course, oldest first.
            tone: Whether the figure is good or bad.
            kind: `area`, `line` or `blocks`.
            low: Value at the bottom of the plot; by default 0 or the least.
            high: Value at the top of the plot; by default the greatest.
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
        self.set_reactive(StatTile.title, title)
        self.set_reactive(StatTile.value, value)
        self.set_reactive(StatTile.sub, sub)
        self.set_reactive(StatTile.tone, tone)
        self.set_reactive(StatTile.values, tuple(values))

    def on_mount(self) -> None:
        """Write the border."""
        self._write_border()

    def watch_title(self) -> None:
        """Write the border."""
        self._write_border()

    def watch_value(self) -> None:
        """Write the border."""
        self._write_border()

    def watch_tone(self) -> None:
        """Write the border."""
        self._write_border()

    def notify_style_update(self) -> None:
        """Draw anew and write the border: the theme or a class changed."""
        super().notify_style_update()
        self._drawn_for = None
        if self.is_mounted:
            self._write_border()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, height = self.size
        if height == 1 and not self._has_border:
            return self._single(width)
        wanted = (width, height, self.title, self.value, self.sub, self.tone, self.values, self._has_border)
        if self._drawn_for != wanted:
            self._drawn = self._body(width, height)
            self._drawn_for = wanted
        return self._drawn[y] if y < len(self._drawn) else Strip.blank(width, base_style(self))

    def set_figure(self, value: str, values: Sequence[Value] | None = None, sub: str | None = None) -> None:
        """Change what changes with every update, in one paint.

        Args:
            value: The figure, formatted.
            values: Its recent course, oldest first; None leaves it.
            sub: The line beneath; None leaves it.
        """
        self.value = value
        if values is not None:
            self.values = tuple(values)
        if sub is not None:
            self.sub = sub

    @property
    def _has_border(self) -> bool:
        return bool(self.styles.border_top[0])

    def _write_border(self) -> None:
        if self.is_attached:
            self.border_title = self._heading() if self._has_border else None

    def _heading(self) -> Text:
        heading = Text(clean(self.title))
        if self.value:
            heading.append(" ")
            heading.append(clean(self.value), self._value_style)
        return heading

    def _body(self, width: int, height: int) -> list[Strip]:
        lines = [] if self._has_border else [self._caption(width)]
        sub = [Strip([Segment(fitted(_parts_that_fit(self.sub, width), width), self._own("sub"))], width)]
        sub = sub if self.sub else []
        room = height - len(lines) - len(sub)
        if self.values and room > 0:
            lines += self._plot(width, room)
        return lines + sub

    def _caption(self, width: int) -> Strip:
        value = cell_fit(clean(self.value), width)
        room = max(width - cell_width(value), 0)
        return Strip([Segment(fitted(self.title, room), self._own("title")), Segment(value, self._value_style)], width)

    def _single(self, width: int) -> Strip:
        title, value = clean(self.title), clean(self.value)
        head = Strip([Segment(f"{title} ", self._own("title")), Segment(f"{value} ", self._value_style)])
        room = width - head.cell_length
        plot = self._plot(room, 1) if self.values and room > 0 else []
        return Strip.join([head, *plot]).adjust_cell_length(width, base_style(self))

    def _plot(self, width: int, lines: int) -> list[Strip]:
        ramp = gradient(self, "stat-tile--low", "stat-tile--high", base_style(self))
        texts = plot_rows(self.values, width, lines, kind=self._kind, low=self._low, high=self._high)
        shares = [(lines - 1 - y) / (lines - 1) if lines > 1 else 1.0 for y in range(lines)]
        return [Strip([Segment(text, ramp(share))], width) for text, share in zip(texts, shares, strict=True)]

    @property
    def _value_style(self) -> Style:
        return self._own("value") if self.tone == "plain" else tone_style(self, self.tone)

    def _own(self, part: str) -> Style:
        return part_style(self, f"stat-tile--{part}")


def _parts_that_fit(text: str, width: int) -> str:
    """Whole parts: a figure that is cut off says something else."""
    parts = [part for part in clean(text).split("  ") if part]
    while len(parts) > 1:
        for gap in ("  ", " "):
            if cell_width(joined := gap.join(parts)) <= width:
                return joined
        parts.pop()
    return "".join(parts)
