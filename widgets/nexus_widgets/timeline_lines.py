"""The lines of a timeline: its track or lanes, and the caption of the point under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from nexus_widgets.cells import fitted
from nexus_widgets.styles import base_style, part_style
from nexus_widgets.text import cell_width, clean, duration
from nexus_widgets.tone import tone_style

if TYPE_CHECKING:
    from rich.style import Style

    from nexus_widgets.timeline import Timeline
    from nexus_widgets.timeline_points import TimelinePoint

_LANE_WIDTH = 8


class TimelineLines:
    """Draws a timeline's lines."""

    def __init__(self, timeline: Timeline, empty: str) -> None:
        """Prepare to draw.

        Args:
            timeline: Whose lines.
            empty: What a timeline without points says.
        """
        self._timeline = timeline
        self._empty = empty

    @property
    def has_lanes(self) -> bool:
        """Whether there is a line for each lane, and one for the caption."""
        return 1 < len(self._timeline.lanes) < self._timeline.size.height

    @property
    def track_x(self) -> int:
        """Cells before the track."""
        return _LANE_WIDTH if self.has_lanes else 0

    @property
    def track_width(self) -> int:
        """Cells of the track."""
        return max(self._timeline.size.width - self.track_x, 1)

    def line(self, y: int) -> Strip:
        """Draw a line.

        Args:
            y: Lines from the top.
        """
        timeline = self._timeline
        width = timeline.size.width
        tracks = len(timeline.lanes) if self.has_lanes else 1
        if not timeline.points:
            text = self._empty if y == 0 else ""
            return Strip([Segment(fitted(text, width), self._own("empty"))], width)
        if y < tracks:
            lane = timeline.lanes[y] if self.has_lanes else None
            return self._track(lane).adjust_cell_length(width, base_style(timeline))
        if y == tracks:
            return self._caption(width)
        return Strip.blank(width, base_style(timeline))

    def _track(self, lane: str | None) -> Strip:
        timeline, width = self._timeline, self.track_width
        shown = timeline.placed(width)
        at = {each.x: each.index for each in shown}
        cursor_x = next((each.x for each in shown if each.index == timeline.cursor), 0)
        played, track = self._own("played"), self._own("track")
        segments = [Segment(fitted(lane, _LANE_WIDTH), self._own("lane"))] if lane is not None else []
        for x in range(width):
            style = played if x <= cursor_x else track
            index = at.get(x)
            if index is None or (lane is not None and timeline.points[index].lane != lane):
                segments.append(Segment("─", style))
            else:
                segments.append(self._point(timeline.points[index], index, track))
        if shown[0].index > 0:
            segments[-width] = Segment("◂", track)
        if shown[-1].index < len(timeline.points) - 1:
            segments[-1] = Segment("▸", track)
        return Strip(segments).simplify()

    def _point(self, point: TimelinePoint, index: int, track: Style) -> Segment:
        timeline = self._timeline
        sign = clean(point.sign)
        # A glyph that isn't one cell wide would push the rest of the track.
        sign = sign if cell_width(sign) == 1 else "•"
        if index == timeline.cursor:
            return Segment(sign, timeline.get_component_rich_style("timeline--cursor"))
        return Segment(sign, tone_style(timeline, point.tone) if index < timeline.cursor else track)

    def _caption(self, width: int) -> Strip:
        timeline = self._timeline
        point = timeline.points[timeline.cursor]
        position = f"{timeline.cursor + 1}/{len(timeline.points)}"
        since = f"+{duration(max(point.ts - timeline.points[0].ts, 0))}"
        tail = f"  {clean(point.lane)}" if point.lane else ""
        segments = [
            Segment(f"{position}  {since}  ", self._own("caption")),
            Segment(f"{clean(point.sign)} {clean(point.label)}", tone_style(timeline, point.tone)),
            Segment(tail, self._own("caption")),
        ]
        return Strip(segments).adjust_cell_length(width, base_style(timeline))

    def _own(self, part: str) -> Style:
        return part_style(self._timeline, f"timeline--{part}")
