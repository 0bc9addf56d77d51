"""Progress as a bar of eighth blocks, with its share in figures beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nexus_widgets.cells import fitted
from nexus_widgets.styles import base_style

if TYPE_CHECKING:
    from rich.style import StyleType

_EIGHTHS = " ▏▎▍▌▋▊▉"
_PERCENT_WIDTH = 6


def bar(fraction: float, width: int, *, style: StyleType = "", track: StyleType = "dim") -> Text:
    """Draw a bar.

    Args:
        fraction: What is done, 0 to 1; beyond that it is cut, and NaN is nothing.
        width: Cells.
        style: Style of what is done.
        track: Style of what is left.

    Returns:
        A text of exactly `width` cells.
    """
    done, left = _parts(fraction, width)
    return Text.assemble((done, style), (left, track), end="")


def percent(fraction: float) -> str:
    """Write a share in percent, so that only what is complete says 100 and only nothing says 0.

    Args:
        fraction: 0 to 1.
    """
    if math.isnan(fraction):
        return "?"
    share = min(max(fraction, 0.0), 1.0)
    points = 0 if share == 0 else 100 if share == 1 else min(max(round(share * 100), 1), 99)
    return f"{points} %"


def labelled_bar(fraction: float, width: int, *, style: StyleType = "", track: StyleType = "dim") -> Text:
    """Draw a bar with its share in percent at the right, for a table's cell.

    Args:
        fraction: 0 to 1.
        width: Cells in all; under ten there is no bar.
        style: Style of what is done.
        track: Style of what is left.
    """
    label = percent(fraction)
    room = width - _PERCENT_WIDTH
    if room < 4:
        return Text(fitted(label, width, "right"), end="")
    drawn = bar(fraction, room, style=style, track=track)
    drawn.append(fitted(label, _PERCENT_WIDTH, "right"))
    return drawn


class ProgressCell(Widget):
    """One line of progress: a bar and its share."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"progress-cell--done", "progress-cell--track", "progress-cell--share"}

    DEFAULT_CSS = """
    ProgressCell { height: 1; color: $foreground; }
    ProgressCell > .progress-cell--done { color: $success; }
    ProgressCell > .progress-cell--track { color: $foreground 25%; }
    ProgressCell > .progress-cell--share { color: $text-muted; }
    """

    fraction: reactive[float] = reactive(0.0)
    """What is done, 0 to 1."""

    def __init__(
        self,
        fraction: float = 0.0,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a line of progress.

        Args:
            fraction: What is done, 0 to 1.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self.set_reactive(ProgressCell.fraction, fraction)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if y:
            return Strip.blank(width, base_style(self))
        done, left = _parts(self.fraction, max(width - _PERCENT_WIDTH, 0))
        share = fitted(percent(self.fraction), min(_PERCENT_WIDTH, width), "right")
        styles = [self.get_component_rich_style(f"progress-cell--{part}") for part in ("done", "track", "share")]
        segments = [Segment(text, style) for text, style in zip((done, left, share), styles, strict=True)]
        return Strip(segments).adjust_cell_length(width, base_style(self))


def _parts(fraction: float, width: int) -> tuple[str, str]:
    share = 0.0 if math.isnan(fraction) else min(max(fraction, 0.0), 1.0)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    done = "█" * full + (_EIGHTHS[rest] if rest else "")
    return done, "░" * (width - len(done))
