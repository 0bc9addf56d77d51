"""Timeline: what happened, from left to right, with a cursor that is moved through it.

On one line it is a track of points; a second line names the point under the cursor; with more lines each lane
(a channel, for instance) has one of its own. It is deliberately not a clock: it shows times relative to its first
point, and whatever a label says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from nexus_widgets.timeline_lines import TimelineLines
from nexus_widgets.timeline_points import Placed, PointKind, TimelinePoint, place
from nexus_widgets.tone import TONE_CLASSES, tone_css

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.strip import Strip

__all__ = ["PointKind", "Timeline", "TimelinePoint"]


class Timeline(Widget, can_focus=True):
    """A track of points in time with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "move(1)", "Later", show=False, id="line.right"),
        Binding("left", "move(-1)", "Earlier", show=False, id="line.left"),
        Binding("shift+right", "move_to_kind(1)", "Next checkpoint", show=False),
        Binding("shift+left", "move_to_kind(-1)", "Previous checkpoint", show=False),
        Binding("home", "first", "First", show=False, id="line.first"),
        Binding("end", "last", "Last", show=False, id="line.last"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "timeline--track",
        "timeline--played",
        "timeline--cursor",
        "timeline--lane",
        "timeline--caption",
        "timeline--empty",
        *TONE_CLASSES,
    }

    DEFAULT_CSS = """
    Timeline { height: 2; background: $surface; color: $foreground; }
    Timeline > .timeline--track { color: $foreground 25%; }
    Timeline > .timeline--played { color: $primary; }
    Timeline > .timeline--cursor {
        color: $block-cursor-blurred-foreground;
        background: $block-cursor-blurred-background;
        text-style: bold;
    }
    Timeline:focus > .timeline--cursor {
        color: $block-cursor-foreground;
        background: $block-cursor-background;
        text-style: bold;
    }
    Timeline > .timeline--lane { color: $text-muted; }
    Timeline > .timeline--caption { color: $text-muted; }
    Timeline > .timeline--empty { color: $text-disabled; }
    """ + tone_css("Timeline")

    ALLOW_SELECT = False

    cursor: reactive[int] = reactive(0)
    """Index of the point under the cursor."""
    points: reactive[tuple[TimelinePoint, ...]] = reactive(())
    """The points, oldest first."""

    class PointHighlighted(Message):
        """The cursor came to another point."""

        def __init__(self, timeline: Timeline, index: int) -> None:
            """Remember the point's index."""
            self.timeline = timeline
            self.index = index
            super().__init__()

        @property
        def control(self) -> Timeline:
            """The timeline that sent it."""
            return self.timeline

    def __init__(
        self,
        points: Sequence[TimelinePoint] = (),
        *,
        empty: str = "nothing happened yet",
        scale: Literal["time", "order"] = "time",
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a timeline, with the cursor on its last point.

        Args:
            points: Oldest first.
            empty: What an empty timeline says.
            scale: Whether distances are those in time, or all the same.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._scale: Literal["time", "order"] = scale
        self._lines = TimelineLines(self, empty)
        self.set_reactive(Timeline.points, tuple(points))
        self.set_reactive(Timeline.cursor, max(len(points) - 1, 0))

    @property
    def point(self) -> TimelinePoint | None:
        """The point under the cursor."""
        return self.points[self.cursor] if self.points else None

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes there are, in order of first use."""
        return tuple(dict.fromkeys(point.lane for point in self.points if point.lane))

    def placed(self, width: int) -> list[Placed]:
        """Return the points that are shown and their cells.

        Args:
            width: Cells of the track.
        """
        return place([point.ts for point in self.points], width, self.cursor, by_time=self._scale == "time")

    def validate_cursor(self, index: int) -> int:
        """Keep the cursor on a point."""
        return max(0, min(index, len(self.points) - 1))

    def watch_cursor(self) -> None:
        """Tell the owner."""
        if self.points:
            self.post_message(self.PointHighlighted(self, self.cursor))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self._lines.line(y)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the nearest point."""
        offset = event.get_content_offset(self)
        if offset is not None and self.points:
            inside = offset.x - self._lines.track_x
            shown = self.placed(self._lines.track_width)
            self.cursor = min(shown, key=lambda each: abs(each.x - inside)).index

    def action_move(self, points: int) -> None:
        """Move the cursor by points."""
        self.cursor += points

    def action_move_to_kind(self, step: int) -> None:
        """Move the cursor to the next checkpoint, or the one before."""
        index = self.cursor + step
        while 0 <= index < len(self.points):
            if self.points[index].kind == "checkpoint":
                self.cursor = index
                return
            index += step

    def action_first(self) -> None:
        """Move the cursor to the first point."""
        self.cursor = 0

    def action_last(self) -> None:
        """Move the cursor to the last point."""
        self.cursor = len(self.points) - 1

    def set_points(self, points: Sequence[TimelinePoint]) -> None:
        """Show other points. A cursor on the last one stays on the last one; any other keeps its index.

        Args:
            points: Oldest first.
        """
        was_last = self.cursor >= len(self.points) - 1
        self.points = tuple(points)
        self.cursor = len(points) - 1 if was_last else self.cursor
